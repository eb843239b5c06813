"""The line of a scale bar, drawn anew for every frame: its length changes by fractions of a pixel.

A line with a tick at either end is the sum of two products of a column and a row, and so is any Gaussian blur of it:
what is computed for a frame are rows, but for the last step.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zoomlib.film.patches import LIGHT, SHADES, Patch, darkened, even_span, patch
from zoomlib.film.planes import Layout, Size

Profiles = NDArray[np.float32]
"""(2, n): how much of each pixel of a row or column the line covers, and how much the ticks."""

THICK, TALL = 0.09, 0.4
"""Of the line and of its ticks, in em."""


@dataclass(frozen=True)
class Ruler:
    """Bars in frames of `size`, from row `top` on and ending at column `right`, beside letters of `em` pixels."""

    size: Size
    layout: Layout
    em: float
    top: int
    right: int

    @property
    def thick(self) -> int:
        """Rows of the line, and columns of a tick."""
        return max(round(THICK * self.em), 1)

    @property
    def bottom(self) -> int:
        """The row below the line."""
        return self.top + max(round(TALL * self.em), self.thick + 2)

    def patch(self, bars: Sequence[tuple[float, float]]) -> Patch:
        """The bars, each its length in pixels and its opacity in 0..1; where they share pixels, opacities add up."""
        left, right = even_span(self.right - math.ceil(max(n for n, _ in bars)), self.right, self.em, self.size[0])
        columns = self._columns(bars, np.arange(left, right, dtype=np.float32))
        light = self._rows.T @ columns * np.float32(LIGHT)
        soft = zip(self._soft, SHADES, strict=True)
        blurred = (rows.T @ _blurred(columns, share * self.em) for rows, (share, _, _) in soft)
        return patch(light, darkened(light.shape, blurred), (self._span[0], left), self.layout)

    def _columns(self, bars: Sequence[tuple[float, float]], x: NDArray[np.float32]) -> Profiles:
        found = np.zeros((2, len(x)), np.float32)
        for length, opacity in bars:
            line, inner = (np.clip(x + 1 - (self.right - n), 0, 1) for n in (length, length - self.thick))
            found[0] += opacity * line
            found[1] += opacity * np.maximum(line - inner, x >= self.right - self.thick)
        return found * (x < self.right)

    @property
    def _span(self) -> tuple[int, int]:
        return even_span(self.top, self.bottom, self.em, self.size[1])

    @cached_property
    def _rows(self) -> Profiles:
        y = np.arange(*self._span)
        edge = self.bottom - self.thick
        return np.stack([(y >= edge) & (y < self.bottom), (y >= self.top) & (y < edge)]).astype(np.float32)

    @cached_property
    def _soft(self) -> list[Profiles]:
        return [_blurred(self._rows, share * self.em) for share, _, _ in SHADES]


def _blurred(profiles: Profiles, sigma: float) -> Profiles:
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    return np.stack([np.convolve(one, kernel)[reach:-reach] for one in profiles]).astype(np.float32)
