"""Ctrl-C: the first one stops at the step that is being made, the second at once. A `kill` stops at once, too."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tasks import stopping

STOPPED = 130
"""The exit status of what Ctrl-C has ended, as shells count it."""
KEPT = "Stopped. What is done is kept: the same command goes on from there."

_outermost = threading.Lock()


def notice() -> str:
    """What is said to who has pressed Ctrl-C while a step is made."""
    stages = sorted({work.stage for work in stopping.at_work().values() if work.stage})
    of = f" of {' and '.join(stages)}" if stages else ""
    return f"Stopping after this step{of}. Ctrl-C again stops at once and loses it."


def say(text: str) -> None:
    """Write a line to standard error, from within a signal's handler: Python's own streams may be in use just then."""
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"{text}\n".encode())


@contextmanager
def stoppable(tell: Callable[[str], None] = say, restore: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let Ctrl-C end the body with KeyboardInterrupt: after the step that is being made, or at once where none is.

    A second one ends it at once, with the whole process where other threads are at work: nobody can end those. SIGTERM,
    after which a system kills before long, ends it at once, and other threads at their steps.
    Inside another `stoppable`, and in other threads than the main one, nothing changes.

    tell: shows a notice. restore: makes the terminal usable before the process ends. Both run in a signal's handler.
    """
    if threading.current_thread() is not threading.main_thread() or not _outermost.acquire(blocking=False):
        yield
        return
    try:
        with stopping.fresh(), _handling(tell, restore):
            yield
    finally:
        _outermost.release()


@contextmanager
def _handling(tell: Callable[[str], None], restore: Callable[[], None]) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        again = stopping.is_asked()
        stopping.ask()
        if again and stopping.others_work():
            restore()
            say(KEPT)
            os._exit(STOPPED)
        if again or not stopping.is_worth_waiting():
            raise KeyboardInterrupt
        tell(notice())

    def end(_signal: int, _frame: FrameType | None) -> None:
        stopping.ask()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, by) for number, by in ((signal.SIGINT, stop), (signal.SIGTERM, end))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
