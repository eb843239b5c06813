"""Zooms over a plane: what each level shows of it, gathered as area means tile by tile and never as a whole window.

Every level is a window of one plane, the deepest with `scale` of the plane's pixels to one of its own, each wider one
with p times more. A tile is painted once, clamped to [-1, 1], and its area means are added to every level that meets
it: memory is that of a tile and the levels, time that of the widest window.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from zoomlib.area import shares
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, Window, boxes

_COORDINATES = 2**63
_REACH_PX = 2**20  # what networks read around a pixel is far less

Place = tuple[int, int]
"""A pixel (row, column) of the plane."""


class Painted(Protocol):
    """A tile of a plane, cut to what was asked for."""

    @property
    def y0(self) -> int:
        """The first row, in the plane's pixels."""

    @property
    def x0(self) -> int:
        """The first column."""

    @property
    def pixels(self) -> Tensor:
        """(3, h, w), not clamped."""


class Tiled(Protocol):
    """A plane as zooms need it; `zoomlib.infinity.painting.plane.Plane` is one."""

    @property
    def step(self) -> int:
        """Side of a tile of its grid in pixels: tile t covers [t step, (t + 1) step)."""

    def tiles(self, y0: int, x0: int, h: int, w: int, *, workers: int = 1) -> Iterator[Painted]:
        """The tiles of a window, cut to it, each pixel once."""


@dataclass(frozen=True)
class View:
    """What a level of height x width pixels shows of the plane.

    top, left: its corner in pixels of the plane from the anchor, between pixels where it must be. scale: pixels of the
    plane in one of the level's.
    """

    top: float
    left: float
    scale: float
    height: int
    width: int

    @property
    def pixels(self) -> float:
        """How many pixels of the plane it shows."""
        return self.height * self.scale * self.width * self.scale

    def around(self) -> Window:
        """The whole pixels of the plane that hold all of it, from the anchor."""
        top, left = math.floor(self.top), math.floor(self.left)
        bottom = math.ceil(self.top + self.height * self.scale)
        right = math.ceil(self.left + self.width * self.scale)
        return Window(top, left, bottom - top, right - left)


def views(levels: int, size: Place, p: float, focus: Focus = None, scale: float = 1.0) -> tuple[View, ...]:
    """What each level shows, from the widest to the deepest, whose pixel in the middle has its corner on the anchor.

    size: (height, width) of a level. focus: as in `zoomlib.geometry`. Where p and scale are whole and the focus lies on
    pixels, so do all corners. Raises InvalidInputError as `geometry.boxes`, for a scale below 1, and for levels that
    show more than 64 bits can count.
    """
    height, width = size
    if not 1 <= scale < math.inf:
        raise InvalidInputError(f"scale is how many pixels of the plane are one of the deepest level, not {scale!r}.")
    found = [View(-(height // 2) * scale, -(width // 2) * scale, float(scale), height, width)]
    for box in reversed(boxes(levels, height, width, p, focus)):
        inner = found[0]
        wide = inner.scale * p
        if wide * max(size) > _COORDINATES:
            raise InvalidInputError(
                f"{levels} levels of {width} x {height} pixels with p = {p:g} show more of the plane than 64 bits "
                "count. Make fewer levels, or use a smaller p."
            )
        found.insert(0, View(inner.top - box.top * wide, inner.left - box.left * wide, wide, height, width))
    return tuple(found)


def check_place(seen: Sequence[View], at: Place) -> None:
    """Raise InvalidInputError where views anchored at that pixel reach beyond signed 64 bits."""
    for side, corner, size in ((0, "top", "height"), (1, "left", "width")):
        windows = [view.around() for view in seen]
        ends = [getattr(one, corner) for one in windows] + [getattr(w, corner) + getattr(w, size) for w in windows]
        if min(ends) + at[side] - _REACH_PX < -_COORDINATES or max(ends) + at[side] + _REACH_PX >= _COORDINATES:
            raise InvalidInputError(
                f"Levels around pixel {at[side]} reach beyond the coordinates of a plane, which are whole numbers of "
                "64 bits. Begin nearer to 0, or make fewer levels."
            )


@dataclass(frozen=True)
class Job:
    """A window of one plane to be painted, and which views it is for. stretch: of the plane's vertical coordinate.

    window: in the plane's own pixels. step: side of a tile of the plane's grid.
    """

    window: Window
    targets: tuple[int, ...]
    step: int
    stretch: float = 1.0

    @property
    def _first(self) -> Place:
        """The tile that holds the window's corner."""
        return self.window.top // self.step, self.window.left // self.step

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return -(-(self.window.left + self.window.width) // self.step) - self._first[1]

    @property
    def tiles(self) -> int:
        """Tiles in all."""
        return (-(-(self.window.top + self.window.height) // self.step) - self._first[0]) * self.columns

    def parts(self, first: int, last: int) -> Iterator[Window]:
        """The windows, three at most, that tiles first .. last - 1 in reading order cover of this one."""
        row, column = self._first
        for top, left, bottom, right in _blocks(first, last, self.columns):
            yield self._cut(row + top, column + left, row + bottom, column + right)

    def _cut(self, top: int, left: int, bottom: int, right: int) -> Window:
        """The part of the window in the tiles of those rows and columns."""
        own, step = self.window, self.step
        y0, x0 = max(top * step, own.top), max(left * step, own.left)
        y1, x1 = min(bottom * step, own.top + own.height), min(right * step, own.left + own.width)
        return Window(y0, x0, y1 - y0, x1 - x0)


def _blocks(first: int, last: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """Places first .. last - 1 of a table in reading order as rectangles (top, left, bottom, right): the end of a row,
    whole rows, the beginning of one."""
    while first < last:
        row, column = divmod(first, columns)
        rows = 1 if column else max((last - first) // columns, 1)
        end = min(last, (row + rows) * columns)
        yield row, column, row + rows, column + end - first if rows == 1 else columns
        first = end


def portion(jobs: Sequence[Job], index: int, count: int) -> Iterator[tuple[Job, int, int]]:
    """The share `index` of `count` nearly equal ones of all tiles: jobs with their first tile and the one after the
    last. All shares together are all tiles, in order; where there are fewer tiles than shares, some are empty."""
    total, start = sum(job.tiles for job in jobs), 0
    first, last = index * total // count, (index + 1) * total // count
    for job in jobs:
        begin, end = max(first - start, 0), min(last - start, job.tiles)
        if begin < end:
            yield job, begin, end
        start += job.tiles


def gather(
    plane: Tiled, job: Job, first: int, last: int, seen: Sequence[View], at: Place, levels: Tensor, workers: int = 1
) -> None:
    """Paint tiles first .. last - 1 of a job and add their area means to the job's levels, in place.

    seen: the views anchored at pixel `at`. levels: float32 (L, 3, H, W) on the CPU; sums run in float64 within a tile.
    """
    for part in job.parts(first, last):
        for tile in plane.tiles(part.top, part.left, part.height, part.width, workers=workers):
            pixels = tile.pixels.detach().cpu().clamp(-1, 1).double()
            for level in job.targets:
                add(levels[level], seen[level], pixels, tile.y0 - at[0], tile.x0 - at[1])


def add(level: Tensor, view: View, pixels: Tensor, top: int, left: int) -> None:
    """Add to a level (3, H, W), in place, what pixels (3, h, w), float64, are of its pixels' areas.

    The corner of the pixels lies at (top, left) of the plane from the anchor. What lies outside of the view adds
    nothing.
    """
    _, h, w = pixels.shape
    rows, columns = _met(view.top, view.scale, view.height, top, h), _met(view.left, view.scale, view.width, left, w)
    if rows and columns:
        vertical = _weights(view.top, view.scale, rows, top, h)
        horizontal = _weights(view.left, view.scale, columns, left, w)
        level[:, rows.start : rows.stop, columns.start : columns.stop] += (vertical @ pixels @ horizontal.T).to(level)


def _met(start: float, scale: float, cells: int, first: int, count: int) -> range:
    """The cells, each `scale` long from `start` on, that `count` pixels from `first` on meet."""
    return range(max(math.floor((first - start) / scale), 0), min(math.ceil((first + count - start) / scale), cells))


def _weights(start: float, scale: float, cells: range, first: int, count: int) -> Tensor:
    """(cells, pixels): the share of each pixel in the mean of each cell."""
    return shares(start + cells.start * scale - first, len(cells) * scale, len(cells), count)
