"""The folder of all runs that a command works in: what `--out` and TENFOLD_RUNS name, a folder or a URL."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.terminal import plain
from tasks import environment
from tasks.depot.roots import open_root, send_all

_OPENED: dict[Path, None] = {}


def root_of(out: str | Path | None) -> Path:
    """The local folder of all runs; of a URL, this machine's mirror. Raises RefusedError for a URL of no store."""
    root = open_root(out or environment.read().runs)
    _OPENED[root] = None
    return root


def send() -> None:
    """At the end of a command: send to their depots whatever has been written into the folders it has worked in."""
    for root in _OPENED:
        send_all(root, noted=lambda text: print(plain(text), file=sys.stderr))
    _OPENED.clear()
