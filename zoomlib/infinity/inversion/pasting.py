"""Known pixels over painted ones, tile by tile: a painter about a painter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.painting.painter import Painter
from zoomlib.infinity.sizes import margins


@dataclass(frozen=True, eq=False)
class Paste:
    """Pixels (3, h, w) whose first lies at pixel' (y, x). Over `feather_px` from the edges inwards they fade in."""

    y: int
    x: int
    pixels: Tensor
    feather_px: int = 0

    def __post_init__(self) -> None:
        if self.feather_px < 0 or 2 * self.feather_px > min(self.pixels.shape[-2:]):
            raise InvalidInputError(
                f"A feather is 0 to half of the picture's shorter side, {min(self.pixels.shape[-2:]) // 2} px; "
                f"got {self.feather_px}."
            )

    @property
    def weight(self) -> Tensor:
        """(h, w) in (0, 1]: 1 from the feather's end on; a straight line across it, at the middles of pixels."""
        down, across = (_edge_weight(side, self.feather_px) for side in self.pixels.shape[-2:])
        return torch.minimum(down[:, None], across[None])


def _edge_weight(side: int, feather: int) -> Tensor:
    from_edge = torch.minimum(torch.arange(side), torch.arange(side - 1, -1, -1)) + 0.5
    return (from_edge / feather).clamp(max=1) if feather else torch.ones(side)


class PastingPainter:
    """What `painter` paints, with known pixels over it; on a cyclic plane after every period."""

    def __init__(self, painter: Painter, pastes: Sequence[Paste]) -> None:
        self.painter, self.pastes = painter, tuple(pastes)

    @property
    def config(self) -> GeneratorConfig:
        """As `Painter.config`."""
        return self.painter.config

    @property
    def blocks(self) -> int:
        """As `Painter.blocks`."""
        return self.painter.blocks

    @property
    def period(self) -> int | None:
        """As `Painter.period`."""
        return self.painter.period

    @property
    def device(self) -> torch.device:
        """As `Painter.device`."""
        return self.painter.device

    @torch.inference_mode()
    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """As `Painter.paint`."""
        painted = self.painter.paint(origins, n)
        scale, lo = 2**self.blocks, margins(self.blocks)[0]
        for pixels, (y, x) in zip(painted, origins, strict=True):
            for paste in self.pastes:
                self._paste(paste, pixels, scale * y + lo, scale * x + lo)
        return painted

    def facts(self) -> dict[str, Any]:
        """As `Painter.facts`, and where pixels were pasted: [y, x, height, width, feather] of each."""
        pasted = [[p.y, p.x, *p.pixels.shape[-2:], p.feather_px] for p in self.pastes]
        return {**self.painter.facts(), "pasted": pasted}

    def _paste(self, paste: Paste, pixels: Tensor, y: int, x: int) -> None:
        """Into pixels (3, h, w), in place, whose first is (y, x)."""
        _, height, width = paste.pixels.shape
        _, rows, columns = pixels.shape
        top, bottom = max(paste.y, y), min(paste.y + height, y + rows)
        if top >= bottom:
            return
        for left_of in self._lefts(paste.x, width, x, columns):
            left, right = max(left_of, x), min(left_of + width, x + columns)
            source = slice(top - paste.y, bottom - paste.y), slice(left - left_of, right - left_of)
            target = pixels[:, top - y : bottom - y, left - x : right - x]
            known, weight = paste.pixels[:, *source].to(target), paste.weight[*source].to(target)
            # Not lerp: it need not give its end exactly, and known pixels stay bitwise where they have all weight.
            target.copy_(torch.where(weight < 1, target + weight * (known - target), known))

    def _lefts(self, start: int, length: int, x: int, columns: int) -> list[int]:
        """Where a picture of columns [start, start + length) begins that meets [x, x + columns)."""
        if self.period is None:
            return [start] if start < x + columns and x < start + length else []
        period = self.period * 2**self.blocks
        first, last = -((start + length - 1 - x) // period), (x + columns - 1 - start) // period
        return [start + k * period for k in range(first, last + 1)]
