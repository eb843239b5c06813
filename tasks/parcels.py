"""What an export is: a folder, an archive or a place in a depot, with an index that tells every file in it.

Each kind has a reader and a writer. An export appears whole or not at all: a folder and an archive are renamed, in a
depot the index is written last.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import stat
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tasks.depot.depot import Depot, open_depot
from tasks.depot.names import is_url, url_of
from tasks.errors import RefusedError
from tasks.store import artifact_of, left_beside, replacing, written
from tasks.versions import software

INDEX = "tenfold-export.json"
VERSION = 1
MOST_INDEX = 1 << 28
"""Bytes that an index may have."""
_PACKED = (".json", ".yaml", ".html", ".srt", ".svg")


@dataclass(frozen=True)
class Item:
    """A file of an export: its name relative to the folder of all runs, size in bytes, SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What an export holds. runs: as story/id."""

    runs: tuple[str, ...]
    items: Mapping[str, Item]
    software: str = ""

    def dump(self) -> bytes:
        """As the file that tells it; `parse_index` is the inverse."""
        files = {item.name: [item.size, item.sha256] for item in self.items.values()}
        facts = {"version": VERSION, "software": software(), "runs": list(self.runs), "files": files}
        return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def parse_index(content: bytes, shown: str) -> Index:
    """The index of an export. Raises RefusedError for what is none, and for one of another version."""
    try:
        facts: Any = json.loads(content)
        if facts["version"] != VERSION:
            raise RefusedError(
                f"{shown} is an export of version {facts['version']!r} (by {str(facts.get('software'))!a:.60}), and "
                f"this Tenfold reads version {VERSION}. Update Tenfold, or export it again with this version."
            )
        items = {
            str(name): Item(str(name), _whole(size), artifact_of(sha256, 0, "x").sha256)
            for name, (size, sha256) in facts["files"].items()
        }
        return Index(tuple(str(run) for run in facts["runs"]), items, str(facts.get("software", "")))
    except RefusedError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError(f"{shown}: {INDEX} is damaged ({error!r:.200}). Export it again.") from error


def _whole(size: object) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"{size!r} is no size")
    return size


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


class Writer(Protocol):
    """An export that is written. What was added is seen once `finish` has been called."""

    def add(self, item: Item, file: BinaryIO) -> None:
        """Put a file in. Raises RunError where its content is not the item's."""

    def finish(self, index: Index) -> None:
        """All is in."""


@contextmanager
def writing(target: str) -> Iterator[Writer]:
    """A new export at a path or URL, gone again where the body raises. Raises RefusedError where something is."""
    check_new(target)
    if is_url(target):
        yield _DepotWriter(open_depot(url_of(target)))
    elif target.lower().endswith(".zip"):
        with replacing(Path(target)) as temporary:
            with zipfile.ZipFile(temporary, "w") as archive:
                yield _ZipWriter(archive)
            check_new(target)
    else:
        with _growing(Path(target)) as folder:
            yield _FolderWriter(folder)


def check_new(target: str) -> None:
    """Raise RefusedError where an export would replace something."""
    if is_url(target):
        depot = open_depot(url_of(target))
        if next(iter(depot.entries()), None) is not None:
            raise RefusedError(f"{depot.url} holds something already. Name a new place, as {depot.url}/export-2.")
    elif (path := Path(target)).exists() and not (path.is_dir() and not any(path.iterdir())):
        raise RefusedError(f"{path} is there already, and is not replaced. Name a new folder, or a new .zip.")


@contextmanager
def _growing(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` where the body succeeds. What killed processes have left of such is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in left_beside(target):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    folder = target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex}.part")
    folder.mkdir()
    try:
        with _held(folder):
            yield folder
            folder.rename(target)  # over an empty folder, too; fails where another process was quicker
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold what is being written, so that others see that somebody lives. Raises BlockingIOError where one does."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, item: Item, file: BinaryIO) -> None:
        """As `Writer`."""
        written(file, self.folder / item.name, artifact_of(item.sha256, item.size, "x"))

    def finish(self, index: Index) -> None:
        """As `Writer`."""
        with replacing(self.folder / INDEX) as temporary:
            temporary.write_bytes(index.dump())


class _ZipWriter:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def add(self, item: Item, file: BinaryIO) -> None:
        """As `Writer`; pictures and films are packed already."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "content"
            written(file, copy, artifact_of(item.sha256, item.size, "x"))
            self._write(item.name, copy)

    def finish(self, index: Index) -> None:
        """As `Writer`."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / INDEX
            copy.write_bytes(index.dump())
            self._write(INDEX, copy)

    def _write(self, name: str, file: Path) -> None:
        told = zipfile.ZipInfo(name)  # of no time: the same runs make the same archive
        told.external_attr = (stat.S_IFREG | 0o644) << 16
        told.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
        told.file_size = file.stat().st_size
        with file.open("rb") as content, self.archive.open(told, "w") as packed:
            shutil.copyfileobj(content, packed, io.DEFAULT_BUFFER_SIZE * 64)


class _DepotWriter:
    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    def add(self, item: Item, file: BinaryIO) -> None:
        """As `Writer`."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "content"
            written(file, copy, artifact_of(item.sha256, item.size, "x"))
            self.depot.upload(copy, item.name)

    def finish(self, index: Index) -> None:
        """As `Writer`."""
        self.depot.write(INDEX, index.dump())
