"""The grid of tiles that every window of a plane is painted in: plain numbers only.

Tile t covers pixels' [t step, (t + 1) step) along each axis, wherever windows lie, so that a pixel comes from the same
cells, at the same place in its tile, whoever asks for it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.sizes import cover, margins, out_side

COORDINATES = 2**63
"""Pixels of a plane, and all that is read for them, have coordinates in [-2^63, 2^63)."""


@dataclass(frozen=True)
class Window:
    """Pixels' [y0, y0 + height) x [x0, x0 + width) of a plane; coordinates may be negative, sizes are at least 1."""

    y0: int
    x0: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """How many pixels it holds."""
        return self.height * self.width


@dataclass(frozen=True)
class Grid:
    """Tiles of `cells` latent cells a side for L = `blocks`. Raises InvalidInputError for fewer than make a tile."""

    blocks: int
    cells: int

    def __post_init__(self) -> None:
        if self.cells < smallest_cells(self.blocks):
            raise InvalidInputError(
                f"A tile of {self.cells} cells a side is too small: it takes {smallest_cells(self.blocks)} to make the "
                "pixels of one. Use more cells."
            )

    @property
    def step(self) -> int:
        """Side of a tile in pixels, a multiple of 2^L: the most that these cells cover wherever the tile lies."""
        return int((self.cells - smallest_cells(self.blocks) + 1) * 2**self.blocks)

    @property
    def side(self) -> int:
        """Side of what is painted for a tile, a few pixels more."""
        return out_side(self.cells, self.blocks)

    @property
    def offset(self) -> int:
        """Where the tile begins in what is painted for it."""
        return int(-(2**self.blocks) * self.first_cell(0) - margins(self.blocks)[0])

    def first_cell(self, tile: int) -> int:
        """The first cell that tile t reads (without halo)."""
        return cover(tile * self.step, (tile + 1) * self.step, self.blocks)[0]


def smallest_cells(blocks: int) -> int:
    """Cells a side that cover 2^L pixels which begin at a multiple of 2^L: 6, or 4 for a single block."""
    first, stop = cover(0, 2**blocks, blocks)
    return stop - first


@dataclass(frozen=True)
class Group:
    """Grid tiles (row, first .. first + count - 1), painted together; of them `begin` .. `end` - 1 meet the window."""

    row: int
    first: int
    count: int
    begin: int
    end: int


def groups(window: Window, grid: Grid, batch: int = 1) -> Iterator[Group]:
    """The fewest groups that cover a window, row by row from the left.

    A group always holds the same `batch` tiles, also where the window needs fewer: in another company a tile could
    differ in its last bits.
    """
    first, stop = _span(window.x0, window.width, grid.step)
    for row in range(*_span(window.y0, window.height, grid.step)):
        for group in range(first // batch, (stop - 1) // batch + 1):
            begin = group * batch
            yield Group(row, begin, batch, max(begin, first), min(begin + batch, stop))


def group_count(window: Window, grid: Grid, batch: int = 1) -> int:
    """How many groups cover a window."""
    first, stop = _span(window.x0, window.width, grid.step * batch)
    return tile_counts(window, grid)[0] * (stop - first)


def tile_counts(window: Window, grid: Grid) -> tuple[int, int]:
    """Rows and columns of grid tiles that meet a window."""
    rows, columns = _span(window.y0, window.height, grid.step), _span(window.x0, window.width, grid.step)
    return rows[1] - rows[0], columns[1] - columns[0]


def met(window: Window, row: int, column: int, step: int) -> Window:
    """The part of a window that lies in the grid tile of that row and column, which it meets."""
    y0, x0 = max(row * step, window.y0), max(column * step, window.x0)
    y1, x1 = min((row + 1) * step, window.y0 + window.height), min((column + 1) * step, window.x0 + window.width)
    return Window(y0, x0, y1 - y0, x1 - x0)


def checked_window(y0: Any, x0: Any, height: Any, width: Any, config: GeneratorConfig, reach_cells: int) -> Window:
    """The window as whole numbers. reach_cells: how far beyond it something is read at most.

    Raises InvalidInputError for numbers that are not whole, sizes below 1, and what reaches beyond 64 bits.
    """
    window = Window(*(_whole(value, name) for value, name in zip((y0, x0, height, width), _NAMES, strict=True)))
    if window.height < 1 or window.width < 1:
        raise InvalidInputError(
            f"A window has at least 1 pixel a side, but its size is {window.width} x {window.height}. Ask for a height "
            "and a width of 1 or more."
        )
    reach = 2**config.blocks * reach_cells
    for first, size, axis in ((window.y0, window.height, "rows"), (window.x0, window.width, "columns")):
        if first - reach < -COORDINATES or first + size + reach >= COORDINATES:
            raise InvalidInputError(
                f"A window of {axis} {first} .. {first + size - 1}, with the {reach} pixels around it that are read, "
                "reaches beyond coordinates of signed 64 bits. Choose a place nearer to 0."
            )
    return window


_NAMES = ("the first row", "the first column", "the height", "the width")


def _whole(value: Any, name: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError as error:
        raise InvalidInputError(f"For {name} of a window, a whole number is expected, not {value!r}.") from error


def _span(first: int, size: int, step: int) -> tuple[int, int]:
    """Tiles [a, b) that meet pixels' [first, first + size)."""
    return first // step, -(-(first + size) // step)
