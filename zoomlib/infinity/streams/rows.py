"""Pictures as rows of pixels that arrive in bands, and how they are packed into a file as they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zoomlib.infinity.streams.appended import Appended

Bytes = NDArray[np.uint8]


class Packer(Protocol):
    """Packs the rows of one picture, from the top down, into a file. After each band it can tell where it stands."""

    head: bytes
    """What the file begins with."""

    def pack(self, band: Bytes, file: Appended) -> None:
        """Add rows (rows, width, 3), uint8 RGB."""

    def end(self, file: Appended) -> None:
        """Add what comes after the last row."""

    def state(self) -> tuple[int, Bytes]:
        """A number, and rows that are still needed: all that packing goes on from."""

    def restore(self, value: int, rows: bytes) -> None:
        """Take up such a state, rows as their bytes. Raises ValueError for rows that cannot be."""


class Regrouped:
    """A picture of rows `width` pixels wide in bands of `rows` rows, the last one with what is left."""

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width
        self._kept, self._count = np.empty((0, width, 3), np.uint8), 0

    @property
    def left(self) -> Bytes:
        """The rows that make no whole band yet."""
        return self._kept[: self._count]

    def add(self, band: Bytes) -> Iterator[Bytes]:
        """The bands that are whole with these rows; each valid until the next."""
        first = 0
        while first < len(band):
            if not self._count and len(band) - first >= self.rows:
                yield band[first : first + self.rows]
                first += self.rows
                continue
            if not self._kept.size:
                self._kept = np.empty((self.rows, self.width, 3), np.uint8)
            taken = min(self.rows - self._count, len(band) - first)
            self._kept[self._count : self._count + taken] = band[first : first + taken]
            first, self._count = first + taken, self._count + taken
            if self._count == self.rows:
                self._count = 0
                yield self._kept
