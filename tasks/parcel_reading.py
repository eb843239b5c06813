"""Exports that are read: a folder, an archive, or a place in a depot. What no export holds, as links, is refused."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from tasks.depot.depot import Depot, open_depot
from tasks.depot.names import is_url, url_of
from tasks.errors import RefusedError
from tasks.parcels import INDEX, Index, parse_index

MOST_INDEX = 1 << 28
"""Bytes that an index may have."""


class Reader(Protocol):
    """An export that is read."""

    shown: str

    def index(self) -> Index:
        """What it holds. Raises RefusedError, also for files that no export has, as links."""

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A file in it, of its index."""


@contextmanager
def reading(source: str) -> Iterator[Reader]:
    """The export at a path or URL. Raises RefusedError where there is none."""
    if is_url(source):
        yield _DepotReader(open_depot(url_of(source)))
    elif Path(source).is_dir():
        yield _FolderReader(Path(source))
    elif Path(source).is_file():
        try:
            with zipfile.ZipFile(source) as archive:
                yield _ZipReader(archive, source)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise RefusedError(f"{source} cannot be read as an archive: {error}. Export or copy it again.") from error
    else:
        raise RefusedError(f"There is no {source}. Name a folder, a .zip or a URL that tenfold export has made.")


class _FolderReader:
    def __init__(self, folder: Path) -> None:
        self.folder, self.shown = folder, str(folder)

    def index(self) -> Index:
        """As `Reader`."""
        path = self.folder / INDEX
        if not path.is_file():
            raise RefusedError(
                f"{self.folder} holds no {INDEX}: it is no export. Make one of a folder of runs: tenfold export --all "
                f"TO --out {self.folder}"
            )
        return parse_index(path.read_bytes(), self.shown)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """As `Reader`; links are refused, wherever in the path."""
        path = self.folder
        for part in name.split("/"):
            path = path / part
            if path.is_symlink():
                raise RefusedError(f"{path} is a link, and an export has none. Export it again.")
        with _open_regular(path, self.shown) as file:
            yield file


class _ZipReader:
    def __init__(self, archive: zipfile.ZipFile, shown: str) -> None:
        self.archive, self.shown = archive, shown

    def index(self) -> Index:
        """As `Reader`."""
        members = [member for member in self.archive.infolist() if not member.is_dir()]
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or member.flag_bits & 1:
                raise RefusedError(
                    f"{self.shown}: {member.filename!a:.100} is a link, no plain file, or encrypted, and an export has "
                    "no such files. Nothing of it was read."
                )
        names = [member.filename for member in members]
        if INDEX not in names:
            raise RefusedError(f"{self.shown} holds no {INDEX}: it is no export of Tenfold.")
        if self.archive.getinfo(INDEX).file_size > MOST_INDEX:
            raise RefusedError(f"{self.shown}: {INDEX} is too large to be one. Export it again.")
        index = parse_index(self.archive.read(INDEX), self.shown)
        if len(set(names)) != len(names) or set(names) != {INDEX, *index.items}:
            odd = sorted(set(names) ^ {INDEX, *index.items}) or ["a name that occurs twice"]
            raise RefusedError(f"{self.shown} does not hold what its index tells: {odd[0]!a:.100}. Export it again.")
        return index

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """As `Reader`."""
        with self.archive.open(name) as file:
            yield file  # type: ignore[misc]


class _DepotReader:
    def __init__(self, depot: Depot) -> None:
        self.depot, self.shown = depot, depot.url

    def index(self) -> Index:
        """As `Reader`."""
        content = self.depot.read(INDEX)
        if content is None:
            raise RefusedError(f"{self.shown} holds no {INDEX}: it is no export, or one that was not finished.")
        return parse_index(content, self.shown)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """As `Reader`."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "content"
            if not self.depot.download(name, target):
                raise RefusedError(f"{self.shown} does not hold {name!a:.100}. Export it again.")
            with target.open("rb") as file:
                yield file


@contextmanager
def _open_regular(path: Path, shown: str) -> Iterator[BinaryIO]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not keep us waiting
    except OSError as error:
        raise RefusedError(f"{shown} does not hold {path.name!a:.100} as a file: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise RefusedError(f"{path} is no plain file, and an export has none such. Export it again.")
        yield file
