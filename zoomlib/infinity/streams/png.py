"""PNG files written band by band: only the rows at hand are held (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError

LARGEST_PX = 2**31 - 1
"""The longest side that the format can tell."""
LEVEL = 6
_ROWS_BYTES = 2**18
"""Rows that are filtered and compressed at a time: what is needed for that stays small also where rows are long."""
_NONE, _SUB, _UP, _PAETH = 0, 1, 2, 4

Bytes = NDArray[np.uint8]


def write_png(file: IO[bytes], bands: Iterable[Bytes], height: int, width: int) -> None:
    """Write bands (rows, width, 3), uint8 RGB and `height` rows in all, from the top down, to a file open for writing.

    Raises InvalidInputError for sides that the format cannot tell.
    """
    check_png(height, width)
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packer = zlib.compressobj(LEVEL)
    for lines in _filtered(bands, width):
        if packed := packer.compress(lines):
            _chunk(file, b"IDAT", packed)
    _chunk(file, b"IDAT", packer.flush())
    _chunk(file, b"IEND", b"")


def check_png(height: int, width: int) -> None:
    """Raise InvalidInputError for a picture that is too large for the format."""
    if max(height, width) > LARGEST_PX:
        raise InvalidInputError(
            f"A PNG has at most {LARGEST_PX} pixels a side, not {width} x {height}. Write a .zarr, or a smaller window."
        )


def _filtered(bands: Iterable[Bytes], width: int) -> Iterator[bytes]:
    """The lines of the picture as the format stores them, several at a time."""
    count = max(_ROWS_BYTES // (3 * width), 1)
    above = np.zeros((1, 3 * width), np.uint8)
    for band in bands:
        lines = band.reshape(len(band), -1)
        for first in range(0, len(lines), count):
            part = lines[first : first + count]
            yield filtered(part, np.concatenate((above, part[:-1]))).tobytes()
            above = part[-1:].copy()


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


def _chunk(file: IO[bytes], kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + kind)
    file.write(content)
    file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
