"""The photograph start: levels that, seen from level 0, look like a given picture (arXiv 2312.02149, section 4.4)."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, Window, check_factor, corner, windows

Mode = Literal["projection", "adam"]

# The paper's, and Adam's own defaults (arXiv 1412.6980, algorithm 1).
ADAM_STEPS = 5
ADAM_RATE = 0.1
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Photograph:
    """A picture xi of level 0, (C, H, W) in [-1, 1], and what every level must show of it.

    The part of a pixel of xi that a level shows, without or within the next level's window, is a cell; its mean should
    have the pixel's colour. Where windows lie on whole pixels of xi, that is D^i(x_i) = window_i(xi). The edges of the
    pixels of xi lie on whole pixels of every level, so cells are exact at any depth and focus, and rendering levels
    whose cells are right gives back xi. Raises InvalidInputError for another shape and as `geometry.windows`.
    """

    def __init__(self, xi: Tensor, levels: int, p: int, focus: Focus = None):
        if xi.ndim != 3 or not bool(xi.isfinite().all()):
            raise InvalidInputError(f"A photograph is a finite (C, H, W) tensor in [-1, 1], not {tuple(xi.shape)}.")
        _, H, W = xi.shape
        pixel, framed = _pixels(windows(levels, H, W, p, focus), levels, H, W, check_factor(p))
        level = torch.arange(levels)[:, None, None]
        cells, index, counts = torch.unique(
            (2 * level + framed) * H * W + pixel, return_inverse=True, return_counts=True
        )
        self._shape = (levels, H, W)
        self._index = index.flatten().to(xi.device)
        self._counts = counts.to(xi)
        self._target = xi.flatten(1)[:, (cells % (H * W)).to(xi.device)]

    def apply(self, clean: Tensor, mode: Mode = "projection") -> Tensor:
        """Move the estimates (L, C, H, W) towards the picture, as `project` or `descend` do."""
        if mode not in get_args(Mode):
            raise InvalidInputError(f"photo_mode must be one of {', '.join(get_args(Mode))}, but is {mode!r}.")
        return self.project(clean) if mode == "projection" else self.descend(clean)

    def project(self, clean: Tensor) -> Tensor:
        """The nearest estimates that show the picture exactly: each residual added back, repeated over its cell."""
        return clean + self._spread(self._residual(clean))

    def descend(self, clean: Tensor) -> Tensor:
        """The paper's way: 5 steps of Adam at rate 0.1 on the summed squared residuals, from fresh moments."""
        first, second = torch.zeros_like(clean), torch.zeros_like(clean)
        for t in range(1, ADAM_STEPS + 1):
            gradient = -2 * self._spread(self._residual(clean) / self._counts)
            first = BETA_1 * first + (1 - BETA_1) * gradient
            second = BETA_2 * second + (1 - BETA_2) * gradient.square()
            size = (second / (1 - BETA_2**t)).sqrt() + EPSILON
            clean = clean - ADAM_RATE / (1 - BETA_1**t) * first / size
        return clean

    def _residual(self, clean: Tensor) -> Tensor:
        """Target less mean of every cell, (C, cells)."""
        sums = torch.zeros_like(self._target).index_add(1, self._index, clean.movedim(1, 0).flatten(1))
        return torch.sub(self._target, sums / self._counts)

    def _spread(self, cells: Tensor) -> Tensor:
        """A value per cell, (C, cells), on each of the cell's pixels, (L, C, H, W)."""
        return cells[:, self._index].view(-1, *self._shape).movedim(0, 1)


def _pixels(inside: Sequence[Window], levels: int, height: int, width: int, p: int) -> tuple[Tensor, Tensor]:
    """For every pixel of every level, (L, H, W): which pixel of xi it shows, and whether the next window frames it."""
    pixel = torch.empty(levels, height, width, dtype=torch.int64)
    framed = torch.zeros(levels, height, width, dtype=torch.int64)
    for depth in range(levels):
        # The corner counts in 1 / p^(depth-1) pixel of xi; one pixel of the level is 1 / p^depth of it. Python's
        # integers hold what float and int64 could not at great depth.
        top, left = corner(inside, 0, depth, p)
        rows = torch.tensor([(top * p + k) // p**depth for k in range(height)])
        columns = torch.tensor([(left * p + k) // p**depth for k in range(width)])
        pixel[depth] = rows[:, None] * width + columns
        if depth < levels - 1:
            framed[depth][inside[depth].slices] = 1
    return pixel, framed
