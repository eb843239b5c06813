"""What runs in progress use of a store, and what stopped ones will need again: it is not swept away.

Each run in progress has a record, a file of lines: the digests of the keys that it has asked for, and the names of the
files that it has put into the store. A line is written before the store is looked at, and waits while somebody sweeps;
so a sweep has either read the line, or is over before the look. No clock decides anything. The record goes when the run
has ended well, since its folder names everything then; that of a run that was stopped, killed or failed stays. Where
the store is a depot's mirror, the depot is told the keys of runs that make something.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tasks.errors import RefusedError

if TYPE_CHECKING:
    from tasks.depot.depot import Depot

FOLDER = "begun"
"""Of records, in a store."""
SWEEP = Path("locks") / "sweep.lock"
VERSION = 1


@dataclass
class Record:
    """The record of a run in progress in this process."""

    store: Path
    path: Path
    file: IO[bytes]
    names: set[str] = field(default_factory=set)
    makes: bool = False
    told: frozenset[str] = frozenset()

    def note(self, name: str) -> None:
        """Add a line."""
        if name in self.names:
            return
        # A full disk is no reason to stop here: what is found needs no room, and what is made says so itself.
        with contextlib.suppress(OSError), _no_sweep(self.store):
            self.file.write(b"\n" + name.encode() + b"\n")  # unbuffered and in one piece, after half a line too
        self.names.add(name)
        self._tell()

    def make(self) -> None:
        """The key noted last was not found, and is made now."""
        self.makes = True
        self._tell()

    def _tell(self) -> None:
        """Tell the depot which keys are in use, once something is made: what was only found is here already."""
        keys = frozenset(name for name in self.names if "/" not in name)
        if keys == self.told or not self.makes:
            return
        with _depot(self.store) as depot:
            if depot is not None:
                depot.write(self._name, json.dumps({"version": VERSION, "keys": sorted(keys)}).encode())
                self.told = keys

    def end(self) -> None:
        """Remove it: the run's folder names everything now."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        if self.told:
            with _depot(self.store) as depot:
                if depot is not None:
                    depot.delete([self._name])

    @property
    def _name(self) -> str:
        return f"{self.store.name}/{FOLDER}/{self.path.name}.json"


_CURRENT: ContextVar[Record | None] = ContextVar("record", default=None)
_OPEN: dict[Path, list[Record]] = {}
"""Of this process, by store: for threads that do not know whose work they do."""


@contextmanager
def in_progress(store: Path, *, resumes: bool = True) -> Iterator[None]:
    """What the body asks the store for is kept; afterwards too where the body raises, and could go on (`resumes`)."""
    record = _begun(store.absolute())
    if record is None:  # a store that cannot be written cannot be swept either
        yield
        return
    _OPEN.setdefault(record.store, []).append(record)
    token = _CURRENT.set(record)
    try:
        yield
        record.end()
    finally:
        _CURRENT.reset(token)
        _OPEN[record.store].remove(record)
        if not record.names or not resumes:
            record.end()
        record.file.close()


def note(store: Path, name: str) -> None:
    """Whoever is at work in this context asks `store` for the key with that digest, or puts a file of that name."""
    for record in _at_work(store):
        record.note(name)


def making(store: Path) -> None:
    """Whoever is at work in this context makes what was noted last."""
    for record in _at_work(store):
        record.make()


def _at_work(store: Path) -> list[Record]:
    if not _OPEN:
        return []
    store, current = store.absolute(), _CURRENT.get()
    return [current] if current is not None and current.store == store else [*_OPEN.get(store, ())]


def _begun(store: Path) -> Record | None:
    path = store / FOLDER / uuid.uuid4().hex
    try:
        with _no_sweep(store):  # a record must not be taken for a stopped run's before it is locked
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab", buffering=0)
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return None
    return Record(store, path, file)


@contextmanager
def _depot(store: Path) -> Iterator[Depot | None]:
    """The depot that the store is the mirror of; what goes wrong with it in the body does not matter."""
    from tasks.depot.failures import DepotError
    from tasks.depot.roots import depot_of  # which itself keeps files by `tasks.store`

    with contextlib.suppress(DepotError, RefusedError):
        yield depot_of(store.parent)


@contextmanager
def _no_sweep(store: Path) -> Iterator[None]:
    with _flock(store / SWEEP, fcntl.LOCK_SH):
        yield


@contextmanager
def sweeping(store: Path) -> Iterator[None]:
    """While the body runs nobody begins to use anything of the store; what is in use is in the records."""
    with _flock(store / SWEEP, fcntl.LOCK_EX):
        yield


@contextmanager
def _flock(path: Path, kind: int) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, kind)
        yield


def records(store: Path) -> dict[Path, bool]:
    """The records in a store, and whether the process of each lives. The caller is `sweeping`."""
    return {path: _is_alive(path) for path in sorted((store / FOLDER).glob("*"))}


def _is_alive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # ended meanwhile
        pass
    return False


def names_in(record: Path) -> set[str]:
    """What a record names; of a line that a killed process left half-written, what there is of it."""
    try:
        return set(os.fsdecode(record.read_bytes()).split("\n")) - {""}
    except OSError:
        return set()
