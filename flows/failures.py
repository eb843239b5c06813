"""What a command says when it could not do its work, and with which exit code it ends."""

from __future__ import annotations

import sys
import traceback

from flows.interrupts import KEPT, STOPPED
from flows.terminal import plain
from prompts.errors import BudgetError, PlanError, ServiceError, StoryError
from tasks import environment
from tasks.errors import RefusedError, RunError
from zoomlib.errors import InvalidInputError, ZoomlibError

FAILED, REFUSED = 1, 2
REFUSALS = (RefusedError, InvalidInputError, StoryError, PlanError)


def report(error: BaseException) -> int:
    """Say on standard error what went wrong, in one paragraph, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader of a pipe has gone: nobody to talk to
        sys.stdout = None
        return FAILED
    if environment.read().debug and not isinstance(error, KeyboardInterrupt):
        traceback.print_exception(error)
    code, words = explain(error)
    print("\n".join(plain(line) for line in words.splitlines()), file=sys.stderr)
    return code


def explain(error: BaseException) -> tuple[int, str]:
    """Exit code and paragraph for an error."""
    if isinstance(error, KeyboardInterrupt):
        return STOPPED, KEPT
    if isinstance(error, REFUSALS):
        return REFUSED, f"Refused: {error}"
    if isinstance(error, BudgetError):
        return FAILED, f"Failed: {error} What is done is kept; under a higher ceiling it goes on from there."
    if isinstance(error, ServiceError):
        return FAILED, f"Failed: {error} What is done is kept; the same command goes on from there."
    if isinstance(error, RunError | ZoomlibError):
        return FAILED, f"Failed: {error}"
    if isinstance(error, OSError):
        return FAILED, f"Failed: {error}. What is done is kept; mend this and run the same command again."
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return FAILED, "Failed: out of memory. Ask for less: a smaller --set model.size, or --set model.offload=model."
    return FAILED, f"Failed: {type(error).__name__}: {error}. TENFOLD_DEBUG=1 shows where."
