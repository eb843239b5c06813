"""Files that are there whole or not at all, also after a kill; refusals of places where nothing can be written."""

import errno
import fcntl
import glob
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from zoomlib.errors import InvalidInputError
from zoomlib.film.ffmpeg import VideoError

SETTINGS = "settings.json"
FRAMES, SPARE, PLACED = "frames", "picture.part", "placed"
OURS = (SPARE, PLACED, SETTINGS, f".{SETTINGS}.*.part", "segment_*", ".segment_*.part", "segments.txt", "tags.txt")
ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a file to, which takes the name `path` when the block ends without an error.

    The temporary file is locked while it is ours; unlocked ones, which killed processes left behind, are removed.
    Raises VideoError when the disk is full.
    """
    with room_needed(path), _temporary(path) as temporary:
        yield temporary
        sync(temporary)
        temporary.replace(path)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Make `folder` and hold it until the block ends. Raises InvalidInputError while another process does."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    with lock.open("wb") as file, _held(file) as free:
        if not free or not os.fstat(file.fileno()).st_nlink:  # the last holder has just removed it
            raise InvalidInputError(f"Another process is at work in {folder}: wait for it, or give another folder.")
        yield
        lock.unlink(missing_ok=True)


def only_of(settings: object, folder: Path) -> None:
    """Throw away what `folder` keeps of other settings, which are plain values that JSON can hold."""
    note, text = folder / SETTINGS, json.dumps(settings, indent=1)
    if not note.is_file() or note.read_text(encoding="utf-8") != text:
        clear(folder)
        with whole(note) as temporary:
            temporary.write_text(text, encoding="utf-8")


def clear(folder: Path) -> None:
    """Remove what a film left in its folder of work, and nothing else."""
    for pattern in OURS:
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)
    shutil.rmtree(folder / FRAMES, ignore_errors=True)


@contextmanager
def room_needed(path: Path) -> Iterator[None]:
    """Turn errors of a full disk into VideoError with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in ROOM:
            raise VideoError(f"{path} was not written: {error.strerror}. Make room there and start again.") from error
        raise


def check_place(path: Path) -> None:
    """Make the folder that `path` is to lie in. Raises InvalidInputError where nothing can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with room_needed(path), _temporary(path):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"Nothing can be written to {path.parent}: {error.strerror}. Choose another folder, or permit it."
        ) from error


def sync(path: Path) -> None:
    """Wait until the file at `path` is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Give a finished folder its place, also on another disk, in the stead of the one that may be there."""
    with room_needed(target):
        arrived = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        try:
            source.replace(arrived)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copytree(source, arrived)
        old = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        with suppress(FileNotFoundError):
            target.replace(old)
        arrived.replace(target)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError, IsADirectoryError), left.open("rb") as stale, _held(stale) as free:
            if free:
                left.unlink()
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    with temporary.open("xb") as file, _held(file):
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _held(file: IO[bytes]) -> Iterator[bool]:
    """Try to lock `file` until the block ends; whether that succeeded. The kernel frees a killed process's locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
