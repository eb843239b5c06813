"""Worlds that a program draws, to train generators of planes on a machine without pictures: landscapes and maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

RIDGES, WAVES = 3, 4
LIVELY = 69 / 101
"""Share of a landscape's height in which rows differ: even sky is above, even ground below, as far as a plane goes."""
_SKIES = (
    (0.16, 0.36, 0.78, 0.70, 0.82, 0.94),
    (0.30, 0.24, 0.52, 0.96, 0.66, 0.48),
    (0.48, 0.55, 0.64, 0.80, 0.84, 0.88),
)
"""Day, dusk, overcast: the colour of the zenith, then that above the horizon, in [0, 1]."""
_GROUNDS = ((0.22, 0.42, 0.12), (0.46, 0.42, 0.16), (0.30, 0.46, 0.22), (0.52, 0.46, 0.30))
"""Meadow, dry grass, wood, steppe."""
_TERRAIN = (
    (0.05, 0.16, 0.42),
    (0.14, 0.38, 0.62),
    (0.78, 0.72, 0.50),
    (0.30, 0.50, 0.20),
    (0.36, 0.34, 0.26),
    (0.95, 0.95, 0.97),
)
"""Of maps by height: deep sea, shallows, beach, land, rock, snow."""
_ARID = (
    (0.05, 0.16, 0.42),
    (0.16, 0.44, 0.58),
    (0.86, 0.78, 0.56),
    (0.70, 0.58, 0.34),
    (0.52, 0.34, 0.22),
    (0.90, 0.84, 0.74),
)
"""The same of a dry country; each picture lies somewhere between the two."""
_HEIGHTS = (-1.6, -0.25, 0.0, 0.12, 1.0, 1.9)


def landscapes(count: int, side_px: int, generator: torch.Generator) -> Tensor:
    """`count` landscapes (B, 3, side, side) in [-1, 1]: sky, three ridges one before the other, ground.

    All that differs from row to row lies in the middle `LIVELY` of a picture, whose height is the unit of what follows.
    The horizon lies about the middle (normal, 0.06). Palette, colours, horizon and the phases of all ridges differ from
    picture to picture. All randomness is the generator's, on whose device they are drawn.
    """
    draw, unit_px = _Draw(count, generator), side_px * LIVELY
    row = (torch.arange(side_px, device=generator.device) + 0.5 - side_px / 2) / unit_px
    down, across = row[None, None, :, None] + 0.5, row[None, None, None, :]
    horizon = (0.5 + 0.06 * draw.normal(1, 1, 1)).clamp(0.35, 0.65)
    picture = _sky(draw, down, horizon)
    ground = draw.one_of(_GROUNDS) + 0.04 * draw.normal(3, 1, 1)
    for ridge in range(RIDGES):
        nearness = (ridge + 1) / (RIDGES + 1)
        line = horizon + 0.16 * (nearness - 0.5) + _waves(draw, across, 0.035 + 0.015 * (RIDGES - ridge))
        haze = picture[:, :, :1].mean(3, keepdim=True) * 0.55 + 0.12
        picture = _below(picture, haze * (1 - nearness) + 0.72 * ground * nearness, down, line, unit_px)
    near = ground * (0.62 + 0.5 * (down.clamp(max=1) - horizon)) + _speckles(draw, side_px) * 0.09
    picture = _below(picture, near, down, horizon + 0.12 + _waves(draw, across, 0.012), unit_px)
    return picture.clamp(0, 1) * 2 - 1


def maps(count: int, side_px: int, generator: torch.Generator) -> Tensor:
    """`count` pieces of land from above (B, 3, side, side) in [-1, 1]: sea, shallows, beach, land, rock, snow.

    Alike in every place and direction, so that a plane of them may repeat along both axes.
    """
    draw = _Draw(count, generator)
    row = (torch.arange(side_px, device=generator.device) + 0.5) / side_px
    height = 0.25 * draw.normal(1, 1, 1)
    for _ in range(16):
        turn, often = 2 * pi * draw.uniform(1, 1, 1), torch.exp(draw.uniform(1, 1, 1) * 2.5)
        wave = often * (torch.cos(turn) * row[None, None, :, None] + torch.sin(turn) * row[None, None, None, :])
        height = height + torch.sin(2 * pi * (wave + draw.uniform(1, 1, 1))) * 0.62 / often.sqrt()
    height = height + 0.06 * _speckles(draw, side_px)
    dry = draw.uniform(1, 1, 1)
    low, colour = _HEIGHTS[0], draw.row(_TERRAIN[0])
    for high, wet, arid in zip(_HEIGHTS[1:], _TERRAIN[1:], _ARID[1:], strict=True):
        name = torch.lerp(draw.row(wet), draw.row(arid), dry)
        colour = torch.lerp(colour, name, ((height - low) / (high - low)).clamp(0, 1))
        low = high
    lit = 1 + (height > 0) * _slope(height, side_px)
    return (colour * lit + 0.02 * draw.normal(3, 1, 1)).clamp(0, 1) * 2 - 1


def _slope(height: Tensor, side_px: int) -> Tensor:
    """How much light from the north a slope has more than flat land, -0.3 to 0.3, (B, 1, H, W).

    From the north, as pictures are mirrored left to right in training.
    """
    falls = F.pad(height, (0, 0, 1, 0), mode="replicate").diff(dim=2)
    return (falls * (side_px / 69)).clamp(-0.3, 0.3)


WORLDS: Mapping[str, Callable[[int, int, torch.Generator], Tensor]] = {"landscapes": landscapes, "maps": maps}
"""By the name that recipes use."""


class _Draw:
    """Random numbers of `count` pictures, each (count, *shape)."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count, self.generator, self.device = count, generator, generator.device

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.count, *shape, generator=self.generator, device=self.device)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(self.count, *shape, generator=self.generator, device=self.device)

    def row(self, colour: tuple[float, ...]) -> Tensor:
        return torch.tensor(colour, device=self.device)[None, :, None, None]

    def one_of(self, rows: tuple[tuple[float, ...], ...]) -> Tensor:
        """Of each picture one of the rows, (B, numbers, 1, 1)."""
        chosen = torch.randint(len(rows), (self.count,), generator=self.generator, device=self.device)
        return torch.tensor(rows, device=self.device)[chosen][:, :, None, None]


def _sky(draw: _Draw, down: Tensor, horizon: Tensor) -> Tensor:
    top, bottom = (draw.one_of(_SKIES) + 0.03 * draw.normal(6, 1, 1)).chunk(2, 1)
    sky = torch.lerp(top, bottom, (down / horizon).clamp(0, 1))
    return sky.expand(-1, -1, -1, down.shape[2])


def _waves(draw: _Draw, across: Tensor, height: float) -> Tensor:
    """A line (B, 1, 1, W) of random-phase sinusoids, the longest as long as a picture, the shortest a tenth of it."""
    line = torch.zeros_like(across).expand(draw.count, -1, -1, -1)
    for wave in range(WAVES):
        often = 1.2 * 2**wave * (0.8 + 0.4 * draw.uniform(1, 1, 1))
        line = line + torch.sin(2 * pi * (often * across + draw.uniform(1, 1, 1))) * (height / (wave + 1))
    return line


def _below(picture: Tensor, colour: Tensor, down: Tensor, line: Tensor, unit_px: float) -> Tensor:
    """The picture with `colour` below a line, whose edge is a pixel wide."""
    return torch.lerp(picture, colour.expand_as(picture), ((down - line) * unit_px + 0.5).clamp(0, 1))


def _speckles(draw: _Draw, side_px: int) -> Tensor:
    """(B, 1, side, side): noise of three sizes of grain."""
    speckles = 0.35 * draw.normal(1, side_px, side_px)
    for grains in (max(side_px // 3, 2), max(side_px // 8, 2)):
        coarse = draw.normal(1, grains, grains)
        speckles = speckles + F.interpolate(coarse, size=(side_px, side_px), mode="bilinear", align_corners=False)
    return speckles
