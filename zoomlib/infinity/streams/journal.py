"""What is painted and not yet in the picture's file: records that a killed process leaves whole, but for the last."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

from zoomlib.infinity.streams.appended import crc_of, read_at, write_at

_FRAME = struct.Struct("<QI")
"""Before each record: its length and its CRC-32."""
Buffer = Any
"""Bytes, or an array of them that lies in one piece."""


class Journal:
    """A file of records, the first of which says where it goes on from. `begin` writes one, `open` finds one."""

    def __init__(self, file: int, size: int) -> None:
        self._file, self.size = file, size

    @classmethod
    def begin(cls, path: Path, *head: Buffer, sync: bool = True) -> Journal:
        """A new one in the place of the one before, which is there until this one is on the disk."""
        new = path.with_name(f"{path.name}.new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        journal = cls(file, 0)
        try:
            journal.add(*head)
            if sync:
                os.fsync(file)
            new.replace(path)
            if sync:
                _sync_folder(path.parent)
        except BaseException:
            os.close(file)
            raise
        return journal

    @classmethod
    def open(cls, path: Path) -> tuple[Journal, bytes]:
        """One that was left, before its second record, and the first. Raises ValueError for a damaged one, OSError for
        none."""
        journal = cls(os.open(path, os.O_RDWR), 0)
        head = journal.next()
        if head is None:
            journal.close()
            raise ValueError(f"{path} is damaged.")
        return journal, head

    def add(self, *parts: Buffer) -> None:
        """Write a record, in parts, after the others. Raises OSError where there is no room for it."""
        views = [memoryview(part).cast("B") for part in parts if memoryview(part).nbytes]
        frame = _FRAME.pack(sum(map(len, views)), crc_of(views))
        offset = self.size
        for view in (memoryview(frame), *views):
            write_at(self._file, view, offset)
            offset += len(view)
        self.size = offset

    def next(self, length: int | None = None) -> bytes | None:
        """The next record, of `length` bytes, or None where no sound one follows: others are added there."""
        frame = read_at(self._file, _FRAME.size, self.size)
        if len(frame) < _FRAME.size:
            return None
        found, crc = _FRAME.unpack(frame)
        begin = self.size + _FRAME.size
        if found > os.fstat(self._file).st_size - begin or length not in (None, found):
            return None
        data = read_at(self._file, found, begin)
        if zlib.crc32(data) != crc:
            return None
        self.size += _FRAME.size + found
        return data

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
