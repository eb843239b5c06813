"""Windows written to files as they are painted."""
