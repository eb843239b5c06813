"""Tiles of a plane, and what is seen of it from further away: every tile is the exact area mean of its four children.

A tile of level z shows step 2^z pixels of the plane a side, in step pixels; level 0 is the plane itself.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 5
"""The farthest view: 2^5 = 32 pixels of the plane are one of the picture."""
FEWEST = 32
"""Tiles that are kept in any case: with fewer a far one's children could push each other out for ever."""


class Tile(NamedTuple):
    """A tile of a seed's plane. model: number of its generator. row, column: of the grid of its level."""

    model: int
    seed: int
    level: int
    row: int
    column: int

    def children(self) -> tuple[Tile, Tile, Tile, Tile]:
        """The four of the next level that it is the mean of, in reading order."""
        model, seed, level, row, column = self
        rows, columns = (2 * row, 2 * row + 1), (2 * column, 2 * column + 1)
        a, b, c, d = (Tile(model, seed, level - 1, y, x) for y in rows for x in columns)
        return a, b, c, d

    @property
    def area(self) -> int:
        """Tiles of the plane itself that it shows."""
        return int(4**self.level)


class View(NamedTuple):
    """A tile as far as it is there. pixels: (3, S, S), float32. there: (S, S), bool. painted: how many of the plane's
    own tiles in it are painted."""

    pixels: Tensor
    there: Tensor
    painted: int


class Pyramid:
    """Tiles of all levels, as many as `most_bytes` hold, those that were longest not asked for going first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._kept: OrderedDict[Tile, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, tile: Tile) -> Tensor | None:
        """The pixels of a tile, or None where it is not there (any more)."""
        pixels = self._kept.get(tile)
        if pixels is not None:
            self._kept.move_to_end(tile)
        return pixels

    def put(self, tile: Tile, pixels: Tensor) -> None:
        """Keep the pixels (3, S, S) of a tile."""
        before = self._kept.pop(tile, None)
        self._kept[tile] = pixels
        self.bytes += pixels.nbytes - (0 if before is None else before.nbytes)
        while self.bytes > self.most_bytes and len(self._kept) > FEWEST:
            _, gone = self._kept.popitem(last=False)
            self.bytes -= gone.nbytes

    def missing(self, tile: Tile) -> Tile | None:
        """The first tile of the plane itself that must be painted for this one; None where it is there.

        Tiles whose children have all come are made on the way.
        """
        if self.get(tile) is not None:
            return None
        if tile.level == 0:
            return tile
        parts = []
        for child in tile.children():
            wanted = self.missing(child)
            if wanted is not None:
                return wanted
            parts.append(self._kept[child])
        self.put(tile, shrunk(torch.cat([torch.cat(parts[:2], 2), torch.cat(parts[2:], 2)], 1), 2))
        return None

    def seen(self, tile: Tile, step: int) -> View:
        """What of a tile is there already. step: its side."""
        view = View(torch.zeros(3, step, step), torch.zeros(step, step, dtype=torch.bool), 0)
        return view._replace(painted=self._fill(tile, view, 0, 0, step))

    def _fill(self, tile: Tile, view: View, top: int, left: int, side: int) -> int:
        """Put what is there of a tile into a square of the view; how many tiles of the plane that are."""
        pixels = self.get(tile)
        if pixels is not None:
            square = slice(top, top + side), slice(left, left + side)
            view.pixels[:, *square] = shrunk(pixels, pixels.shape[-1] // side)
            view.there[square] = True
            return tile.area
        if tile.level == 0:
            return 0
        half = side // 2
        corners = [(top + y, left + x) for y in (0, half) for x in (0, half)]
        return sum(self._fill(child, view, *at, half) for child, at in zip(tile.children(), corners, strict=True))


def shrunk(pixels: Tensor, factor: int) -> Tensor:
    """(C, f H, f W) -> (C, H, W): area means, float32 by way of float64."""
    channels, height, width = pixels.shape
    blocks = pixels.double().view(channels, height // factor, factor, width // factor, factor)
    return blocks.mean((2, 4)).float()
