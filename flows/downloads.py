"""Models on their way here are shown by whatever command needs them, before its own work begins."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TextIO

from flows.terminal import shown
from tasks.events import DOWNLOAD, READING, Event, Listener, StageMoved, StageStarted


class Downloads:
    """Shows downloads, and the reading of what is large, on `stream`, and nothing else.

    A run in progress has a listener of its own.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.open = stream, ExitStack()
        self.shown: Listener | None = None
        self.total = 0

    def __call__(self, event: Event) -> None:
        """Show one event, if it is of a download."""
        if isinstance(event, StageStarted) and event.stage in (DOWNLOAD, READING):
            self.open.close()
            self.shown, self.total = self.open.enter_context(shown(self.stream)), event.total
            self.shown(event)
        elif isinstance(event, StageMoved) and event.stage in (DOWNLOAD, READING) and self.shown is not None:
            self.shown(event)
            if event.done >= self.total:
                self.close()

    def close(self) -> None:
        """Leave the terminal as it was, also where a download has failed."""
        self.open.close()
        self.shown = None
