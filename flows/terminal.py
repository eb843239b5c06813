"""How a run looks in a terminal: bars where there is one, plain lines where the output is a file or a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TextIO

from flows.interrupts import say, stoppable
from flows.lines import Lines
from flows.lines import plain as plain
from tasks.events import Listener, ignore
from tasks.stopping import heeding

SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def progress(stream: TextIO, *, quiet: bool = False) -> Iterator[Listener]:
    """A listener that shows a run's events on `stream`; in the body Ctrl-C stops at a step (`flows.interrupts`)."""
    notices: list[str] = []
    tell = say if quiet or not draws(stream) else notices.append  # below bars it is shown by those who draw them
    with ExitStack() as stack:
        # Entered before the bars are: what ends the process leaves a terminal that can be written in.
        stack.enter_context(stoppable(tell, partial(_restore, stream)))
        yield heeding(stack.enter_context(shown(stream, quiet=quiet, notices=notices)))


@contextmanager
def shown(stream: TextIO, *, quiet: bool = False, notices: Sequence[str] = ()) -> Iterator[Listener]:
    """As `progress`, and Ctrl-C is left alone. notices: lines to come, of which bars show the last one below them."""
    if quiet:
        yield ignore
    elif not draws(stream):
        yield Lines(partial(print, file=stream, flush=True))
    else:
        from flows.bars import bars

        with bars(stream, redirect_stdout=sys.stdout.isatty(), notices=notices) as listener:
            yield listener


def draws(stream: TextIO) -> bool:
    """Whether a stream is a terminal in which lines can be drawn anew."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def _restore(stream: TextIO) -> None:
    if draws(stream):
        say(SHOW_CURSOR)


def table(
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    folding: str | tuple[str, ...] | None = None,
    to: TextIO | None = None,
) -> None:
    """Print rows under a head, in columns as wide as their content, on standard output or `to`.

    Where the terminal is too narrow columns fold, or only those that `folding` names.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    foldable = head if folding is None else (folding,) if isinstance(folding, str) else folding
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in head:
        shown.add_column(title, overflow="fold", no_wrap=title not in foldable)
    for row in rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))  # Text: a cell is never markup
    Console(file=to, highlight=False).print(shown)
