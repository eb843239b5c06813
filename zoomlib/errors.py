"""The errors that the numerical core raises."""


class ZoomlibError(Exception):
    """Base of every error that `zoomlib` raises on purpose."""


class InvalidInputError(ZoomlibError, ValueError):
    """An argument was refused before any work. The message says what was expected, what came, and the remedy."""
