"""The two-alternative forced choice: which of two films looks better, asked of people."""
