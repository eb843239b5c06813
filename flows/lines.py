"""Events as plain lines: where the output is no terminal, and in the logs of flow runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flows.pace import Pace
from tasks.events import (
    Event,
    OfRun,
    RunEnded,
    RunStarted,
    StageDone,
    StageEvent,
    StageMoved,
    StageNoted,
    StageStarted,
    StageWaiting,
)

LINE_EVERY_S, IN_FLIGHT_EVERY_S = 5.0, 30.0
"""How often a stage that moves is told of: of a run that is alone, and of each of several in flight."""


def plain(text: str) -> str:
    """Text of a stranger made harmless: one line, no control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


class Lines:
    """Tells of every stage in plain lines, at most one every few seconds while a stage moves."""

    def __init__(self, say: Callable[[str], None], every_s: float = LINE_EVERY_S) -> None:
        self.say, self.every_s = say, every_s
        self.stages: dict[str, _Stage] = {}  # by the name of the run
        self.lock = threading.RLock()  # runs in flight tell from threads of their own

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        with self.lock:
            said = self._run(event)
            if said:
                self.say(plain(said))

    def _run(self, event: Event) -> str:
        if isinstance(event, RunStarted):
            return f"run {event.number} of {event.total}: {event.name}"
        if isinstance(event, RunEnded):
            self.stages.pop(event.name, None)
            return f"run {event.number} of {event.total} failed: {event.error}" if event.error else ""
        if isinstance(event, OfRun):
            said = self._stage(event.name, event.event)
            return f"{event.name}: {said}" if said else ""
        return self._stage("", event)

    def _stage(self, name: str, event: StageEvent) -> str:
        if isinstance(event, StageMoved):
            stage = self.stages.get(name)
            every_s = max(self.every_s, IN_FLIGHT_EVERY_S) if name else self.every_s
            return "" if stage is None else stage.moved(event, every_s)
        if isinstance(event, StageStarted):
            self.stages[name] = _Stage(event)
            resumed = f", going on from {event.done}" if event.done else ""
            return f"{event.stage}: {event.total} {event.unit}{resumed}"
        if isinstance(event, StageDone):
            return f"{event.stage}: made in {event.seconds:.1f} s" if event.made else f"{event.stage}: reused"
        return f"{event.stage}: {told(event)}"


class _Stage:
    """A stage that is being made, and when a line was last told of it."""

    def __init__(self, started: StageStarted) -> None:
        self.started, self.pace, self.last = started, Pace(started.total), time.monotonic()

    def moved(self, event: StageMoved, every_s: float) -> str:
        """How far it is, if that is to be said now."""
        now, started = time.monotonic(), self.started
        self.pace.move(event.done, now)
        left = self.pace.left(now)
        if left is None or now - self.last < every_s or not started.done < event.done < started.total:
            return ""
        self.last = now
        return f"{event.stage}: {event.done} of {started.total} {started.unit}, {left:.0f} s left"


def told(event: StageWaiting | StageNoted) -> str:
    """What a stage says besides how far it is."""
    return "another process is making it; waiting" if isinstance(event, StageWaiting) else event.text
