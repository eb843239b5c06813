"""What a run tells while it works. Nothing here prints: whoever started the run decides what to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class StageStarted:
    """A stage is being made, `done` of `total` units having been made by an earlier, interrupted run."""

    stage: str
    total: int
    unit: str
    done: int = 0


@dataclass(frozen=True)
class StageMoved:
    """`done` of the stage's units are made."""

    stage: str
    done: int


@dataclass(frozen=True)
class StageWaiting:
    """Another process is making the same thing; this one waits for it."""

    stage: str


@dataclass(frozen=True)
class StageNoted:
    """Something is done otherwise than asked, as fewer levels at a time because memory ran out: a sentence."""

    stage: str
    text: str


@dataclass(frozen=True)
class StageDone:
    """The stage's artefacts are there: made now, or found (`made` False)."""

    stage: str
    made: bool
    seconds: float


@dataclass(frozen=True)
class RunStarted:
    """One of several runs is begun: `number` of `total`, from 1. name: which one, for people."""

    number: int
    total: int
    name: str


@dataclass(frozen=True)
class RunEnded:
    """One of several runs is done, or has failed for the reason in `error`."""

    number: int
    total: int
    name: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class OfRun:
    """An event of a stage of one of several runs in flight. name: the run's, as in its `RunStarted`."""

    name: str
    event: StageEvent


StageEvent = StageStarted | StageMoved | StageWaiting | StageNoted | StageDone
Event = StageEvent | RunStarted | RunEnded | OfRun
DOWNLOAD, READING = "download", "reading"
"""The stages that the getting of a model, and the hashing of its files, are told as."""

Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """The listener of a caller who wants no news."""


def of_run(name: str, to: Listener) -> Listener:
    """A listener that a run in flight beside others tells its stages to; `to` hears whose they are."""
    return lambda event: to(OfRun(name, event) if isinstance(event, StageEvent) else event)


_LISTENER: ContextVar[Listener] = ContextVar("listener", default=ignore)


def listener() -> Listener:
    """Who listens to the run in progress. Through an engine no function travels, so that it is found here."""
    return _LISTENER.get()


@contextmanager
def listening(to: Listener) -> Iterator[None]:
    """Send the events of runs in the body to `to`."""
    token = _LISTENER.set(to)
    try:
        yield
    finally:
        _LISTENER.reset(token)
