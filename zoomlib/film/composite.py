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
from zoomlib.film.planes import GRIDS, Frame, Grid, Layout, assemble, planes
from zoomlib.film.resample import resampler
from zoomlib.film.view import SUPPORT_PX, Course, Rect, View, course
from zoomlib.stack import ZoomStack

COLOUR_FEATHER = 1 / 8
DETAIL_FEATHER = 1 / 64  # of a level's shorter side
MIN_FEATHER_PX = 6.0  # however small the level
MOST_BEGIN = 1 / 16  # of the shorter side: easing begins so far from the border at most, however large p
SMOOTHING = 1 / 32  # of the shorter side: sigma of the Gauss filter that parts colour from detail
NARROWEST = 0.1  # samples: a Gauss filter that leaves everything as it is, even in levels of one pixel
MAX_ROUNDS = 16  # round a loop; two or three are enough unless p is almost 1

Weights = NDArray[np.float32]


def pictures(stack: ZoomStack, *, loop: bool = False) -> list[Frame]:
    """The picture of every level as films show it, uint8 RGB (H, W, 3), at the levels' own size."""
    return [assemble(level, "rgb") for level in _composed(stack, course(stack, loop), Painter("rgb", resampler()))]


def composite(stack: ZoomStack, track: Course, painter: Painter) -> list[Picture]:
    """The picture of every level, ready to be drawn from, in the planes of the painter's layout."""
    composed = _composed(stack, track, painter)
    return [painter.load(track.size, composed.pop(0)) for _ in stack.levels]  # none is in memory twice for long


def _composed(stack: ZoomStack, track: Course, painter: Painter) -> list[Planes]:
    return _carrying(_eased([_planes(level, painter.layout) for level in stack.levels], track, painter), track, painter)


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
    """Put what is `made` for each level, in `order`, into `state`; round a loop until nothing changes.

    Where windows of a loop lie within 3 p pixels of an edge without touching it, no level tells what is beside them:
    of the pictures that all follow from their neighbours the order then chooses one.
    """
    for turn in range(MAX_ROUNDS if loop else 1):
        for i in order:
            before, state[i] = state[i], made(i)
            if turn and all(map(_alike, before, state[i])):
                return


def _alike(a: Frame, b: Frame) -> bool:
    """Whether two planes are the same but for rounding, which can go on in circles."""
    return bool((np.maximum(a, b) - np.minimum(a, b)).max() <= 1)


def _planes(level: Tensor, layout: Layout) -> Planes:
    """A level (C, H, W) in [-1, 1] as planes."""
    picture = level.detach().float().cpu().numpy() * np.float32(127.5)
    picture += 127.5
    return planes(np.moveaxis(np.broadcast_to(picture, (3, *picture.shape[1:])), 0, -1), layout)


def _ease(wide: Frame, fine: Frame, grid: Grid, track: Course, level: int) -> Frame:
    """`fine` that at its border is `wide`, a plane of the same view."""
    h, w = fine.shape
    off_x, off_y = _off_border(grid, track, level)
    change: Weights = np.subtract(wide, fine, dtype=np.float32)
    low, fill_y, fill_x = _low(change, min(track.size) * SMOOTHING, grid)
    eased = fine.copy()
    colour_px, detail_px = (
        max(min(track.size) * feather, MIN_FEATHER_PX) for feather in (COLOUR_FEATHER, DETAIL_FEATHER)
    )
    for part in Rect(0, 0, w, h).without(_core(off_x > colour_px, off_y > colour_px)):
        y, x = slice(part.y0, part.y1), slice(part.x0, part.x1)
        colour, detail = _ramp(off_x[x], off_y[y], colour_px), _ramp(off_x[x], off_y[y], detail_px)
        blend = fine[y, x] + (1 - detail) * change[y, x] + (detail - colour) * (fill_y[y] @ low @ fill_x[x].T)
        eased[y, x] = np.clip(np.rint(blend), 0, 255)
    return eased


def _off_border(grid: Grid, track: Course, level: int) -> tuple[Weights, Weights]:
    """How many pixels each column and each row of a plane lies within where easing begins; inf where nothing is behind.

    That is what the kernel reaches from the border at the smallest scale at which the level is drawn: in so much of it
    frames show the wider level (`Course.seen`), and this one is to begin as that.
    """
    (left, top, right, bottom), box = track.reach(level), track.window(level - 1)
    (W, H), (rows, columns), p = track.size, grid.shape(track.size), track.factor(level - 1)

    def begin(gap: float) -> float:
        # Half the way to the point that has the same place in both levels: what is there was copied from further in.
        return min(SUPPORT_PX * p, min(W, H) * MOST_BEGIN, gap * p / (p - 1) / 2)

    x = grid.at_x + 0.5 + grid.step_x * np.arange(columns, dtype=np.float32)
    y = grid.at_y + 0.5 + grid.step_y * np.arange(rows, dtype=np.float32)
    return (
        np.minimum(x - left - begin(box.left), right - x - begin(W - box.left - box.width)),
        np.minimum(y - top - begin(box.top), bottom - y - begin(H - box.top - box.height)),
    )


def _core(columns: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Rect:
    """The rectangle of the columns and rows that are true, which lie side by side."""
    (x0, x1), (y0, y1) = ((np.argmax(line), len(line) - np.argmax(line[::-1])) for line in (columns, rows))
    return Rect(int(x0), int(y0), int(x1), int(y1)) if columns.any() and rows.any() else Rect(0, 0, 0, 0)


def _ramp(x: Weights, y: Weights, width_px: float) -> Weights:
    """(H, W): 0 on the border, which is `x` and `y` away, a smooth step to 1 over `width_px`."""
    across, down = (np.clip(off / np.float32(width_px), 0, 1) for off in (x, y))
    nearest: Weights = np.minimum(across * across * (3 - 2 * across), (down * down * (3 - 2 * down))[:, None])
    return nearest


def _low(plane: Weights, sigma_px: float, grid: Grid) -> tuple[Weights, Weights, Weights]:
    """A plane's low frequencies in three parts: fill_y @ low @ fill_x.T is the plane after a Gauss filter.

    What lies outside is left out of the means.
    """
    sigmas = (max(sigma_px / step, NARROWEST) for step in (grid.step_y, grid.step_x))
    (thin_y, fill_y), (thin_x, fill_x) = map(_gauss, plane.shape, sigmas)
    return np.asarray(thin_y @ plane @ thin_x.T, np.float32), fill_y, fill_x


@lru_cache(maxsize=8)
def _gauss(n: int, sigma: float) -> tuple[Weights, Weights]:
    """A Gauss filter of n samples in two halves: (m, n) to m nodes half a sigma apart, and (n, m) back to the samples.

    Each half has sigma / sqrt(2). At that spacing the nodes hold all that the first half leaves.
    """
    nodes = np.linspace(0, n - 1, max(math.ceil(2 * n / sigma), 1) + 1)
    bell = np.exp(-(((np.arange(n)[:, None] - nodes) / sigma) ** 2))
    thin, fill = bell.T / bell.sum(0)[:, None], bell / bell.sum(1)[:, None]
    return thin.astype(np.float32), fill.astype(np.float32)
