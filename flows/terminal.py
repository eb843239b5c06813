"""How a run looks in a terminal: bars where there is one, plain lines where the output is a file or a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from tasks.events import (
    Event,
    Listener,
    RunEnded,
    RunStarted,
    StageDone,
    StageMoved,
    StageNoted,
    StageStarted,
    StageWaiting,
    ignore,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 5.0


def plain(text: str) -> str:
    """Text of a stranger made harmless: one line, no control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def progress(stream: TextIO, *, quiet: bool = False) -> Iterator[Listener]:
    """A listener that shows a run's events on `stream`."""
    if quiet:
        yield ignore
    elif not stream.isatty():
        yield Lines(stream)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=Console(file=stream)) as bars:
            yield Bars(bars)


class Bars:
    """Shows every stage as a bar with its units and the time left."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.shown: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, StageStarted):
            self.shown[event.stage] = self.bars.add_task(
                event.stage, total=event.total, completed=event.done, unit=event.unit
            )
        elif isinstance(event, StageMoved):
            self.bars.update(self.shown[event.stage], completed=event.done)
        elif isinstance(event, StageWaiting):
            self.bars.console.print(f"{event.stage}: another process is making it; waiting", markup=False)
        elif isinstance(event, StageNoted):
            self.bars.console.print(f"{event.stage}: {plain(event.text)}", markup=False, highlight=False)
        elif isinstance(event, RunStarted):
            self._next_run(event)
        elif isinstance(event, RunEnded):
            self.bars.update(self.shown["runs"], completed=event.number)
            if event.error:
                text = f"{plain(event.name)} failed: {plain(event.error)}"
                self.bars.console.print(text, markup=False, highlight=False)
        elif event.stage in self.shown:
            bar = self.bars.tasks[self.shown[event.stage]]
            self.bars.update(bar.id, completed=bar.total)

    def _next_run(self, event: RunStarted) -> None:
        """Take the stages of the run before away; the bar of all runs stays on top."""
        from rich.markup import escape  # columns read markup, and a title is none

        if "runs" not in self.shown:
            self.shown["runs"] = self.bars.add_task("runs", total=event.total, unit="")
        for stage in [stage for stage in self.shown if stage not in ("runs", "engine")]:
            self.bars.remove_task(self.shown.pop(stage))
        self.bars.update(self.shown["runs"], unit=f"now {escape(plain(event.name))}")


class Lines:
    """Tells of every stage in plain lines, at most one every few seconds while a stage moves."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started: StageStarted | None = None
        self.since = self.last = 0.0
        self.first = 0

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        if isinstance(event, StageStarted):
            self.started, self.first, self.last = event, 0, time.monotonic()
            resumed = f", going on from {event.done}" if event.done else ""
            self._say(f"{event.stage}: {event.total} {event.unit}{resumed}")
        elif isinstance(event, StageMoved):
            self._moved(event)
        elif isinstance(event, StageWaiting):
            self._say(f"{event.stage}: another process is making it; waiting")
        elif isinstance(event, StageNoted):
            self._say(f"{event.stage}: {plain(event.text)}")
        elif isinstance(event, StageDone):
            self._say(f"{event.stage}: made in {event.seconds:.1f} s" if event.made else f"{event.stage}: reused")
        elif isinstance(event, RunStarted):
            self._say(f"run {event.number} of {event.total}: {plain(event.name)}")
        elif event.error:
            self._say(f"run {event.number} of {event.total} failed: {plain(event.error)}")

    def _moved(self, event: StageMoved) -> None:
        now = time.monotonic()
        started = self.started
        if started is None or not started.done < event.done < started.total:
            return
        if not self.first:  # what comes before the first unit, as loading, is not its pace
            self.first, self.since = event.done, now
        if event.done == self.first or now - self.last < LINE_EVERY_S:
            return
        self.last = now
        left = (now - self.since) / (event.done - self.first) * (started.total - event.done)
        self._say(f"{event.stage}: {event.done} of {started.total} {started.unit}, {left:.0f} s left")

    def _say(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


def table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, folding: str | None = None, to: TextIO | None = None
) -> None:
    """Print rows under a head, in columns as wide as their content, on standard output or `to`.

    Where the terminal is too narrow columns fold, or only the one that `folding` names.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in head:
        shown.add_column(title, overflow="fold", no_wrap=folding is not None and title != folding)
    for row in rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))  # Text: a cell is never markup
    Console(file=to, highlight=False).print(shown)
