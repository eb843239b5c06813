"""Drawing of views, plane by plane: the numbers of `zoomlib.film.view` become taps of `zoomlib.film.resample`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoomlib.film.planes import GRIDS, Frame, Grid, Layout, Size
from zoomlib.film.resample import Resampler, Taps, lanczos
from zoomlib.film.view import Rect, View, around

Planes = tuple[Frame, Frame, Frame]


@dataclass(frozen=True)
class Picture:
    """A level's picture, ready to be drawn from: a handle of the resampler for each plane."""

    size: Size
    handles: tuple[Any, ...]


@dataclass(frozen=True)
class Painter:
    """Draws pictures in the planes of one layout by one resampler; serves several threads."""

    layout: Layout
    resampler: Resampler

    @property
    def step(self) -> int:
        """Rectangles that are drawn have their edges at multiples of so many pixels."""
        return max(grid.step_x for grid in GRIDS[self.layout])

    def load(self, size: Size, planes: Planes) -> Picture:
        """Keep a picture of `size` = (width, height) for drawing."""
        return Picture(size, tuple(map(self.resampler.load, planes)))

    def draw(self, picture: Picture, view: View, parts: Sequence[Rect], canvases: Sequence[Any]) -> None:
        """Fill the `parts` of a frame, one or more, with what `view` shows of the picture; a canvas for each plane."""
        done: dict[Grid, tuple[Taps, Taps]] = {}
        for grid, handle, canvas in zip(GRIDS[self.layout], picture.handles, canvases, strict=True):
            y, x = _slices(grid, around(parts))
            if grid not in done:
                done[grid] = _taps(grid, view, y, x, picture.size)
            columns, rows = done[grid]
            for part in parts:
                down, across = _slices(grid, part)
                taps = _some(columns, across, x.start), _some(rows, down, y.start)
                self.resampler.draw(handle, *taps, canvas[down, across])

    def drawn(self, picture: Picture, view: View, size: Size) -> Planes:
        """The planes of a whole frame of `size` that shows `view` of the picture."""
        empty = [np.empty(grid.shape(size), np.uint8) for grid in GRIDS[self.layout]]
        canvases = self.canvases(empty)
        self.draw(picture, view, [Rect(0, 0, *size)], canvases)
        return self.fetched(canvases, empty)

    def pasted(self, ground: Planes, patch: Planes, place: Rect) -> Planes:
        """`ground` with the `patch` at its place, in new planes."""
        y, u, v = (plane.copy() for plane in ground)
        for grid, plane, part in zip(GRIDS[self.layout], (y, u, v), patch, strict=True):
            plane[_slices(grid, place)] = part
        return y, u, v

    def canvases(self, planes: Sequence[Frame]) -> list[Any]:
        """Canvases for planes of a frame, where possible these themselves."""
        return [self.resampler.canvas(plane.shape, plane) for plane in planes]

    def fetched(self, canvases: Sequence[Any], planes: Sequence[Frame]) -> Planes:
        """Bring what is on the canvases into the planes, and return those."""
        y, u, v = map(self.resampler.fetch, canvases, planes)
        return y, u, v


def _taps(grid: Grid, view: View, y: slice, x: slice, source: Size) -> tuple[Taps, Taps]:
    """The taps of columns `x` and of rows `y` of a plane of a frame."""
    rows, columns = grid.shape(source)
    step = 1 / view.scale
    return (
        lanczos(x.stop - x.start, _start(grid.at_x, grid.step_x, view.left, step) + x.start * step, step, columns),
        lanczos(y.stop - y.start, _start(grid.at_y, grid.step_y, view.top, step) + y.start * step, step, rows),
    )


def _start(at: float, apart: int, edge: float, step: float) -> float:
    """Where the first sample of a frame's plane lies, in samples of the level's plane.

    Samples lie at at + apart j pixels, counted from the centre of the first pixel, in the frame as in the level, of
    which a pixel of the frame shows `step`.
    """
    return (edge + (at + 0.5) * step - (at + 0.5)) / apart


def _slices(grid: Grid, rect: Rect) -> tuple[slice, slice]:
    """Rows and columns of a plane that show a rectangle of the frame."""
    return (
        slice(rect.y0 // grid.step_y, -(-rect.y1 // grid.step_y)),
        slice(rect.x0 // grid.step_x, -(-rect.x1 // grid.step_x)),
    )


def _some(taps: Taps, part: slice, first: int) -> Taps:
    """Those of a part, of taps whose first is that of column or row `first`."""
    part = slice(part.start - first, part.stop - first)
    return Taps(taps.first[part], taps.weights[part])
