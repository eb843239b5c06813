"""How a run looks in a terminal: bars where there is one, plain lines where the output is a file or a pipe."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TextIO

from flows.interrupts import say, stoppable
from flows.pace import Pace
from tasks.events import (
    Event,
    Listener,
    OfRun,
    RunEnded,
    RunStarted,
    StageDone,
    StageEvent,
    StageMoved,
    StageNoted,
    StageStarted,
    StageWaiting,
    ignore,
)
from tasks.stopping import heeding

LINE_EVERY_S, IN_FLIGHT_EVERY_S = 5.0, 30.0
"""How often a stage that moves is told of: of a run that is alone, and of each of several in flight."""
SHOW_CURSOR = "\x1b[?25h"


def plain(text: str) -> str:
    """Text of a stranger made harmless: one line, no control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def progress(stream: TextIO, *, quiet: bool = False) -> Iterator[Listener]:
    """A listener that shows a run's events on `stream`; in the body Ctrl-C stops at a step (`flows.interrupts`)."""
    with ExitStack() as stack:
        # Entered before the bars are: what ends the process leaves a terminal that can be written in.
        stack.enter_context(stoppable(partial(_tell, stream), partial(_restore, stream)))
        yield heeding(stack.enter_context(shown(stream, quiet=quiet)))


@contextmanager
def shown(stream: TextIO, *, quiet: bool = False) -> Iterator[Listener]:
    """As `progress`, and Ctrl-C is left alone."""
    if quiet:
        yield ignore
    elif not draws(stream):
        yield Lines(stream)
    else:
        from flows.bars import bars

        with bars(stream, redirect_stdout=sys.stdout.isatty()) as listener:
            yield listener


def draws(stream: TextIO) -> bool:
    """Whether a stream is a terminal in which lines can be drawn anew."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def _tell(stream: TextIO, text: str) -> None:
    if not draws(stream):  # below bars it is shown by those who draw them
        say(text)


def _restore(stream: TextIO) -> None:
    if draws(stream):
        say(SHOW_CURSOR)


class Lines:
    """Tells of every stage in plain lines, at most one every few seconds while a stage moves."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.stages: dict[str, _Stage] = {}  # by the name of the run
        self.lock = threading.RLock()  # runs in flight tell from threads of their own

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        with self.lock:
            if isinstance(event, RunStarted):
                self._say(f"run {event.number} of {event.total}: {event.name}")
            elif isinstance(event, RunEnded):
                self.stages.pop(event.name, None)
                if event.error:
                    self._say(f"run {event.number} of {event.total} failed: {event.error}")
            elif isinstance(event, OfRun):
                self._stage(event.name, event.event)
            else:
                self._stage("", event)

    def _stage(self, name: str, event: StageEvent) -> None:
        said = self._told(name, event)
        if said:
            self._say(f"{name}: {said}" if name else said)

    def _told(self, name: str, event: StageEvent) -> str:
        if isinstance(event, StageMoved):
            stage = self.stages.get(name)
            return "" if stage is None else stage.moved(event, IN_FLIGHT_EVERY_S if name else LINE_EVERY_S)
        if isinstance(event, StageStarted):
            self.stages[name] = _Stage(event)
            resumed = f", going on from {event.done}" if event.done else ""
            return f"{event.stage}: {event.total} {event.unit}{resumed}"
        if isinstance(event, StageDone):
            return f"{event.stage}: made in {event.seconds:.1f} s" if event.made else f"{event.stage}: reused"
        return f"{event.stage}: {told(event)}"

    def _say(self, line: str) -> None:
        print(plain(line), file=self.stream, flush=True)


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
