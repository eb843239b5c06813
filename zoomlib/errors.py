"""The errors that the numerical core raises."""


class ZoomlibError(Exception):
    """Base of every error that `zoomlib` raises on purpose."""


class InvalidInputError(ZoomlibError, ValueError):
    """An argument was refused before any work. The message says what was expected, what came, and the remedy."""


class NoRoomError(ZoomlibError):
    """Memory has run out though as little as possible was asked for at a time. The message says what needs less."""


class UnsoundError(ZoomlibError):
    """A model made numbers that are none. The message says in which precision, and which to use."""
