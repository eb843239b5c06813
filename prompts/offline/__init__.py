"""Planning without a language model: a way through the scale ladder."""
