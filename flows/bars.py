"""Runs as bars in a terminal: one for each stage of a single run, one for each of several runs in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from flows.interrupts import notice
from flows.lines import plain, told
from flows.pace import BatchPace, Pace, clock
from tasks import stopping
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

BAR, NAME = 24, 44
"""Widths in letters: of a bar, and of the longest name of a run that is shown whole."""
ALL = "runs"
MOST = 8
"""How many runs in flight have a bar each: a terminal has few lines."""


class Left(ProgressColumn):
    """The time that is left, or that a finished bar has taken."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """The cell of one bar."""
        if task.finished:
            return Text(clock(task.finished_time or 0.0))
        left = task.fields["pace"].left(time.monotonic())
        return Text("" if left is None else f"{clock(left)} left")


class Display(Progress):
    """Bars, and below them what becomes of a wish to stop.

    notices: what was told to who wished it; the last frame shows it even where the step ended before the next one.
    """

    notices: Sequence[str] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        """What is drawn ten times a second, by a thread that no step keeps waiting."""
        yield from super().get_renderables()
        if stopping.is_asked():
            yield Text(notice(), style="bold")
        elif self.notices:
            yield Text(self.notices[-1], style="bold")


@contextmanager
def bars(stream: TextIO, *, redirect_stdout: bool, notices: Sequence[str] = ()) -> Iterator[Bars]:
    """Bars on a terminal, for the time of the body. notices: see `Display`; read anew for each frame."""
    whole = Column(no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description:<16}", markup=False, table_column=whole),
        BarColumn(BAR),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False, table_column=whole),
        Left(),
    )
    with Display(*columns, console=Console(file=stream), redirect_stdout=redirect_stdout) as display:
        display.notices = notices
        yield Bars(display)


class Bars:
    """Shows events as bars: those of a single run stage below stage, and each of several in flight in one line."""

    def __init__(self, display: Progress) -> None:
        self.display = display
        self.stages: dict[str, TaskID] = {}  # of a run that is alone
        self.runs: dict[str, TaskID] = {}  # of those in flight, by name
        self.all: TaskID | None = None
        self.failed = 0
        self.pace = BatchPace()
        self.lock = threading.RLock()  # runs in flight tell from threads of their own

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self.lock:
            if isinstance(event, RunStarted | RunEnded):
                self._batch(event)
            elif isinstance(event, OfRun):
                self._in_flight(event.name, event.event)
            elif len(self.runs) == 1:
                self._in_flight(next(iter(self.runs)), event)
            else:
                self._alone(event)

    def _alone(self, event: StageEvent) -> None:
        if isinstance(event, StageStarted):
            if event.stage in self.stages:
                self.display.remove_task(self.stages[event.stage])
            self.stages[event.stage] = self._bar(event.stage, event)
        elif isinstance(event, StageWaiting | StageNoted):
            self._say(f"{event.stage}: {told(event)}")
        elif event.stage in self.stages:
            self._move(self.stages[event.stage], event)

    def _in_flight(self, name: str, event: StageEvent) -> None:
        if isinstance(event, StageWaiting | StageNoted):
            self._say(f"{name}: {event.stage}: {told(event)}")
        elif isinstance(event, StageStarted):
            if name in self.runs:
                self.display.remove_task(self.runs.pop(name))
            if len(self.runs) < MOST:
                self.runs[name] = self._bar(f"{shortened(name)}: {event.stage}", event)
        elif name in self.runs:
            self._move(self.runs[name], event)

    def _batch(self, event: RunStarted | RunEnded) -> None:
        now = time.monotonic()
        if self.all is None:
            self.all = self.display.add_task(ALL, total=event.total, unit="", pace=self.pace)
        if isinstance(event, RunStarted):
            self.pace.begin(now)
            if len(self.runs) < MOST:
                self.runs[event.name] = self.display.add_task(
                    shortened(event.name), total=None, unit="begins", pace=Pace(0)
                )
            return
        if event.name in self.runs:
            self.display.remove_task(self.runs.pop(event.name))
        if event.error:
            self.failed += 1
            self._say(f"{event.name} failed: {event.error}")
        self.display.advance(self.all)
        bar = self.display.tasks[self.display.task_ids.index(self.all)]
        self.pace.end(event.seconds, int(event.total - bar.completed), now)
        self.display.update(self.all, unit=f"{self.failed} failed" if self.failed else "")

    def _bar(self, name: str, event: StageStarted) -> TaskID:
        pace = Pace(event.total)
        return self.display.add_task(
            plain(name), total=event.total, completed=event.done, unit=plain(event.unit), pace=pace
        )

    def _move(self, bar: TaskID, event: StageMoved | StageDone) -> None:
        task = self.display.tasks[self.display.task_ids.index(bar)]
        done = task.total if isinstance(event, StageDone) else event.done
        task.fields["pace"].move(done or 0, time.monotonic())
        self.display.update(bar, completed=done)

    def _say(self, text: str) -> None:
        self.display.console.print(plain(text), markup=False, highlight=False)


def shortened(name: str) -> str:
    """A name that leaves room for its bar."""
    name = plain(name)
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
