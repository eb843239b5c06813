"""A package by name, because libraries that are installed beside us bring a `tests` of their own."""
