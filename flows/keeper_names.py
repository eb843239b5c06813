"""Names of workers: whose they are, on which machine, and which start of it is meant.

A worker that is started again has another name, so that of a flow run, which bears its worker's name, it is known
whether the worker that started it still lives.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks import environment
from tasks.errors import RefusedError

TRIES, PAUSE_S = 5, 0.2


@dataclass(frozen=True)
class Name:
    """base: as people call the worker. place: the machine, see `keeper_place.place`. start: which start of it."""

    base: str
    place: str
    start: str

    def __str__(self) -> str:
        return f"{self.base}.{self.place}.{self.start}"

    def again(self) -> Name:
        """The name of its next start."""
        return Name(self.base, self.place, secrets.token_hex(3))


def parse(text: str) -> Name | None:
    """The parts of a worker's name; None for one that no keeper has given."""
    parts = text.rsplit(".", 2)
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]) or not re.fullmatch(r"[0-9a-f]{6}", parts[2]):
        return None
    return Name(*parts)


def checked_base(text: str) -> str:
    """A name that Prefect takes and a file can have. Raises RefusedError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise RefusedError(
            f"A worker's name is letters, digits, dots, dashes and underscores, 100 at most; got {text!r}. "
            "Name it with --name, as in --name gpu0."
        )
    return text


@contextmanager
def hold(pool: str, base: str) -> Iterator[None]:
    """Be the only keeper of this name on this machine; the kernel gives it back. Raises RefusedError."""
    file = _lock(pool, base)
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_taken(lock) for _ in range(TRIES)):
            raise RefusedError(
                f"A worker called {base!r} of the pool {pool!r} already runs on this machine. Give this one another "
                "name: --name, or --gpu, which says which GPU it is for."
            )
        yield
    finally:
        os.close(lock)


def is_held(pool: str, base: str) -> bool:
    """Whether a keeper of this name lives on this machine."""
    try:
        lock = os.open(_lock(pool, base), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    """Take it if it is free; who only looked whether it is gives it back at once, so that a second look helps."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        time.sleep(PAUSE_S)
        return False
    return True


def _lock(pool: str, base: str) -> Path:
    return environment.read().cache.expanduser().absolute() / "workers" / f"{pool}.{base}.lock"
