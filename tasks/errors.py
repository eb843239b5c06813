"""The errors that running a story raises."""

UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a file that is not as a run has left it can raise; errors of stories and of pydantic among them."""


class RunError(Exception):
    """Base of every error that `tasks` raises on purpose: a run that could not be finished."""


class RefusedError(RunError, ValueError):
    """The input was refused before any work and nothing was written. The message names what came and the remedy."""
