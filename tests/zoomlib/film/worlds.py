"""A world in closed form: plane waves, which any view shows exactly. The truth that frames are held against."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from zoomlib.stack import ZoomStack

Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Waves with angular frequencies `k` (N, 2) per width of level 0, and phases (3, N), one row per colour."""

    k: Array
    phase: Array

    def view(self, left: float, top: float, width: float, size: tuple[int, int]) -> Array:
        """(3, H, W) in about [-1, 1]: the square pixels of a view of `width` at (left, top)."""
        W, H = size
        x = left + (np.arange(W) + 0.5) / W * width
        y = top + (np.arange(H) + 0.5) / W * width
        across, down = np.exp(1j * np.outer(x, self.k[:, 0])), np.exp(1j * np.outer(y, self.k[:, 1]))
        picture = np.stack([np.real((down * np.exp(1j * row)) @ across.T) for row in self.phase])
        return picture / (3.2 * np.sqrt(len(self.k)))


def smooth_world(finest_px: float, level_px: int, p: float, levels: int, seed: int = 0) -> World:
    """24 waves of `finest_px` to three times as many pixels of the finest level: resolved by the widest one too."""
    random = np.random.default_rng(seed)
    length = finest_px * 3 ** random.uniform(0, 1, 24) / level_px / p ** (levels - 1)
    angle = random.uniform(0, 2 * np.pi, 24)
    k = 2 * np.pi / length * np.stack([np.cos(angle), np.sin(angle)])
    return World(k.T, random.uniform(0, 2 * np.pi, (3, 24)))


@dataclass(frozen=True)
class Scene:
    """A stack of a world, all of whose windows are centred on the point `focus` of their level."""

    world: World
    size: tuple[int, int]
    p: float
    levels: int
    focus: tuple[float, float]

    def corner(self, level: float) -> tuple[float, float]:
        """Where the view at a level position begins, in widths of level 0: the camera nears one point for ever.

        With the same window in each level, the views shrink around the point that has the same place in all of them.
        """
        W, H = self.size
        free = 1 - 1 / self.p
        x, y = (min(max(f - 0.5 / self.p, 0), free) / free for f in self.focus)
        return x * (1 - self.p**-level), y * (1 - self.p**-level) * H / W

    def stack(self) -> ZoomStack:
        views = [self.world.view(*self.corner(i), self.p**-i, self.size) for i in range(self.levels)]
        levels = torch.tensor(np.stack(views), dtype=torch.float32)
        assert levels.abs().max() < 1  # nothing is lost to the range
        return ZoomStack(levels, self.p, [self.focus] * self.levels)

    def truth(self, position: float, size: tuple[int, int]) -> Array:
        """What a frame at `position` shows: the largest centred part of the view that has the frame's shape."""
        W, H = self.size
        width, height = self.p**-position, self.p**-position * H / W
        left, top = self.corner(position)
        seen = min(width, height * size[0] / size[1])
        return self.world.view(left + (width - seen) / 2, top + (height - seen * size[1] / size[0]) / 2, seen, size)


def misfit(frame: Array, truth: Array) -> tuple[float, float, float]:
    """Least squares: how far `frame` (3, H, W) is off `truth` in pixels, by scale (at the edge), in x and in y."""
    _, H, W = truth.shape
    down, across = np.gradient(truth, axis=(1, 2))
    x, y = np.arange(W) - (W - 1) / 2, (np.arange(H) - (H - 1) / 2)[:, None]
    inner = (slice(None), slice(4, -4), slice(4, -4))
    columns = np.stack([(across * x + down * y)[inner].ravel(), across[inner].ravel(), down[inner].ravel()], 1)
    scale, dx, dy = np.abs(np.linalg.lstsq(columns, (frame - truth)[inner].ravel(), rcond=None)[0])
    return float(scale * max(W, H) / 2), float(dx), float(dy)
