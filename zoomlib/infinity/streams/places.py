"""The tiles of a window in the order in which they are painted, by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.tiles import Window, met, tile_counts


@dataclass(frozen=True)
class Places:
    """Tiles 0 .. count - 1 of a window, row by row from the left, of a grid of `step` pixels."""

    window: Window
    step: int
    rows: int
    columns: int

    @classmethod
    def of(cls, plane: Plane, window: Window) -> Places:
        """Those of a plane's grid."""
        return cls(window, plane.step, *tile_counts(window, plane.grid))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    def part(self, number: int) -> Window:
        """What a tile shows of the window, its corner counted from the window's."""
        row, column = divmod(number, self.columns)
        row, column = row + self.window.y0 // self.step, column + self.window.x0 // self.step
        part = met(self.window, row, column, self.step)
        return Window(part.y0 - self.window.y0, part.x0 - self.window.x0, part.height, part.width)

    def number(self, y: int, x: int) -> int:
        """Which tile shows a pixel that is counted from the window's corner."""
        window, step = self.window, self.step
        row = (window.y0 + y) // step - window.y0 // step
        return row * self.columns + (window.x0 + x) // step - window.x0 // step

    def rest(self, done: int) -> Iterator[Window]:
        """The windows of the plane that the tiles from `done` on fill, in order: the rest of a row, and all below."""
        window, (row, column) = self.window, divmod(done, self.columns)
        if column:
            part = self.part(done)
            y, x = window.y0 + part.y0, window.x0 + part.x0
            yield Window(y, x, part.height, window.x0 + window.width - x)
            row += 1
        if row < self.rows:
            y = window.y0 + self.part(row * self.columns).y0
            yield Window(y, window.x0, window.y0 + window.height - y, window.width)
