"""Planning by a language model: drafts, checks, repairs."""
