"""Files that only grow, so that what a killed process has written of one is sound up to some byte."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 2**20


class Appended:
    """A file to whose end bytes are added, beginning after `head`, with the CRC-32 of all that was added.

    size, crc: of what an earlier process has added, which stays; what lies beyond is cut off. The head does not count
    for the CRC and is written anew. Raises ValueError where the file holds anything else than that.
    """

    def __init__(self, path: Path, head: bytes = b"", size: int = 0, crc: int = 0) -> None:
        self.head, self.size, self.crc = head, size, crc
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            short = size > 0 and os.fstat(self._file).st_size < len(head) + size
            if short or crc_of(self.pieces(0, size)) != crc:
                raise ValueError(f"{path} has another content than was written.")
            os.ftruncate(self._file, len(head) + size)
            write_at(self._file, head, 0)
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError where the disk has no room for all of them."""
        write_at(self._file, data, len(self.head) + self.size)
        self.crc, self.size = zlib.crc32(data, self.crc), self.size + len(data)

    def patch(self, data: bytes, offset: int) -> None:
        """Put bytes into the head."""
        write_at(self._file, data, offset)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset in the file on; fewer where it ends."""
        return read_at(self._file, size, offset)

    def pieces(self, first: int, last: int) -> Iterator[bytes]:
        """What was added, from byte to byte, a piece at a time."""
        for offset in range(first, last, _PIECE):
            yield self.read(len(self.head) + offset, min(_PIECE, last - offset))

    def sync(self) -> None:
        """Wait until all is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def write_at(file: int, data: bytes | memoryview, offset: int) -> None:
    """All of the bytes to a place of an open file: a full disk takes a part and says so only when asked again."""
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        view, offset = view[count:], offset + count


def read_at(file: int, size: int, offset: int) -> bytes:
    """Bytes from a place of an open file on, fewer where it ends: at a time a system gives less than 2 GiB."""
    pieces = []
    while size and (piece := os.pread(file, size, offset)):
        pieces.append(piece)
        size, offset = size - len(piece), offset + len(piece)
    return b"".join(pieces)


def crc_of(pieces: Iterable[bytes | memoryview]) -> int:
    """CRC-32 of pieces that follow one another."""
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc
