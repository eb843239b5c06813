"""The cells that make a given picture at a given place, and what is refused of both: plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from operator import index

from torch import Tensor

from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.sizes import cell_reach, cover, layer_sides, margins, unit
from zoomlib.memory import free_bytes

FARTHEST = 2**63
"""Pixels of the plane are counted in 64 bits with a sign."""
LEAST_PX = 16
"""Shorter sides are seen at one scale only, and a handful of pixels says nothing of the many latents about them."""
KEPT = 6
"""Maps of a layer's size that its backward pass holds on to, about (measured: 5.0 for a small configuration)."""
COMPARED = 64
"""Numbers a pixel in the same way of the likeness."""

Rectangle = tuple[int, int, int, int]
"""(y, x, height, width), in cells or in features of a layer."""


@dataclass(frozen=True)
class Area:
    """Cells [y, y + rows) x [x, x + columns), which make the pixels' of a picture at `at` and a few about it.

    at: (y0, x0), the picture's first pixel on the plane; height and width are the picture's.
    """

    config: GeneratorConfig
    at: tuple[int, int]
    height: int
    width: int
    y: int
    x: int
    rows: int
    columns: int

    @property
    def local(self) -> Rectangle:
        """Of the local latents: the cells with the halo that the structure synthesizer reads."""
        h = self.config.halo
        return self.y - h, self.x - h, self.rows + 2 * h, self.columns + 2 * h

    def noise(self, layer: int) -> Rectangle:
        """Of the noise of a layer, in absolute features."""
        u = unit(layer)
        height, width = (layer_sides(cells, self.config.blocks)[layer] for cells in (self.rows, self.columns))
        return u * self.y, u * self.x, height, width

    @property
    def crop(self) -> tuple[slice, slice]:
        """Where the picture lies in the pixels that the cells make."""
        scale, lo = 2**self.config.blocks, margins(self.config.blocks)[0]
        top, left = (at - scale * cell - lo for at, cell in zip(self.at, (self.y, self.x), strict=True))
        return slice(top, top + self.height), slice(left, left + self.width)

    @property
    def touched_px(self) -> tuple[int, int, int, int]:
        """Pixels' (y0, x0, y1, x1) that can differ from those of the plane without the picture."""
        (y, x, height, width), config = self.local, self.config
        (top, bottom), (left, right) = cell_reach(y, y + height - 1, config), cell_reach(x, x + width - 1, config)
        return top, left, bottom, right

    @property
    def needed_bytes(self) -> int:
        """About what a step takes: the maps of all layers that a slope needs, four bytes a number."""
        maps = COMPARED * self.height * self.width + sum(
            channels * prod(self.noise(layer)[2:])
            for layer, channels in enumerate(c for c in self.config.texture for _ in range(2))
        )
        return 4 * KEPT * (maps + self.config.structure_layers * self.config.local * prod(self.local[2:]))


def area_of(config: GeneratorConfig, at: tuple[int, int], height: int, width: int) -> Area:
    """The fewest cells for a picture. Raises InvalidInputError beyond 64 bits, and TypeError for no whole numbers."""
    at = index(at[0]), index(at[1])
    (y, bottom), (x, right) = (
        cover(start, start + length, config.blocks) for start, length in zip(at, (height, width), strict=True)
    )
    area = Area(config, at, height, width, y, x, bottom - y, right - x)
    if min(area.touched_px) < -FARTHEST or max(area.touched_px) > FARTHEST:
        raise InvalidInputError(
            f"A picture of {width} x {height} px at {at[0]},{at[1]} reaches, with what it changes about it, beyond the "
            "64 bits in which pixels of a plane are counted. Give a place nearer to 0,0."
        )
    return area


def smallest_px(config: GeneratorConfig) -> int:
    """The shortest side of a picture that can be inverted: a whole cell, and no fewer than 16."""
    return max(LEAST_PX, int(2**config.blocks))


def check_invertible(
    config: GeneratorConfig, picture: Tensor, at: tuple[int, int], device: str = "cpu", period: int | None = None
) -> Area:
    """Refuse what cannot be inverted, before any work; the area of what can.

    picture: (3, H, W) in [-1, 1]. at: whole numbers (y0, x0). period: cells of a cyclic plane. Raises InvalidInputError
    for another shape, too small a picture, one that goes more than once round a cyclic plane, values that are none or
    out of range, and places beyond 64 bits; NoRoomError where `device` has not the memory that a step takes.
    """
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise InvalidInputError(
            f"A picture to invert has the shape (3, height, width), not {tuple(picture.shape)}. Of "
            "grey, repeat the channel; of several pictures, give one."
        )
    height, width = picture.shape[-2:]
    least = smallest_px(config)
    if min(height, width) < least:
        raise InvalidInputError(
            f"A picture to invert has at least {least} x {least} pixels for this generator; this one has {width} x "
            f"{height}. Give a larger one."
        )
    area = area_of(config, at, height, width)
    if period is not None and area.local[3] > period:
        raise InvalidInputError(
            f"With what it reads about it the picture is {area.local[3]} cells wide, and the plane repeats after "
            f"{period}. Give a longer period, or a narrower picture."
        )
    if area.needed_bytes > (free := free_bytes(device)):
        raise NoRoomError(
            f"To invert {width} x {height} pixels takes about {area.needed_bytes / 2**30:.1f} GiB, and {device} has "
            f"{free / 2**30:.1f} GiB free. Give a smaller picture, or a part of it."
        )
    if not bool(picture.isfinite().all()):
        raise InvalidInputError("The picture holds values that are not finite. Give one whose pixels are numbers.")
    if float(picture.abs().max()) > 1 + 1e-4:
        raise InvalidInputError(
            f"Pixels lie in [-1, 1]; this picture has values up to {float(picture.abs().max()):.3g}. Scale them."
        )
    return area
