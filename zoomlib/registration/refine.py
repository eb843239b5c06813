"""Where exactly one picture lies in another: the place at which both show the same, to a few hundredths of a pixel.

Gauss-Newton over shift, size and turn as Lucas and Kanade (IJCAI 1981), with the mean of both pictures' slopes. A pixel
of the wider picture is the mean of the finer one's pixels that it covers. Brightness may differ by a tone curve and a
slope across the picture, solved for at the same time; what differs otherwise counts little (Tukey's weights), so that
repainted parts do not pull.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.registration.features import Picture, grey
from zoomlib.registration.placement import Matrix, apply, corners, inverse, then

Array = NDArray[np.float32]

LARGEST_PX = 640
"""Longer side of what is compared, in pixels: more of them make no difference that could be seen."""
_SMALLEST_PX = 12
_BORDER = 0.04
"""Share of the finer picture's sides that is left out: there generators blend and repaint."""
_ROUNDS = ((2.0, 10), (1.0, 10), (0.0, 20))
"""Blur in pixels of the wider picture, and iterations: from a place that is pixels off to the place."""
_TUKEY = 4.685
_NOISE = 0.5
"""Of 255: what rounding to 8 bits does to the difference of two pictures."""
_STOP_PX = 5e-4
_WORST_CONDITION = 1e14


@dataclass(frozen=True)
class Errors:
    """Standard errors: of ln p, of the shift in pixels of the wider picture, and of the turn in degrees."""

    log_p: float
    shift_px: float
    turn_deg: float


@dataclass(frozen=True)
class Refined:
    """A measured place: the matrix from the finer picture's pixels to the wider one's, and how exact it is."""

    matrix: Matrix
    errors: Errors


@dataclass(frozen=True)
class Overlay:
    """The part of the wider picture in which the finer one lies, and the finer one drawn there.

    wider, finer: luma (h, w), the finer one the mean over each pixel of the wider. inside: bool (h, w), where it is to
    be compared. whole: the luma of the whole wider picture; the part's first pixel is its pixel `corner` (x, y).
    """

    wider: Array
    finer: Array
    inside: NDArray[np.bool_]
    whole: Array
    corner: tuple[int, int]


def refine(finer: Picture, wider: Picture, matrix: Matrix) -> Refined | None:
    """The place near `matrix`; None where there is none: too little in sight, or nothing alike."""
    errors = None
    for blur, rounds in _ROUNDS:
        pair = _Prepared.of(finer, wider, matrix, blur)
        solved = None if pair is None else _solve(pair, matrix, rounds)
        if solved is None:
            return None
        matrix, errors = solved
    return None if errors is None else Refined(matrix, errors)


def overlaid(finer: Picture, wider: Picture, matrix: Matrix, largest_px: int = LARGEST_PX) -> Overlay | None:
    """The finer picture drawn into the wider one at a place, at most `largest_px` large; None where too little of it
    is in sight."""
    pair = _Prepared.of(finer, wider, matrix, 0.0, largest_px)
    if pair is None:
        return None
    drawn, _, _ = pair.drawn(matrix)
    return Overlay(pair.wider, drawn, pair.inside, pair.whole, pair.corner)


@dataclass(frozen=True)
class _Prepared:
    """Both pictures ready to be compared near a place: a part of the wider one, and the finer one blurred to it."""

    wider: Array
    finer: Array
    inside: NDArray[np.bool_]
    to_wider: Matrix
    whole: Array
    corner: tuple[int, int]

    @classmethod
    def of(
        cls, finer: Picture, wider: Picture, matrix: Matrix, blur: float, largest_px: int = LARGEST_PX
    ) -> _Prepared | None:
        scale = math.hypot(matrix[0, 0], matrix[1, 0])
        size = finer.shape[1], finer.shape[0]
        reduce = min(1.0, 1 / scale, largest_px / (max(size) * scale))
        small, to_wider = _averaged(grey(wider), reduce)
        place = apply(then(matrix, inverse(to_wider)), corners(size))
        low = np.maximum(np.floor(place.min(0)) - 2, 0).astype(int)
        high = np.minimum(np.ceil(place.max(0)) + 3, small.shape[::-1]).astype(int)
        if (high - low).min() < _SMALLEST_PX:
            return None
        part = small[low[1] : high[1], low[0] : high[0]]
        to_wider = np.column_stack([to_wider[:, :2], apply(to_wider, low.astype(float))])
        pixels = 1 / (scale * reduce)  # of the finer picture, to a pixel of the part
        kernel = _kernel(pixels, blur)
        smooth = cv2.sepFilter2D(grey(finer), -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
        blurred = cv2.GaussianBlur(part, (0, 0), blur) if blur else part
        inside = _inside(part.shape, then(to_wider, inverse(matrix)), size)
        if inside.sum() < _SMALLEST_PX**2:
            return None
        return cls(blurred, smooth, inside, to_wider, small, (int(low[0]), int(low[1])))

    def drawn(self, matrix: Matrix) -> tuple[Array, Array, Array]:
        """The finer picture at `matrix`, and its derivatives along the part's x and y."""
        back = then(self.to_wider, inverse(matrix))
        size = self.wider.shape[1], self.wider.shape[0]
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(self.finer, back, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        return drawn, _slope(drawn, 1), _slope(drawn, 0)


def _averaged(luma: Array, scale: float) -> tuple[Array, Matrix]:
    """At about `scale` of the size, and the matrix from the pixels of that to the picture's."""
    height, width = luma.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sx, sy = width / size[0], height / size[1]
    small: Array = luma if size == (width, height) else cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return small, np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5]])


def _kernel(pixels: float, blur: float) -> Array:
    """The mean over so many pixels, then a blur of so many times as many."""
    reach = math.ceil(pixels / 2 + 0.5 + 4 * blur * pixels)
    at = np.arange(-reach, reach + 1)
    box = np.clip(pixels / 2 + 0.5 - np.abs(at), 0, min(1.0, pixels))
    if blur:
        box = np.convolve(box, np.exp(-0.5 * (at / (blur * pixels)) ** 2), "same")
    kernel: Array = (box / box.sum()).astype(np.float32)
    return kernel


def _inside(shape: tuple[int, ...], back: Matrix, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of the part that lie in the finer picture without its borders."""
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    x, y = np.moveaxis(apply(back, np.stack([columns, rows], -1).astype(float)), -1, 0)
    left_out = _BORDER * min(size)
    within = (x >= left_out) & (x <= size[0] - 1 - left_out) & (y >= left_out) & (y <= size[1] - 1 - left_out)
    inside: NDArray[np.bool_] = within
    return inside


def _slope(picture: Array, axis: int) -> Array:
    """Central differences; the border's are one-sided."""
    slope: Array = np.gradient(picture, axis=axis)
    return slope


def _solve(pair: _Prepared, matrix: Matrix, rounds: int) -> tuple[Matrix, Errors] | None:
    field = _Field.of(pair)
    errors = None
    for _ in range(rounds):
        design, weights, residual = field.linearised(*pair.drawn(matrix))
        normal = design.T @ (design * weights[:, None])
        if not np.isfinite(normal).all() or np.linalg.cond(normal) > _WORST_CONDITION:
            return None
        covariance = np.linalg.inv(normal)
        step = (covariance @ (design.T @ (weights * residual)))[:4]
        if max(abs(step[0]), abs(step[3])) > 0.5 * field.reach or np.abs(step[1:3]).max() > 0.5 * field.reach:
            return None
        matrix = _moved(matrix, pair.to_wider, field.middle, step / field.units)
        errors = _errors(covariance, residual, weights, field.reach, pair.to_wider)
        if np.abs(step).max() < _STOP_PX:
            break
    return None if errors is None else (matrix, errors)


@dataclass(frozen=True)
class _Field:
    """The pixels that are compared: where, what the wider picture shows there, and its slopes along x and y."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    middle: NDArray[np.float64]
    target: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    steep: NDArray[np.bool_]

    @classmethod
    def of(cls, pair: _Prepared) -> _Field:
        rows, columns = np.nonzero(pair.inside)
        across, down = (_slope(pair.wider, axis)[rows, columns].astype(float) for axis in (1, 0))
        middle = np.array([columns.mean(), rows.mean()])
        target = pair.wider[rows, columns].astype(float)
        return cls(rows, columns, middle, target, across, down, _steep(across**2 + down**2))

    @property
    def away(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels right of and below the middle."""
        return self.columns - self.middle[0], self.rows - self.middle[1]

    @property
    def reach(self) -> float:
        """The largest distance from the middle: size and turn count by how far they move what lies there."""
        return float(np.hypot(*self.away).max())

    @property
    def units(self) -> NDArray[np.float64]:
        """By which a step in pixels becomes ln of size, shift x, shift y, turn in radians."""
        return np.array([self.reach, 1, 1, self.reach])

    def linearised(
        self, drawn: Array, across: Array, down: Array
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Design (N, 9) for the step and the brightness, weights (N,) and residual (N,) of the wider picture."""
        (x, y), reach = self.away, self.reach
        finer, fx, fy = (field[self.rows, self.columns].astype(float) for field in (drawn, across, down))
        tone = np.stack([finer, finer**2 / 255, np.full_like(x, 255.0), x / reach * 255, y / reach * 255], 1)
        weights = _weights(tone, self.target, self.steep)
        gain = np.linalg.lstsq(tone * np.sqrt(weights)[:, None], self.target * np.sqrt(weights), rcond=None)[0]
        shade = gain[0] + 2 * gain[1] * finer / 255
        gx, gy = (shade * fx + self.across) / 2, (shade * fy + self.down) / 2
        move = -np.stack([(gx * x + gy * y) / reach, gx, gy, (gy * x - gx * y) / reach], 1)
        return np.concatenate([move, tone], 1), weights, self.target - tone @ gain


def _steep(slopes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The fewest pixels that hold half of all (squared) slopes: those that tell where the picture lies."""
    ordered = np.sort(slopes)[::-1]
    sums = np.cumsum(ordered)
    steep: NDArray[np.bool_] = slopes >= ordered[np.searchsorted(sums, sums[-1] / 2)]
    return steep


def _weights(tone: NDArray[np.float64], target: NDArray[np.float64], steep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Tukey's weights of a robust fit of brightness: 1 where both show the same, 0 where they clearly do not.

    What is usual is asked of steep pixels alone: flat ones agree anywhere, and beside a black sky all else would count
    as different.
    """
    weights = np.ones_like(target)
    for _ in range(3):
        gain = np.linalg.lstsq(tone * np.sqrt(weights)[:, None], target * np.sqrt(weights), rcond=None)[0]
        residual = target - tone @ gain
        spread = 1.4826 * float(np.median(np.abs(residual[steep]))) + _NOISE
        weights = np.clip(1 - (residual / (_TUKEY * spread)) ** 2, 0, None) ** 2
    return weights


def _moved(matrix: Matrix, to_wider: Matrix, middle: NDArray[np.float64], step: NDArray[np.float64]) -> Matrix:
    """The place after a step (ln of size, x, y, turn) about `middle`, all in pixels of the part; a similarity again."""
    centre = apply(to_wider, middle)
    size = math.exp(step[0])
    c, s = size * math.cos(step[3]), size * math.sin(step[3])
    linear = np.array([[c, -s], [s, c]])
    shift = to_wider[:, :2] @ step[1:3]
    return then(matrix, np.column_stack([linear, centre - linear @ centre + shift]))


def _errors(
    covariance: NDArray[np.floating[Any]],
    residual: NDArray[np.float64],
    weights: NDArray[np.float64],
    reach: float,
    to_wider: Matrix,
) -> Errors:
    """From the scatter of what is left, whose neighbours are alike: as if every fourth pixel were one of its own."""
    variance = 4 * float((weights * residual**2).sum() / max(weights.sum() - 9, 1))
    deviation = np.sqrt(np.maximum(np.diag(covariance)[:4] * variance, 0))
    pixel = math.hypot(to_wider[0, 0], to_wider[1, 0])
    return Errors(
        float(deviation[0] / reach),
        float(np.hypot(deviation[1], deviation[2]) * pixel),
        math.degrees(deviation[3] / reach),
    )
