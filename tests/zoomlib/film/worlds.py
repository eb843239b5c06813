"""Worlds in closed form, of which any view is known: the truth that frames are held against."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from zoomlib.stack import ZoomStack

Array = NDArray[np.float64]
Size = tuple[int, int]
CONTRAST = 0.12
SAMPLES = 4  # a side of the square of samples whose mean is a pixel


class World(Protocol):
    """Something to look at. `view`: (C, H, W) in [-1, 1], square pixels, centred on x, y and `width` wide, in widths of
    level 0; turned counter-clockwise by `angle`."""

    def view(self, x: float, y: float, width: float, size: Size, angle: float = 0.0) -> Array: ...


@dataclass(frozen=True)
class Waves:
    """Plane waves with angular frequencies `k` (N, 2) and phases (3, N), a row per colour: no view lacks anything."""

    k: Array
    phase: Array

    def view(self, x: float, y: float, width: float, size: Size, angle: float = 0.0) -> Array:
        """See World; values at the pixels' centres."""
        cos, sin = math.cos(angle), math.sin(angle)
        k = self.k @ np.array([[cos, sin], [-sin, cos]])  # along the frame's own axes
        u, v = ((np.arange(n) + 0.5 - n / 2) * (width / size[0]) for n in size)
        start = self.phase + self.k @ (x, y)
        across, down = np.exp(1j * np.outer(u, k[:, 0])), np.exp(1j * np.outer(v, k[:, 1]))
        picture = np.stack([np.real((down * np.exp(1j * row)) @ across.T) for row in start])
        return picture / (3.2 * np.sqrt(len(k)))


def smooth_world(finest_px: float, level_px: int, depth: float, seed: int = 0) -> Waves:
    """24 waves of `finest_px` to three times as many pixels of a level `depth` times smaller than the widest."""
    random = np.random.default_rng(seed)
    length = finest_px * 3 ** random.uniform(0, 1, 24) / level_px / depth
    angle = random.uniform(0, 2 * np.pi, 24)
    k = 2 * np.pi / length * np.stack([np.cos(angle), np.sin(angle)])
    return Waves(k.T, random.uniform(0, 2 * np.pi, (3, 24)))


@dataclass(frozen=True)
class Fractal:
    """Gradient noise and hard-edged discs, of the same contrast at each of `octaves` scales: 1 / f^2, as in nature."""

    octaves: int = 20
    seed: int = 0

    def view(self, x: float, y: float, width: float, size: Size, angle: float = 0.0) -> Array:
        """See World; means of 4 x 4 samples, or fewer where there is nothing finer than many pixels."""
        assert not angle
        x, y = x + 0.137, y + 0.293  # noise is flat where cells of all sizes meet
        picture = np.zeros(size[::-1])
        for octave in range(self.octaves):
            cell_px = size[0] / width / 2**octave
            if cell_px < 0.5 / SAMPLES:
                break
            n = SAMPLES if cell_px < 32 else 1
            u, v = ((np.arange(n * side) + 0.5) / n - side / 2 for side in size)
            drawn = self._octave(octave, (x + u * width / size[0]) * 2**octave, (y + v * width / size[0]) * 2**octave)
            picture += drawn.reshape(size[1], n, size[0], n).mean((1, 3))
        return (picture * CONTRAST)[None]

    def _octave(self, octave: int, x: Array, y: Array) -> NDArray[np.float32]:
        """Cells of side 1, at the crossings of columns x and rows y."""
        i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        a, b = (x - i).astype(np.float32), (y - j).astype(np.float32)[:, None]
        corners = [[self._gradient(octave, i + di, j + dj, a - di, b - dj) for di in (0, 1)] for dj in (0, 1)]
        s, t = (c * c * c * (c * (c * 6 - 15) + 10) for c in (a, b))
        upper, lower = (left + s * (right - left) for left, right in corners)
        kind = self._random(octave, i, j)
        radius = 0.15 + 0.25 * kind
        inside = (a - 0.5) ** 2 + (b - 0.5) ** 2 < radius * radius
        return upper + t * (lower - upper) + np.float32(0.35) * inside * np.sign(kind - 0.5)

    def _gradient(self, octave: int, i: Array, j: Array, a: Array, b: Array) -> Array:
        turn = self._random(octave + 100, i, j) * np.float32(2 * np.pi)
        return np.cos(turn) * a + np.sin(turn) * b

    def _random(self, octave: int, i: Array, j: Array) -> NDArray[np.float32]:
        """(rows, columns) of numbers in 0..1 that hang on the cell alone."""
        table = np.random.default_rng(self.seed).random(1 << 12).astype(np.float32)
        return table[(i * 73856093 ^ (j * 19349663)[:, None] ^ octave * 83492791) & 4095]


@dataclass(frozen=True)
class Scene:
    """A stack of a world, all of whose windows are centred on the point `focus` of their level."""

    world: World
    size: Size
    factors: tuple[float, ...]
    focus: tuple[float, float] = (0.5, 0.5)

    @property
    def levels(self) -> int:
        return len(self.factors) + 1

    def seen(self, position: float) -> tuple[float, float, float]:
        """Left and top edge and width of the view at a level position, in widths of level 0."""
        W, H = self.size
        left, top, width = 0.0, 0.0, 1.0
        for level, p in enumerate(self.factors):
            x, y = (min(max(f - 0.5 / p, 0), 1 - 1 / p) for f in self.focus)
            t = min(max(position - level, 0), 1)
            share = (1 - p**-t) / (1 - 1 / p)  # a similarity has one fixed point: the edge moves on a straight line
            left, top, width = left + x * share * width, top + y * share * width * H / W, width * p**-t
        return left, top, width

    def stack(self) -> ZoomStack:
        views = [self.truth(i, self.size) for i in range(self.levels)]
        levels = torch.tensor(np.stack(views), dtype=torch.float32)
        assert levels.abs().max() < 1  # nothing is lost to the range
        return ZoomStack(levels, self.factors, [self.focus] * self.levels)

    def truth(
        self,
        position: float,
        size: Size,
        margin: float = 1.0,
        angle: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Array:
        """What a frame shows: the largest centred part of the view that has its shape, magnified, moved, turned."""
        W, H = self.size
        left, top, width = self.seen(position)
        frame = min(width, width * H / W * size[0] / size[1]) / margin
        x = left + width / 2 + shift[0] * frame
        y = top + width * H / W / 2 + shift[1] * frame * size[1] / size[0]
        return self.world.view(x, y, frame, size, angle)


def psnr(a: Array, b: Array) -> float:
    """In dB, of values in [-1, 1]."""
    return float(10 * np.log10(4 / np.square(a - b).mean()))


def misfit(frame: Array, truth: Array) -> tuple[float, float, float]:
    """Least squares: how far `frame` (C, H, W) is off `truth` in pixels, by scale (at the edge), in x and in y."""
    _, H, W = truth.shape
    down, across = np.gradient(truth, axis=(1, 2))
    x, y = np.arange(W) - (W - 1) / 2, (np.arange(H) - (H - 1) / 2)[:, None]
    inner = (slice(None), slice(4, -4), slice(4, -4))
    columns = np.stack([(across * x + down * y)[inner].ravel(), across[inner].ravel(), down[inner].ravel()], 1)
    scale, dx, dy = np.abs(np.linalg.lstsq(columns, (frame - truth)[inner].ravel(), rcond=None)[0])
    return float(scale * max(W, H) / 2), float(dx), float(dy)
