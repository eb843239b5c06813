"""PNG files written band by band: only the rows at hand are held (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.streams.appended import Appended
from zoomlib.infinity.streams.rows import Bytes

LARGEST_PX = 2**31 - 1
"""The longest side that the format can tell."""
LEVEL = 6
_ROWS_BYTES = 2**18
"""Rows that are filtered and compressed at a time: what is needed for that stays small also where rows are long."""
_NONE, _SUB, _UP, _PAETH = 0, 1, 2, 4
_STREAM, _LAST = b"\x78\x9c", b"\x03\x00"
"""How a stream of zlib's begins, and its last block, which is empty."""


class PngPacker:
    """A picture as one PNG. What a band is packed into depends on its own rows and the one above them alone: each is a
    piece of the compressed stream that ends at a whole byte and looks back at no other."""

    def __init__(self, height: int, width: int) -> None:
        self.width, self._sum, self._above = width, zlib.adler32(b""), np.zeros((1, 3 * width), np.uint8)
        size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        self.head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", _STREAM)

    def pack(self, band: Bytes, file: Appended) -> None:
        """As `Packer.pack`."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        for lines in self._filtered(band):
            self._sum = zlib.adler32(lines, self._sum)
            if packed := packer.compress(lines):
                file.write(_chunk(b"IDAT", packed))
        file.write(_chunk(b"IDAT", packer.flush(zlib.Z_SYNC_FLUSH)))

    def end(self, file: Appended) -> None:
        """As `Packer.end`."""
        file.write(_chunk(b"IDAT", _LAST + struct.pack(">I", self._sum)) + _chunk(b"IEND", b""))

    def state(self) -> tuple[int, Bytes]:
        """As `Packer.state`: the stream's sum so far, and the line above the next one."""
        return self._sum, self._above

    def restore(self, value: int, rows: bytes) -> None:
        """As `Packer.restore`."""
        self._sum, self._above = value, np.frombuffer(rows, np.uint8).reshape(1, 3 * self.width)

    def _filtered(self, band: Bytes) -> Iterator[bytes]:
        """The lines of a band as the format stores them, several at a time."""
        count = max(_ROWS_BYTES // (3 * self.width), 1)
        lines = band.reshape(len(band), -1)
        for first in range(0, len(lines), count):
            part = lines[first : first + count]
            yield filtered(part, np.concatenate((self._above, part[:-1]))).tobytes()
            self._above = part[-1:].copy()


def check_png(height: int, width: int) -> None:
    """Raise InvalidInputError for a picture that is too large for the format."""
    if max(height, width) > LARGEST_PX:
        raise InvalidInputError(
            f"A PNG has at most {LARGEST_PX} pixels a side, not {width} x {height}. Write a .zarr, or a smaller window."
        )


def filtered(lines: Bytes, above: Bytes) -> Bytes:
    """Lines of RGB bytes (R, 3 w) with a filter each, (R, 1 + 3 w); above: the line over each.

    Of "none", "sub", "up" and "Paeth" each line takes the one with the smallest sum of absolute differences, as the
    specification proposes.
    """
    left, corner = _shifted(lines), _shifted(above)
    choices = (
        (_NONE, lines),
        (_SUB, lines - left),
        (_UP, lines - above),
        (_PAETH, lines - _paeth(left, above, corner)),
    )
    out = np.empty((len(lines), 1 + lines.shape[1]), np.uint8)
    best = np.full(len(lines), np.iinfo(np.int64).max)
    for kind, values in choices:
        cost = np.minimum(values, 0 - values).sum(1, dtype=np.int64)  # as signed numbers of 8 bits
        chosen = cost < best
        out[chosen, 0], out[chosen, 1:] = kind, values[chosen]
        best = np.minimum(best, cost)
    return out


def _shifted(lines: Bytes) -> Bytes:
    """The pixel before each, 0 before the first."""
    out = np.zeros_like(lines)
    out[:, 3:] = lines[:, :-3]
    return out


def _paeth(left: Bytes, above: Bytes, corner: Bytes) -> Bytes:
    """Of the three neighbours that which is nearest to left + above - corner; in doubt in this order."""
    a, b, c = (values.astype(np.int16) for values in (left, above, corner))
    to_left, to_above = np.abs(b - c), np.abs(a - c)
    to_corner = np.abs(a + b - 2 * c)
    nearest = np.where((to_left <= to_above) & (to_left <= to_corner), left, corner)
    return np.where((to_above <= to_corner) & (to_above < to_left), above, nearest)


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", crc)))
