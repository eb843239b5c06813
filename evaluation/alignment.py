"""One frame of a film laid over the next: how it moved, and what remains of a difference.

Frames are looked at as luma in grey levels, float32 (h, w) in 0..255, reduced by whole pixels to about LONGEST_PX on
the longer side, so that scores of films in several sizes mean the same. Lengths are pixels of these small frames, from
their centre. The closer of two frames is always the one that is resampled, onto the wider one and only over the area
that both show: nothing is enlarged, nothing outside a frame is made up, and a film shown backwards gets equal numbers.
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_PX = 256
REACH_PX = 2  # of the cubic kernel; nearer to its border a frame is not known
ITERATIONS = 15
CONVERGED_PX = 1e-3
SEEN_PX = 0.05  # a turn that moves no pixel further is none
LARGEST = 0.15  # a step of the search that zooms or shifts by more, in sides, is cut to so much
FLAT = 1e-3  # squared gradient, in grey levels, of what has no detail to follow: there the search stands still
LEAST_PX = 16  # a side of what frames must have in common
COARSEST_PX = 24  # the longer side at which a search without a start begins

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """A similarity from one frame to the next: what stands at u from the centre comes to stand at e^z R u + shift.

    log_zoom: z, natural logarithm, above 0 zooms in. x_px, y_px: the shift, right and down. turn: angle of R in
    radians, by which the picture turns counter-clockwise.
    """

    log_zoom: float
    x_px: float = 0.0
    y_px: float = 0.0
    turn: float = 0.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point comes to stand."""
        cos, sin = self._matrix
        return cos * x + sin * y + self.x_px, cos * y - sin * x + self.y_px

    @property
    def inverse(self) -> "Motion":
        """The motion back."""
        back = Motion(-self.log_zoom, turn=-self.turn)
        x, y = back.at(self.x_px, self.y_px)
        return Motion(-self.log_zoom, -x, -y, -self.turn)

    def then(self, other: "Motion") -> "Motion":
        """This motion and then the `other`."""
        x, y = other.at(self.x_px, self.y_px)
        return Motion(self.log_zoom + other.log_zoom, x, y, self.turn + other.turn)

    def part(self, share: float) -> "Motion":
        """A share of this motion, at an even speed of zoom about the point that it leaves where it is."""
        log_zoom, whole = self.log_zoom * share, math.expm1(self.log_zoom)
        shift = math.expm1(log_zoom) / whole if whole else share
        return Motion(log_zoom, self.x_px * shift, self.y_px * shift, self.turn * share)

    def scaled(self, factor: float) -> "Motion":
        """The same motion in pixels of frames that are `factor` times as large."""
        return Motion(self.log_zoom, self.x_px * factor, self.y_px * factor, self.turn)

    @property
    def _matrix(self) -> tuple[float, float]:
        zoom = math.exp(self.log_zoom)
        return zoom * math.cos(self.turn), zoom * math.sin(self.turn)


@dataclass(frozen=True)
class Overlay:
    """Two frames, the one laid over the other: both (h, w) parts of the same area, and the pixels that count.

    x, y: places of their columns and rows from the centre of the wider frame.
    """

    wider: Picture
    closer: Picture
    x: Picture
    y: Picture
    mask: NDArray[np.bool_] | None

    @property
    def rest(self) -> Picture:
        """What the closer one shows more, 0 where nothing counts."""
        rest = self.closer - self.wider
        return rest if self.mask is None else rest * self.mask

    @property
    def count(self) -> int:
        """How many pixels count."""
        return self.wider.size if self.mask is None else int(self.mask.sum())


def shrinkage(shape: tuple[int, ...]) -> int:
    """How many pixels of a frame (H, W, 3) make one of its small picture, along each side."""
    return max(1, round(max(shape[:2]) / LONGEST_PX))


def small(frame: NDArray[Any]) -> Picture:
    """The luma (Rec. 709) of a frame (H, W, 3), uint8 or float in 0..255, as area means of whole pixels.

    What is left over at the border is cut.
    """
    n = shrinkage(frame.shape)
    total: NDArray[Any] = frame
    if n > 1:
        (h, w), top, left = (side // n for side in frame.shape[:2]), frame.shape[0] % n // 2, frame.shape[1] % n // 2
        inner = frame[top : top + h * n, left : left + w * n]
        wide = np.uint32 if frame.dtype == np.uint8 else np.float32
        rows: NDArray[Any] = sum((inner[k::n] for k in range(1, n)), inner[::n].astype(wide))
        total = sum((rows[:, k::n] for k in range(1, n)), rows[:, ::n])
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32) / np.float32(n * n)
    luma: Picture = total.astype(np.float32) @ weights
    return luma


def difference(before: Picture, after: Picture, motion: Motion) -> float:
    """Mean absolute difference, in grey levels, of two small pictures when `motion` from one to the other is undone.

    NaN where they have too little in common.
    """
    laid = overlay(before, after, motion)
    return math.nan if laid is None else float(np.abs(laid.rest).sum()) / laid.count


def likeness(before: Picture, after: Picture, motion: Motion) -> float:
    """Correlation of two small pictures when the motion is undone, -1 to 1; 1 for flat ones, NaN for nothing in
    common."""
    laid = overlay(before, after, motion)
    if laid is None:
        return math.nan
    chosen = slice(None) if laid.mask is None else laid.mask
    a, b = (part[chosen].ravel().astype(np.float64) for part in (laid.wider, laid.closer))
    if min(a.std(), b.std()) < 1:
        return 1.0 if max(a.std(), b.std()) < 1 else 0.0
    return float(np.corrcoef(a, b)[0, 1])


def aligned(before: Picture, after: Picture, start: Motion | None = None) -> Motion:
    """The motion that best maps `before` onto `after` by least squares, searched from `start`.

    Gauss-Newton (Lucas and Kanade 1981) with the mean of both pictures' gradients (Benhimane and Malis 2004); to some
    thousandths of a pixel for pictures with detail. Without a start it is searched from coarse to fine.
    """
    if start is None:
        if max(before.shape) < 2 * COARSEST_PX:
            start = Motion(0.0)
        else:
            start = aligned(_halved(before), _halved(after)).scaled(2.0)
    motion, half = start, max(before.shape) / 2
    for _ in range(ITERATIONS):
        laid = overlay(before, after, motion)
        if laid is None:
            break
        zoom, x, y, turn = _correction(laid)
        step = Motion(_cut(zoom, LARGEST), _cut(x, LARGEST * half), _cut(y, LARGEST * half), _cut(turn, LARGEST))
        # The step is one of the wider picture, on which the closer one was laid.
        motion = motion.then(step) if motion.log_zoom < 0 else step.inverse.then(motion)
        turns = abs(motion.turn) * half > SEEN_PX
        motion = motion if turns else replace(motion, turn=0.0)
        if max(abs(step.x_px), abs(step.y_px), abs(step.log_zoom) * half, turns * abs(step.turn) * half) < CONVERGED_PX:
            break
    return motion


def overlay(before: Picture, after: Picture, motion: Motion) -> Overlay | None:
    """The closer picture resampled onto the wider one, over the area that both show; None where that is too small."""
    if motion.log_zoom < 0:
        before, after, motion = after, before, motion.inverse
    h, w = before.shape
    if abs(motion.turn) * max(h, w) / 2 > SEEN_PX:
        return _turned(before, after, motion)
    zoom = math.exp(motion.log_zoom)
    rows, down = _resampling(h, zoom, motion.y_px)
    columns, across = _resampling(w, zoom, motion.x_px)
    if min(len(down), len(across)) < LEAST_PX:
        return None
    laid = (down @ after @ across.T).astype(np.float32, copy=False)
    return Overlay(before[rows, columns], laid, _places(w)[columns], _places(h)[rows], None)


def magnified(frame: NDArray[np.uint8], motion: Motion) -> Picture:
    """A whole frame (H, W, 3) as it looks after a motion that zooms in without a turn: float32 in 0..255, unrounded."""
    zoom, sides = math.exp(motion.log_zoom), []
    for n, shift in zip(frame.shape[:2], (motion.y_px, motion.x_px), strict=True):
        at = (_places(n).astype(np.float64) - shift) / zoom + (n - 1) / 2
        sides.append(_weights(at.clip(0, n - 1), n))
    shown = sides[0] @ frame.transpose(2, 0, 1).astype(np.float32) @ sides[1].T
    return shown.transpose(1, 2, 0).clip(0, 255).astype(np.float32, copy=False)


def _correction(laid: Overlay) -> NDArray[np.float64]:
    """The step of Gauss-Newton (log zoom, x, y, turn) that takes the wider picture to what the closer one shows."""
    down, across = _gradient((laid.wider + laid.closer) * np.float32(0.5))
    x, y = laid.x, laid.y[:, None]
    # Where the wider picture's point u moves to u + zoom u + shift + turn, its picture at u changes by - gradient.
    columns = np.stack([across * x + down * y, across, down, across * y - down * x]).reshape(4, -1)
    if laid.mask is not None:
        columns *= laid.mask.ravel()
    far = float(np.square(x).mean() + np.square(y).mean())
    normal = (columns @ columns.T).astype(np.float64) + np.diag([far, 1, 1, far]) * (FLAT * laid.count)
    found: NDArray[np.float64] = np.linalg.solve(normal, (columns @ laid.rest.ravel()).astype(np.float64))
    return found


def _gradient(picture: Picture) -> tuple[Picture, Picture]:
    """Along y and x, by differences of neighbours; 0 at the border."""
    down, across = np.zeros_like(picture), np.zeros_like(picture)
    down[1:-1], across[:, 1:-1] = picture[2:] - picture[:-2], picture[:, 2:] - picture[:, :-2]
    return down * np.float32(0.5), across * np.float32(0.5)


def _resampling(n: int, zoom: float, shift: float) -> tuple[slice, Picture]:
    """The places of a side that both pictures show, and the weights (places, n) that resample the closer one there.

    The cubic of Catmull and Rom: it keeps linear functions; a kernel that does not would shift.
    """
    places = _places(n)
    at = places.astype(np.float64) * zoom + shift + (n - 1) / 2
    inside = np.flatnonzero((at >= REACH_PX - 1) & (at <= n - REACH_PX))
    if not len(inside):
        return slice(0, 0), np.zeros((0, n), np.float32)
    chosen = slice(int(inside[0]), int(inside[-1]) + 1)
    return chosen, _weights(at[chosen], n)


def _weights(at: NDArray[np.float64], n: int) -> Picture:
    """(places, n) weights of n pixels at places between them."""
    first, taps = _taps(at, n)
    weights, rows = np.zeros((len(first), n), np.float32), np.arange(len(first))
    for k, tap in enumerate(taps):
        weights[rows, first + k] += tap
    return weights


def _turned(wider: Picture, closer: Picture, motion: Motion) -> Overlay | None:
    """`overlay` where the picture also turns: 16 taps a pixel."""
    h, w = wider.shape
    x, y = _places(w), _places(h)
    u, v = np.meshgrid(x.astype(np.float64), y.astype(np.float64))
    right, down = motion.at(u, v)  # type: ignore[arg-type]
    right, down = right + (w - 1) / 2, down + (h - 1) / 2
    mask = (right >= REACH_PX - 1) & (right <= w - REACH_PX) & (down >= REACH_PX - 1) & (down <= h - REACH_PX)
    if mask.sum() < LEAST_PX**2:
        return None
    (column, across), (row, along) = _taps(right, w), _taps(down, h)
    shown, flat, start = np.zeros_like(wider), closer.ravel(), row * w + column
    for i, vertical in enumerate(along):
        line = np.zeros_like(wider)
        for j, horizontal in enumerate(across):
            line += horizontal * flat[start + (i * w + j)]
        shown += vertical * line
    return Overlay(wider, np.where(mask, shown, wider), x, y, mask)


def _taps(at: NDArray[np.float64], n: int) -> tuple[NDArray[np.int64], tuple[Picture, ...]]:
    """The first of the four pixels that a place between pixels is made of, and their weights."""
    first = np.clip(np.floor(at).astype(np.int64) - 1, 0, n - 4)
    t = np.clip((at - first - 1).astype(np.float32), 0, 1)
    t2, t3 = t * t, t * t * t
    taps = (-0.5 * t + t2 - 0.5 * t3, 1 - 2.5 * t2 + 1.5 * t3, 0.5 * t + 2 * t2 - 1.5 * t3, -0.5 * t2 + 0.5 * t3)
    return first, tuple(tap.astype(np.float32) for tap in taps)


@cache
def _places(n: int) -> Picture:
    """Places of n pixels, from their middle."""
    return (np.arange(n) - (n - 1) / 2).astype(np.float32)


def _halved(picture: Picture) -> Picture:
    h, w = (side // 2 * 2 for side in picture.shape)
    even = picture[:h, :w]
    halved: Picture = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * np.float32(0.25)
    return halved


def _cut(value: float, limit: float) -> float:
    return float(min(max(value, -limit), limit))
