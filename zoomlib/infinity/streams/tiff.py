"""TIFF files in tiles, of any size (BigTIFF), written from bands: only the rows at hand are held.

A file is the head, the tiles in reading order, each after four bytes that tell its length, and then the tables and the
directory (TIFF 6.0, sections 2, 14 and 15; BigTIFF has them with 64 bits). By the lengths the tables are made at the
end, whatever was written by whom, and none of them is held.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.streams.appended import Appended
from zoomlib.infinity.streams.rows import Bytes, Regrouped

LARGEST_PX = 2**32 - 1
TILE_PX = (64, 256)
"""Height and width of a tile of the file: low, because so many rows of the picture are held besides a band."""
LEVEL = 6
_KINDS = {"H": 3, "I": 4, "Q": 16}
"""The format's numbers for whole numbers of 16, 32 and 64 bits."""
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, _OFFSETS, _SIZES = 256, 257, 322, 323, 324, 325
_PIXELS = {258: (8, 8, 8), 259: (8,), 262: (2,), 277: (3,), 284: (1,), 317: (2,), 339: (1, 1, 1)}
"""Three times 8 bits, deflated, RGB, three of them, together, as differences, unsigned."""
_ENTRIES = 4096
"""Entries of a table that are written at a time."""


class TiffPacker:
    """A picture as one TIFF, its tiles compressed by zlib: each pixel as its difference to the one on its left."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)  # the last is where the directory lies
        self._bands = Regrouped(TILE_PX[0], width)

    def pack(self, band: Bytes, file: Appended) -> None:
        """As `Packer.pack`."""
        for rows in self._bands.add(band):
            self._pack(rows, file)

    def end(self, file: Appended) -> None:
        """As `Packer.end`."""
        if len(self._bands.left):
            self._pack(self._bands.left, file)
        high, wide = TILE_PX
        count, stop = -(-self.height // high) * -(-self.width // wide), file.size
        offsets = _table(file, "Q", count, (offset for offset, _ in _tiles(file, stop)))
        sizes = _table(file, "I", count, (size for _, size in _tiles(file, stop)))
        fields = [
            (_WIDTH, "I", 1, struct.pack("<I", self.width)),
            (_HEIGHT, "I", 1, struct.pack("<I", self.height)),
            *((tag, "H", len(values), struct.pack(f"<{len(values)}H", *values)) for tag, values in _PIXELS.items()),
            (_TILE_WIDTH, "I", 1, struct.pack("<I", wide)),
            (_TILE_HEIGHT, "I", 1, struct.pack("<I", high)),
            (_OFFSETS, "Q", count, offsets),
            (_SIZES, "I", count, sizes),
        ]
        _align(file)
        file.patch(struct.pack("<Q", len(file.head) + file.size), 8)
        file.write(struct.pack("<Q", len(fields)))
        for tag, kind, number, value in sorted(fields):
            file.write(struct.pack("<HHQ8s", tag, _KINDS[kind], number, value))
        file.write(bytes(8))

    def state(self) -> tuple[int, Bytes]:
        """As `Packer.state`: rows of a row of tiles that is not whole."""
        return 0, self._bands.left

    def restore(self, value: int, rows: bytes) -> None:
        """As `Packer.restore`."""
        if value:
            raise ValueError(f"Nothing but rows is needed, not {value}.")
        for _ in self._bands.add(np.frombuffer(rows, np.uint8).reshape(-1, self.width, 3)):
            raise ValueError("There are more rows than a row of tiles has.")

    def _pack(self, rows: Bytes, file: Appended) -> None:
        """One row of tiles; what lies beyond the right and the bottom edge is 0."""
        high, wide = TILE_PX
        for left in range(0, self.width, wide):
            tile = np.zeros((high, wide, 3), np.uint8)
            part = rows[:, left : left + wide]
            tile[: part.shape[0], : part.shape[1]] = part
            tile[:, 1:] -= tile[:, :-1].copy()
            packed = zlib.compress(tile.tobytes(), LEVEL)
            file.write(struct.pack("<I", len(packed)) + packed)


def check_tiff(height: int, width: int) -> None:
    """Raise InvalidInputError for a picture that is too large for the format."""
    if max(height, width) > LARGEST_PX:
        raise InvalidInputError(
            f"A TIFF has at most {LARGEST_PX} pixels a side, not {width} x {height}. Write a .zarr, or a "
            "smaller window."
        )


def _tiles(file: Appended, stop: int) -> Iterator[tuple[int, int]]:
    """Offset and length of each tile of a file that ends with the last one."""
    offset = len(file.head)
    while offset < len(file.head) + stop:
        (size,) = struct.unpack("<I", file.read(offset, 4))
        yield offset + 4, size
        offset += 4 + size


def _table(file: Appended, kind: str, count: int, values: Iterator[int]) -> bytes:
    """What the directory says of a table: its values where eight bytes hold them, or where they are written now."""
    if count * struct.calcsize(f"<{kind}") <= 8:
        return struct.pack(f"<{count}{kind}", *values)
    _align(file)
    offset = len(file.head) + file.size
    while some := tuple(islice(values, _ENTRIES)):
        file.write(struct.pack(f"<{len(some)}{kind}", *some))
    return struct.pack("<Q", offset)


def _align(file: Appended) -> None:
    file.write(bytes(-(len(file.head) + file.size) % 8))
