"""Exports that are written: they appear whole or not at all, and replace nothing."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import stat
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from tasks.depot.depot import Depot, open_depot
from tasks.depot.names import is_url, url_of
from tasks.errors import RefusedError
from tasks.parcels import INDEX, Index, Item
from tasks.store import artifact_of, left_beside, replacing, written

_PACKED = (".json", ".yaml", ".html", ".srt", ".svg")


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
