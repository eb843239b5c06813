"""TIFF files in tiles, of any size (BigTIFF), written from bands: only the rows at hand are held."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError

LARGEST_PX = 2**32 - 1
TILE_PX = (64, 256)
"""Height and width of a tile of the file: low, because so many rows of the picture are held besides a band."""
LEVEL = 6
_DIFFERENCES = 2
"""TIFF's predictor: each pixel as its difference to the one on its left."""


def write_tiff(path: Path, bands: Iterable[NDArray[np.uint8]], height: int, width: int) -> None:
    """Write bands (rows, width, 3), uint8 RGB and `height` rows in all, from the top down.

    Raises InvalidInputError for sides that the format cannot tell.
    """
    import tifffile

    check_tiff(height, width)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(
            _packed(bands, width),
            shape=(height, width, 3),
            dtype=np.uint8,
            tile=TILE_PX,
            photometric="rgb",
            compression="zlib",
            predictor=_DIFFERENCES,
            metadata=None,
        )


def check_tiff(height: int, width: int) -> None:
    """Raise InvalidInputError for a picture that is too large for the format."""
    if max(height, width) > LARGEST_PX:
        raise InvalidInputError(
            f"A TIFF has at most {LARGEST_PX} pixels a side, not {width} x {height}. Write a .zarr, or a "
            "smaller window."
        )


def _packed(bands: Iterable[NDArray[np.uint8]], width: int) -> Iterator[bytes]:
    """The tiles in reading order, compressed; those at the right and the bottom end with zeros."""
    high, wide = TILE_PX
    for rows in regrouped(bands, high):
        for left in range(0, width, wide):
            tile = np.zeros((high, wide, 3), np.uint8)
            part = rows[:, left : left + wide]
            tile[: part.shape[0], : part.shape[1]] = part
            tile[:, 1:] -= tile[:, :-1].copy()
            yield zlib.compress(tile.tobytes(), LEVEL)


def regrouped(bands: Iterable[NDArray[np.uint8]], rows: int) -> Iterator[NDArray[np.uint8]]:
    """The same picture in bands of so many rows, the last one with what is left; each valid until the next."""
    kept, count = np.empty((0, 0, 3), np.uint8), 0
    for band in bands:
        first = 0
        while first < len(band):
            if not count and len(band) - first >= rows:
                yield band[first : first + rows]
                first += rows
                continue
            if not kept.size:
                kept = np.empty((rows, *band.shape[1:]), np.uint8)
            taken = min(rows - count, len(band) - first)
            kept[count : count + taken] = band[first : first + taken]
            first, count = first + taken, count + taken
            if count == rows:
                yield kept
                count = 0
    if count:
        yield kept[:count]
