"""Stopping: whoever works is asked to end where it can go on later, at the step that it is at.

A signal is for the whole process, and so is the wish to stop. Work hears of it through its own events: a listener made
`heeding` raises KeyboardInterrupt at the next one after which nothing is lost, in whatever thread that comes. Code
that waits without telling anything calls `check` or `pause`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.events import Event, Listener, OfRun, RunEnded, RunStarted, StageDone, StageMoved, StageStarted

RESUMED = ("sampling", "levels", "video", "diffusion", "training")
"""Stages that go on from the step at which they ended; others are begun anew, and need not be waited for."""
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Work:
    """What a thread is at: a stage, or (where the name is empty) what lies between the stages of a run."""

    thread: int
    stage: str = ""


class _Wish:
    """Plain attributes and no lock: a signal's handler reads and writes them between any two instructions."""

    asked = False
    work: Mapping[str, Work] = {}


def ask() -> None:
    """Ask everything in this process that heeds it to stop. Quick, and safe in a signal's handler."""
    _Wish.asked = True


def is_asked() -> bool:
    """Whether work is to stop."""
    return _Wish.asked


def check() -> None:
    """Raise KeyboardInterrupt if work is to stop: to be called where nothing would be lost."""
    if _Wish.asked:
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
        name, event = (event.name, event.event) if isinstance(event, OfRun) else ("", event)
        _note(name, event)
        if isinstance(event, StageStarted | StageMoved | StageDone | RunStarted):
            check()

    return listen


def at_work() -> Mapping[str, Work]:
    """What is being made, by the name of the run; "" stands for one that has no name."""
    return _Wish.work


def is_worth_waiting() -> bool:
    """Whether a step is being made that others can go on from, or other threads work, which nobody can interrupt."""
    return any(work.stage in RESUMED for work in at_work().values()) or others_work()


def others_work() -> bool:
    """Whether other threads than the main one work."""
    main = threading.main_thread().ident
    return any(work.thread != main for work in at_work().values())


@contextmanager
def fresh() -> Iterator[None]:
    """Nobody has asked at the start of the body, and its end forgets that somebody did."""
    _Wish.asked, _Wish.work = False, {}
    try:
        yield
    finally:
        _Wish.asked, _Wish.work = False, {}


@contextmanager
def scope() -> Iterator[None]:
    """Who asks in the body asks those in it: what leaves it by an error takes the wish along, for it has been heard."""
    before = _Wish.asked
    try:
        yield
    except BaseException:
        _Wish.asked = before
        raise


_NOTING = threading.Lock()


def _note(name: str, event: Event) -> None:
    with _NOTING:  # readers see the mapping before or after, whole
        work = dict(_Wish.work)
        if isinstance(event, RunStarted):
            work = {key: at for key, at in work.items() if key} | {event.name: Work(threading.get_ident())}
        elif isinstance(event, RunEnded):
            work = {key: at for key, at in work.items() if key not in ("", event.name)}
        elif isinstance(event, StageStarted):
            work[name] = Work(threading.get_ident(), event.stage)
        elif isinstance(event, StageDone):
            work[name] = Work(threading.get_ident())
        _Wish.work = work
