"""The static world: one picture per level, eased into the wider level and carrying all deeper ones, made once.

R_i is level i that at its border is the wider level, enlarged: colour (low frequencies) eases over 1/8 of the side,
detail over 1/64, as a wide blend of detail would show double contours. C_i is R_i with C_{i+1} in its window. Frames
drawn of C show no frame around a deeper level, and no jump where the camera passes one, without blending anything.

All is done in the planes and the 8 bits of the film, which levels have as files too.
"""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.film.drawing import Painter, Picture, Planes
from zoomlib.film.planes import GRIDS, Frame, Grid, Layout, planes
from zoomlib.film.resample import resampler
from zoomlib.film.view import SUPPORT_PX, Course, View, course
from zoomlib.stack import ZoomStack

COLOUR_FEATHER = 1 / 8
DETAIL_FEATHER = 1 / 64  # of a level's shorter side
MIN_FEATHER_PX = 6.0  # however small the level
SMOOTHING = 1 / 32  # of the shorter side: sigma of the Gauss filter that parts colour from detail
MAX_ROUNDS = 16  # round a loop; two or three are enough unless p is almost 1

Weights = NDArray[np.float32]


def pictures(stack: ZoomStack, *, loop: bool = False) -> list[Frame]:
    """The picture of every level as films show it, uint8 RGB (H, W, 3), at the levels' own size."""
    return [np.stack(level, -1) for level in _composed(stack, course(stack, loop), Painter("rgb", resampler()))]


def composite(stack: ZoomStack, track: Course, painter: Painter) -> list[Picture]:
    """The picture of every level, ready to be drawn from, in the planes of the painter's layout."""
    return [painter.load(track.size, level) for level in _composed(stack, track, painter)]


def _composed(stack: ZoomStack, track: Course, painter: Painter) -> list[Planes]:
    raw = [_planes(level, painter.layout) for level in stack.levels]
    return _carrying(_eased(raw, track, painter), track, painter)


def _eased(raw: list[Planes], track: Course, painter: Painter) -> list[Planes]:
    """R of every level."""
    eased = raw.copy()

    def made(i: int) -> Planes:
        box, p = track.window(i - 1), track.factor(i - 1)
        wide = painter.drawn(painter.load(track.size, eased[i - 1]), View(i - 1, box.left, box.top, p), track.size)
        y, u, v = (_ease(a, b, grid, track, i) for a, b, grid in zip(wide, raw[i], GRIDS[painter.layout], strict=True))
        return y, u, v

    _settle(eased, range(0 if track.loop else 1, len(eased)), made, track.loop)
    return eased


def _carrying(eased: list[Planes], track: Course, painter: Painter) -> list[Planes]:
    """C of every level, of R."""
    composed = eased.copy()

    def made(i: int) -> Planes:
        inner = track.deeper(View(i, 0.0, 0.0, 1.0))
        rect = track.seen(inner, track.size, painter.step)
        if rect.empty:
            return eased[i]
        deeper = painter.load(track.size, composed[(i + 1) % len(composed)])
        paste = painter.drawn(deeper, inner.grown(-rect.x0, -rect.y0), rect.size)
        return painter.pasted(eased[i], paste, rect)

    deepest = len(composed) if track.loop else len(composed) - 1
    _settle(composed, range(deepest)[::-1], made, track.loop)
    return composed


def _settle(state: list[Planes], order: Iterable[int], made: Callable[[int], Planes], loop: bool) -> None:
    """Put what is `made` for each level, in `order`, into `state`; round a loop until nothing changes any more."""
    for turn in range(MAX_ROUNDS if loop else 1):
        for i in order:
            before, state[i] = state[i], made(i)
            if turn and all(map(np.array_equal, before, state[i])):
                return


def _planes(level: Tensor, layout: Layout) -> Planes:
    """A level (C, H, W) in [-1, 1] as planes."""
    picture = (level.detach().float().cpu() + 1) * 127.5
    return planes(picture.expand(3, -1, -1).movedim(0, -1).numpy(), layout)


def _ease(wide: Frame, fine: Frame, grid: Grid, track: Course, level: int) -> Frame:
    """`fine` that at its border is `wide`, a plane of the same view."""
    W, H = track.size
    side, (left, top, right, bottom) = min(W, H), track.reach(level)
    h, w = fine.shape
    change: Weights = np.subtract(wide, fine, dtype=np.float32)
    low = _smooth(change, side * SMOOTHING / grid.step_y, side * SMOOTHING / grid.step_x)
    x, y = grid.at_x + 0.5 + grid.step_x * np.arange(w), grid.at_y + 0.5 + grid.step_y * np.arange(h)
    off = np.minimum(x - left, right - x), np.minimum(y - top, bottom - y)
    detail = _ramp(*off, max(side * DETAIL_FEATHER, MIN_FEATHER_PX))
    colour = _ramp(*off, max(side * COLOUR_FEATHER, MIN_FEATHER_PX))
    eased = fine + (1 - detail) * change + (detail - colour) * low
    return np.clip(np.rint(eased), 0, 255).astype(np.uint8)


def _ramp(x: NDArray[np.float64], y: NDArray[np.float64], width_px: float) -> Weights:
    """(H, W): 0 within the kernel's reach of the border, which is `x` and `y` away, then a smooth step to 1."""
    across, down = (np.clip((off - SUPPORT_PX) / width_px, 0, 1) for off in (x, y))
    nearest = np.minimum(across * across * (3 - 2 * across), (down * down * (3 - 2 * down))[:, None])
    return nearest.astype(np.float32)


def _smooth(plane: Weights, sigma_y: float, sigma_x: float) -> Weights:
    """A Gauss filter, sigmas in samples; what lies outside is left out of the means."""
    (thin_y, fill_y), (thin_x, fill_x) = _gauss(plane.shape[0], sigma_y), _gauss(plane.shape[1], sigma_x)
    smoothed: Weights = fill_y @ (thin_y @ plane @ thin_x.T) @ fill_x.T
    return smoothed


@lru_cache(maxsize=8)
def _gauss(n: int, sigma: float) -> tuple[Weights, Weights]:
    """A Gauss filter of n samples in two halves: (m, n) to m nodes half a sigma apart, and (n, m) back to the samples.

    Each half has sigma / sqrt(2). At that spacing the nodes hold all that the first half leaves.
    """
    nodes = np.linspace(0, n - 1, max(math.ceil(2 * n / sigma), 1) + 1)
    bell = np.exp(-(((np.arange(n)[:, None] - nodes) / sigma) ** 2))
    thin, fill = bell.T / bell.sum(0)[:, None], bell / bell.sum(1)[:, None]
    return thin.astype(np.float32), fill.astype(np.float32)
