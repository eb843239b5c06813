"""How much of a run, or of several, is made: one number that never falls, and the words for it."""

from __future__ import annotations

import threading
import time

from flows.lines import plain
from flows.pace import BatchPace, Pace, clock
from tasks.events import Event, OfRun, RunEnded, RunStarted, StageDone, StageEvent, StageMoved, StageStarted

WEIGHTS = {"story": 4.0, "sampling": 62.0, "levels": 12.0, "video": 15.0}
"""About how many hundredths of a run its stages take where a model draws; every other stage takes 1."""
MOST = 8
"""How many runs in flight are told of one by one."""


class _Run:
    """One run: the stages that are done, and the one that is made now."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.stage: StageStarted | None = None
        self.moved, self.pace = 0, Pace(0)

    def note(self, event: StageEvent) -> None:
        if isinstance(event, StageStarted):
            self.stage, self.moved, self.pace = event, event.done, Pace(event.total)
        elif isinstance(event, StageMoved) and self.stage is not None and event.stage == self.stage.stage:
            self.moved = event.done
            self.pace.move(event.done, time.monotonic())
        elif isinstance(event, StageDone):
            self.done.add(event.stage)
            self.stage = None

    @property
    def share(self) -> float:
        """Of 1; a run that is not over is never whole."""
        made = sum(WEIGHTS.get(stage, 1.0) for stage in self.done)
        if self.stage is not None and self.stage.stage not in self.done:
            part = self.moved / self.stage.total if self.stage.total else 0.0
            made += WEIGHTS.get(self.stage.stage, 1.0) * min(max(part, 0.0), 1.0)
        return min(made / 100, 0.99)

    @property
    def text(self) -> str:
        if self.stage is None:
            return "between stages" if self.done else "begins"
        left = self.pace.left(time.monotonic())
        rest = "" if left is None else f", {clock(left)} left"
        return f"{self.stage.stage}: {self.moved} of {self.stage.total} {self.stage.unit}{rest}"


class Extent:
    """How far a flow run is. May be told and asked by several threads."""

    def __init__(self, title: str) -> None:
        self.title = plain(title)
        self.runs: dict[str, _Run] = {}
        self.total, self.ended, self.failed = 0, 0, 0
        self.pace, self.most, self.over = BatchPace(), 0.0, False
        self.lock = threading.Lock()

    def note(self, event: Event) -> None:
        """Take an event into account."""
        with self.lock:
            if isinstance(event, RunStarted):
                self.total = event.total
                self.runs = {name: run for name, run in self.runs.items() if name} | {event.name: _Run()}
                self.pace.begin(time.monotonic())
            elif isinstance(event, RunEnded):
                self.total, self.ended = event.total, self.ended + 1
                self.failed += event.error is not None
                self.runs.pop(event.name, None)
                self.pace.end(event.seconds, self.total - self.ended, time.monotonic())
            else:
                self._stage(event)

    def _stage(self, event: OfRun | StageEvent) -> None:
        name, inner = (event.name, event.event) if isinstance(event, OfRun) else ("", event)
        if not name and len(self.runs) == 1:  # runs that are made one after the other
            name = next(iter(self.runs))
        self.runs.setdefault(name, _Run()).note(inner)

    def end(self) -> None:
        """All is made."""
        with self.lock:
            self.over = True

    @property
    def percent(self) -> float:
        """From 0 to 100, never less than before."""
        with self.lock:
            flying = sum(run.share for run in self.runs.values())
            share = (self.ended + flying) / self.total if self.total else flying
            self.most = 1.0 if self.over else max(self.most, min(share, 1.0))
            return round(100 * self.most, 1)

    @property
    def text(self) -> str:
        """A line for each run in flight, below one of all where there are several."""
        with self.lock:
            if self.over:
                return f"{self.title}: done"
            if not self.total:
                return f"{self.title}: {next((run.text for run in self.runs.values()), 'begins')}"
            left = self.pace.left(time.monotonic())
            words = [f"{self.ended} of {self.total} done", *([f"{self.failed} failed"] if self.failed else [])]
            words += [] if left is None else [f"{clock(left)} left"]
            flying = [f"- {plain(name)}: {run.text}" for name, run in list(self.runs.items())[:MOST]]
            flying += [f"- and {len(self.runs) - MOST} more"] if len(self.runs) > MOST else []
            return "\n".join([f"{self.title}: {', '.join(words)}", *([""] if flying else []), *flying])
