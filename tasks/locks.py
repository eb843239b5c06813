"""Locks between the processes of one machine: the kernel's, so that a killed process leaves none behind."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks import stopping

_LOOK_EVERY_S = 0.1


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, alone or with others who share it; `on_wait` is called before waiting, and may raise.

    The kernel frees the lock when the process ends, however it ends. The file stays. Whoever waits can be asked to
    stop.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _taken(file.fileno(), kind):
            on_wait()
            while not _taken(file.fileno(), kind):
                stopping.pause(_LOOK_EVERY_S)
        yield  # closing the file frees the lock


def _taken(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
