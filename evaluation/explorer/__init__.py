"""The explorer: a plane without end, looked around on in a browser."""
