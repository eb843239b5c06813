"""What an interrupted picture leaves beside its place, in a hidden folder, for the same call to go on from."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoomlib.film.whole import only_one

NOTE, LOCK, REPLACED = "note", "lock", "replaced"
KEEP_FROM_S = 10.0
"""What has taken less is not kept: nobody wants it lie about, and it is soon painted again."""


class Work:
    """A folder of a picture in the making. done: tiles that are there."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder, self.identity, self.done = folder, identity.encode(), 0

    def is_same(self) -> bool:
        """Whether what is there is of the same picture."""
        note = self.folder / NOTE
        return note.is_file() and note.read_bytes() == self.identity

    def begin(self) -> None:
        """Remove what is there."""
        clear(self.folder)
        (self.folder / NOTE).write_bytes(self.identity)


def folder_of(path: Path) -> Path:
    """Where what is left of a picture is kept."""
    return path.with_name(f".{path.name}.kept")


def is_kept(path: Path | str) -> bool:
    """Whether something is left of a picture that was not finished."""
    return (folder_of(Path(path)) / NOTE).is_file()


def kept_bytes(path: Path) -> int:
    """What is left of a picture, in bytes: it is gone on with or removed, and so is room for the picture."""
    found = 0
    for folder, _, names in os.walk(folder_of(path)):  # which minds no folder that goes meanwhile
        for name in names:
            with suppress(OSError):
                found += Path(folder, name).stat().st_size
    return found


@contextmanager
def work_on(path: Path, identity: str) -> Iterator[Work]:
    """The folder in which a picture is made: with what was left of the same one, by its identity, else empty.

    It goes when the block ends, and stays, with what is in it, when the block ends with an error and there is work in
    it of more than some seconds. Raises InvalidInputError while another process works on the same picture.
    """
    folder = folder_of(path)
    with only_one(folder):
        work, begun = Work(folder, identity), time.monotonic()
        found = work.is_same()
        if not found:
            work.begin()
        try:
            yield work
        except BaseException:
            if not found and (not work.done or time.monotonic() - begun < KEEP_FROM_S):
                _remove(folder)
            raise
        clear(folder)
    with suppress(OSError):
        folder.rmdir()


def put(made: Path, path: Path, folder: Path) -> None:
    """Give a finished folder its place. One that was there is moved into the folder of work, and goes with it: of that
    a killed process leaves nothing elsewhere."""
    replaced = folder / REPLACED
    if path.exists() or path.is_symlink():
        shutil.rmtree(replaced, ignore_errors=True)
        path.replace(replaced)
    try:
        made.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            replaced.replace(path)
        raise


def _remove(folder: Path) -> None:
    """The whole folder: again where something was written to it meanwhile, by threads of zarr after an error."""
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def clear(folder: Path) -> None:
    """Remove all that is kept; first what says whose it is, so that half of it is nobody's."""
    (folder / NOTE).unlink(missing_ok=True)
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        elif left.name != LOCK:
            left.unlink(missing_ok=True)
