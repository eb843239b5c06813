"""What files hash to, remembered by everything that a change of a file changes: who asks again need not read again.

The memo is this machine's alone (it names inodes), lies in TENFOLD_CACHE, and may be deleted at any time. Where it
cannot be read or written, files are simply read.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tasks import environment

Sign = tuple[int, int, int, int]
"""Size, mtime and ctime in nanoseconds, inode."""

FILE = "hashes.db"
MOST = 1_000_000
"""Rows, before the older half is forgotten."""
_AT_ONCE, _EVERY_S = 512, 5.0
_TICK_NS, _COARSE_TICK_NS = 100_000_000, 3_000_000_000
"""What the times of a file are told by moves in ticks: a second change within one would not show."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def known_sha256(path: Path) -> str:
    """As `sha256_of`; a file that has not changed since it was last asked for is not read. Raises OSError."""
    return memo().sha256(path)


def memo() -> Memo:
    """The memo in this environment's cache."""
    return _memo_at(str(environment.cache_folder()))


@functools.cache
def _memo_at(folder: str) -> Memo:
    made = Memo(Path(folder).expanduser() / FILE)
    atexit.register(made.flush)
    return made


class Memo:
    """Hashes of files by path, kept in the database `file`; safe for threads, and for several processes at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._new: dict[str, tuple[Sign, str]] = {}
        self._flushed = time.monotonic()
        self._database: sqlite3.Connection | None = None
        self._process = 0  # a connection must not be used by a forked process
        self._out_of_use = False

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file's bytes, in hex. Raises OSError."""
        name, before = str(path.absolute()), _sign(path.stat())
        known = self._known(name)
        if known is not None and known[0] == before:
            return known[1]
        found = sha256_of(path)
        after = _sign(path.stat())
        if after == before and _is_settled(after):
            self._remember(name, after, found)
        return found

    def written(self, path: Path, sha256: str, stamp_ns: int) -> None:
        """Remember a file that the caller has just written, and stamped by `stamped`."""
        with contextlib.suppress(OSError):
            sign = _sign(path.stat())
            if sign[1] == stamp_ns:
                self._remember(str(path.absolute()), sign, sha256)

    def flush(self) -> None:
        """Write down what is new."""
        with self._lock:
            self._flush()

    def prune(self) -> None:
        """Forget files that are gone."""
        with self._lock, self._trying():
            self._flush()
            if (database := self._opened(make=False)) is not None:
                gone = [row for row in database.execute("SELECT path FROM hashes") if not Path(row[0]).exists()]
                with database:
                    database.executemany("DELETE FROM hashes WHERE path = ?", gone)

    def _known(self, name: str) -> tuple[Sign, str] | None:
        with self._lock, self._trying():
            if name in self._new:
                return self._new[name]
            if (database := self._opened(make=False)) is not None:
                query = "SELECT size, mtime_ns, ctime_ns, inode, sha256 FROM hashes WHERE path = ?"
                row = database.execute(query, (name,)).fetchone()
                return None if row is None else ((row[0], row[1], row[2], row[3]), row[4])
        return None

    def _remember(self, name: str, sign: Sign, sha256: str) -> None:
        with self._lock:
            self._new[name] = sign, sha256
            if len(self._new) >= _AT_ONCE or time.monotonic() - self._flushed >= _EVERY_S:
                self._flush()

    def _flush(self) -> None:
        rows = [(name, *sign, sha256) for name, (sign, sha256) in self._new.items()]
        self._new, self._flushed = {}, time.monotonic()
        with self._trying():
            if rows and (database := self._opened(make=True)) is not None:
                with database:
                    database.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)
                    last, first = database.execute("SELECT max(rowid), min(rowid) FROM hashes").fetchone()
                    if last - first > MOST:
                        database.execute("DELETE FROM hashes WHERE rowid < ?", (last - MOST // 2,))

    def _opened(self, *, make: bool) -> sqlite3.Connection | None:
        if self._process != os.getpid():
            self._database, self._process = None, os.getpid()
        if self._database is None and not self._out_of_use and (make or self._file.is_file()):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._file, timeout=1.0, check_same_thread=False)
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS hashes "
                "(path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, sha256 TEXT)"
            )
        return self._database

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        """What fails in the body puts the memo out of use; a damaged file of it is removed for the next process."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                return  # another process is writing: this once without
            self._database, self._out_of_use = None, True
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                with contextlib.suppress(OSError):
                    self._file.unlink()


def stamped(path: Path) -> int:
    """Give a file that is being written a time of its own, which no later change can have; returns it.

    The kernel's own times move in ticks of some milliseconds, in which two changes look the same.
    """
    now = time.time_ns() | 1  # odd: no file system that rounds keeps it, and `Memo.written` sees that
    os.utime(path, ns=(now, now))
    return now


def _sign(stat: os.stat_result) -> Sign:
    # An inode may be larger than a database's numbers, which have a sign.
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino & (2**63 - 1)


def _is_settled(sign: Sign) -> bool:
    """Whether a change from now on would show: the last one lies more than a tick back."""
    changed = max(sign[1], sign[2])
    tick = _COARSE_TICK_NS if sign[2] % 1_000_000_000 == 0 else _TICK_NS
    return time.time_ns() - changed > tick
