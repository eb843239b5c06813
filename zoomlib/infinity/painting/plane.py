"""A plane without bounds: any window of it, painted in the tiles of one grid, in memory that does not grow with it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.overrides import whole
from zoomlib.infinity.painting.painter import Painter, undisturbed
from zoomlib.infinity.painting.portable import portable
from zoomlib.infinity.painting.tiles import (
    Grid,
    Group,
    Window,
    checked_window,
    group_count,
    groups,
    met,
    smallest_cells,
    tile_counts,
)
from zoomlib.infinity.painting.workers import Workers
from zoomlib.memory import free_bytes

TILE_PX = 256
"""Side of a tile where none is asked for: larger ones save little work a pixel (what is painted around a tile in vain
is 17 % less than with 96 px at the paper's sizes) and take more memory, a quarter of a gigabyte there."""
FEWEST_CELLS = 21

OnTile = Callable[[int, int], None]
"""Called after each tile with how many of how many are there."""


@dataclass(frozen=True)
class Tile:
    """Raw pixels (3, h, w), float32 on the CPU, of the plane's pixels' [y0, y0 + h) x [x0, x0 + w); not clamped."""

    y0: int
    x0: int
    pixels: Tensor


def usual_cells(blocks: int) -> int:
    """Cells a side of a tile where none are asked for: 21 for 4 blocks, 37 for 3."""
    return max(int(TILE_PX // 2**blocks) + smallest_cells(blocks) - 1, FEWEST_CELLS)


class Plane:
    """One implicit image, of which any window can be seen.

    cells: side of a tile in latent cells. batch: how many neighbouring tiles are painted together; always the same
    ones. more: what `facts` says besides what the painter does.

    A window is the same bit for bit whoever asks for it, when, in how large a window and with how many workers; with
    other `cells` or another `batch` it is so up to the rounding of floats.
    """

    def __init__(
        self, painter: Painter, *, cells: int | None = None, batch: int = 1, more: Mapping[str, Any] | None = None
    ) -> None:
        batch = whole(batch, "a batch")
        if batch < 1:
            raise InvalidInputError(f"At least one tile is painted at a time, not {batch}. Use a batch of 1 or more.")
        self.painter, self.batch, self._more = painter, batch, dict(more or {})
        self.grid = Grid(painter.blocks, usual_cells(painter.blocks) if cells is None else whole(cells, "cells"))
        self._workers: Workers | None = None

    @property
    def config(self) -> GeneratorConfig:
        """The sizes of the networks."""
        return self.painter.config

    @property
    def blocks(self) -> int:
        """L: a latent cell is 2^L pixels wide."""
        return self.painter.blocks

    @property
    def step(self) -> int:
        """Side of a grid tile in pixels: tile t covers [t step, (t + 1) step)."""
        return self.grid.step

    @property
    def period_px(self) -> int | None:
        """Pixels after which the plane repeats from left to right, or None."""
        return None if self.painter.period is None else self.painter.period * 2**self.blocks

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where it is painted: by several, a process for each, or by one."""
        moving = portable(self.painter)
        return (self.painter.device,) if moving is None else moving.devices

    def facts(self) -> dict[str, Any]:
        """What makes its pixels, in values that JSON can hold."""
        return {**self._more, **self.painter.facts(), "tile_cells": self.grid.cells, "batch": self.batch}

    def check(self, y0: int, x0: int, h: int, w: int) -> Window:
        """The window, once it is sure that it can be painted. Raises InvalidInputError as `tiles.checked_window`."""
        reach = (self.batch + 1) * self.grid.cells + self.config.halo
        return checked_window(y0, x0, h, w, self.config, reach)

    def window(self, y0: int, x0: int, h: int, w: int, *, workers: int = 1) -> Tensor:
        """Raw pixels (3, h, w), float32 on the CPU, not clamped.

        Raises InvalidInputError as `check`, and where memory has no room for so many.
        """
        window = self.check(y0, x0, h, w)
        needed, free = 12 * window.pixels, free_bytes("cpu")
        if needed > free:
            raise InvalidInputError(
                f"A window of {w} x {h} pixels takes {needed / 2**30:,.1f} GiB of memory and {free / 2**30:,.1f} GiB "
                "are free. Take it tile by tile (Plane.tiles), or write it to a file (write_window)."
            )
        out = torch.empty(3, window.height, window.width)
        for tile in self.tiles(y0, x0, h, w, workers=workers):
            top, left = tile.y0 - window.y0, tile.x0 - window.x0
            out[:, top : top + tile.pixels.shape[1], left : left + tile.pixels.shape[2]] = tile.pixels
        return out

    def tiles(
        self, y0: int, x0: int, h: int, w: int, *, workers: int = 1, on_tile: OnTile | None = None
    ) -> Iterator[Tile]:
        """All grid tiles that meet a window, cut to it, row by row from the left; a few are held at a time.

        workers: so many processes paint, or as many as there is work for; they stay until `close`. Of a plane that
        several devices paint, as many as they are, one on each; 1 paints on the first of them alone. Raises
        InvalidInputError as `check`, at once.
        """
        window = self.check(y0, x0, h, w)
        return self._tiles(window, self._painting(workers), on_tile)

    def paint(self, window: Window, group: Group) -> list[Tensor]:
        """The tiles of a group that meet a window, each cut to it, on the CPU. What workers do."""
        origins = [
            (self.grid.first_cell(group.row), self.grid.first_cell(column))
            for column in range(group.first, group.first + group.count)
        ]
        with undisturbed(self.painter.device):
            painted = self.painter.paint(origins, self.grid.cells)
        out = []
        for column in range(group.begin, group.end):
            part = met(window, group.row, column, self.step)
            top = part.y0 - group.row * self.step + self.grid.offset
            left = part.x0 - column * self.step + self.grid.offset
            cut = painted[column - group.first, :, top : top + part.height, left : left + part.width]
            out.append(torch.empty(cut.shape).copy_(cut))
        return out

    def close(self) -> None:
        """Let go the processes that paint, if there are any. They are gone with the plane, too."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def __enter__(self) -> Plane:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_workers": None}

    def _painting(self, workers: int) -> Workers | None:
        """As many processes as were asked for, or None where this one paints itself."""
        if workers < 1:
            raise InvalidInputError(f"At least one process paints, not {workers}. Use 1 worker or more.")
        if workers == 1:
            return None
        devices = self.devices
        if len(devices) not in (1, workers):
            raise InvalidInputError(
                f"A process for each device paints this plane, {len(devices)} of them, not {workers}. Use as many "
                "workers, or 1 to paint on the first device alone."
            )
        if len(devices) == 1 and devices[0].type != "cpu":
            raise InvalidInputError(
                f"Several workers paint on the CPU only, and this plane is painted on {devices[0]}. Use one worker, "
                f"and a batch of several tiles; or a generator on {devices[0]},{devices[0]}, which has two processes."
            )
        if self._workers is None or self._workers.count != workers:
            self.close()
            self._workers = Workers(self, workers, devices if len(devices) > 1 else ())
            weakref.finalize(self, self._workers.close)
        return self._workers

    def _tiles(self, window: Window, workers: Workers | None, on_tile: OnTile | None) -> Iterator[Tile]:
        rows, columns = tile_counts(window, self.grid)
        done = 0
        for group, parts in self._painted(window, workers):
            for column, pixels in zip(range(group.begin, group.end), parts, strict=True):
                part = met(window, group.row, column, self.step)
                yield Tile(part.y0, part.x0, pixels)
                done += 1
                if on_tile is not None:
                    on_tile(done, rows * columns)

    def _painted(self, window: Window, workers: Workers | None) -> Iterator[tuple[Group, list[Tensor]]]:
        work, count = groups(window, self.grid, self.batch), group_count(window, self.grid, self.batch)
        if workers is not None and max(count, workers.there) > 1:
            yield from workers.painted(window, work, count)
            return
        for group in work:
            yield group, self.paint(window, group)
