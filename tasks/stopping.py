"""Stopping: whoever works is asked to end where it can go on later, at the step that it is at.

A signal is for the whole process, and so is the wish to stop. Work hears of it through its own events: a listener made
`heeding` raises KeyboardInterrupt at the next one after which nothing is lost, in whatever thread that comes. Code
that waits without telling anything calls `check` or `pause`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.events import Event, Listener, OfRun, RunEnded, RunStarted, StageDone, StageMoved, StageStarted

RESUMED = ("sampling", "levels", "video", "diffusion")
"""Stages that go on from the step at which they ended; others are begun anew, and need not be waited for."""
LOOK_EVERY_S = 0.1


class _Wish:
    """Plain attributes and no lock: a signal's handler writes them between any two instructions of a thread."""

    def __init__(self) -> None:
        self.asked = False
        self.steps: dict[str, tuple[int, str]] = {}  # by run: the thread and the stage that a step is made in


_wish = _Wish()


def ask() -> None:
    """Ask everything in this process that heeds it to stop. Quick, and safe in a signal's handler."""
    _wish.asked = True


def is_asked() -> bool:
    """Whether work is to stop."""
    return _wish.asked


def check() -> None:
    """Raise KeyboardInterrupt if work is to stop: to be called where nothing would be lost."""
    if _wish.asked:
        raise KeyboardInterrupt


def pause(seconds: float) -> None:
    """Sleep as one who can be asked to stop. Raises KeyboardInterrupt."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, LOOK_EVERY_S))
    check()


def heeding(to: Listener) -> Listener:
    """A listener that tells `to`, and then raises KeyboardInterrupt if work is to stop and the event is one after which
    it goes on from there: a stage that begins, a step that is kept, a stage that is done, a run that begins."""

    def listen(event: Event) -> None:
        to(event)
        _note(event)
        if isinstance(event.event if isinstance(event, OfRun) else event, _RESTS):
            check()

    return listen


_RESTS = (StageStarted, StageMoved, StageDone, RunStarted)


def steps() -> dict[str, tuple[int, str]]:
    """Steps being made, by run ("" where there is but one): the thread's number and the stage's name."""
    return dict(_wish.steps)


@contextmanager
def fresh() -> Iterator[None]:
    """Nobody has asked at the start of the body, and its end forgets that somebody did."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    _wish.asked = False
    _wish.steps = {}


def _note(event: Event) -> None:
    name, event = (event.name, event.event) if isinstance(event, OfRun) else ("", event)
    if isinstance(event, RunStarted | RunEnded):
        _wish.steps.pop("", None)
        _wish.steps.pop(event.name, None)
    elif isinstance(event, StageDone):
        _wish.steps.pop(name, None)
    elif isinstance(event, StageStarted) and event.stage in RESUMED:
        _wish.steps[name] = threading.get_ident(), event.stage
