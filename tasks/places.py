"""Where files are kept by name, a local folder or a depot, as those see it who look through all of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from tasks.depot.depot import Depot, Entry
from tasks.depot.marker import depot_of
from tasks.hashes import sha256_of

T = TypeVar("T")
_AT_ONCE, _IN_FLIGHT = 8, 256


class Place(Protocol):
    """Files by name, relative to the folder of all runs. Names that are not there are None, or nothing."""

    shown: str
    is_here: bool

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The files under a folder, at any depth."""

    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders right under one, sorted."""

    def size(self, name: str) -> int | None:
        """Of a file, in bytes."""

    def read(self, name: str) -> bytes | None:
        """The content of a file."""

    def sha256(self, name: str) -> str | None:
        """Of a file's content as it is now, in hex."""

    def delete(self, names: Iterable[str]) -> None:
        """Remove files."""


class Here:
    """A local folder."""

    is_here = True

    def __init__(self, root: Path) -> None:
        self.root, self.shown = root, str(root)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """As `Place`. Links are not followed."""
        own = len(os.path.join(self.root, ""))  # noqa: PTH118  plain text: there may be 100,000 files
        waiting = [str(self.root / prefix if prefix else self.root)]
        while waiting:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(waiting.pop()) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        with contextlib.suppress(FileNotFoundError):
                            yield Entry(entry.path[own:], entry.stat(follow_symlinks=False).st_size, None)

    def folders(self, prefix: str = "") -> list[str]:
        """As `Place`."""
        folder = self.root / prefix if prefix else self.root
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path.relative_to(self.root).as_posix() for path in found if path.is_dir())

    def size(self, name: str) -> int | None:
        """As `Place`."""
        try:
            status = (self.root / name).stat()
        except OSError:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def read(self, name: str) -> bytes | None:
        """As `Place`."""
        try:
            return (self.root / name).read_bytes()
        except OSError:
            return None

    def sha256(self, name: str) -> str | None:
        """As `Place`; a file that the disk does not give is one that is not as it was."""
        try:
            return sha256_of(self.root / name)
        except FileNotFoundError:
            return None
        except OSError:
            return ""

    def delete(self, names: Iterable[str]) -> None:
        """As `Place`."""
        for name in names:
            (self.root / name).unlink(missing_ok=True)


class There:
    """A depot."""

    is_here = False

    def __init__(self, depot: Depot) -> None:
        self.depot, self.shown = depot, depot.url
        self.entries, self.folders = depot.entries, depot.folders
        self.size, self.read, self.delete = depot.size, depot.read, depot.delete

    def sha256(self, name: str) -> str | None:
        """As `Place`."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "content"
            return sha256_of(target) if self.depot.download(name, target) else None


def place_of(root: Path) -> Place:
    """Where what `root` stands for is kept: its depot, or the folder itself."""
    depot = depot_of(root)
    return Here(root) if depot is None else There(depot)


def each(place: Place, act: Callable[[str], T], names: Iterable[str]) -> Iterator[tuple[str, T]]:
    """Names with what `act` gives for each, in order; several at once where each waits for a network."""
    if place.is_here:
        yield from ((name, act(name)) for name in names)
        return
    waiting = iter(names)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while part := list(islice(waiting, _IN_FLIGHT)):
            yield from zip(part, pool.map(act, part), strict=True)


def hash_of(content: bytes) -> str:
    """SHA-256 of content, in hex."""
    return hashlib.sha256(content).hexdigest()
