"""A frame turned about its centre: Lanczos3 in both directions at once, at the frame's own scale."""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.compiled import compiled
from zoomlib.film.planes import GRIDS, Frame, Grid, Layout, Size, plane_views, shape_of, size_of
from zoomlib.film.taps import PHASE_BITS, PHASES, lanczos

BORDER = 8
"""Pixels by which a plane is continued on each side: the kernel's reach, and the lanes that are read with it."""

Words = NDArray[np.int16]


def rotated(frame: Frame, layout: Layout, angle: float, size: Size, out: Frame | None = None) -> Frame:
    """What a view of `size` = (width, height) shows of `frame` that has turned counter-clockwise by `angle` radians.

    Both are centred on the same point; beyond its border the frame goes on as its outermost pixels. Where the sides of
    both differ by multiples of 2 (4:2:0: of 4), angle 0 is the plain crop. `out` is filled and returned, or a new
    frame is. Raises InvalidInputError for an angle that is not finite, and for sizes that the layout cannot have.
    """
    if not math.isfinite(angle):
        raise InvalidInputError(f"The angle must be a finite number of radians, got {angle}.")
    out = np.empty(shape_of(layout, size), np.uint8) if out is None else out
    if out.shape != shape_of(layout, size):
        raise InvalidInputError(f"The frame to fill is {out.shape}, but {size} needs {shape_of(layout, size)}.")
    source, turn = size_of(frame, layout), compiled("turn") or plain_turn
    views = zip(plane_views(frame, layout), plane_views(out, layout), GRIDS[layout], strict=True)
    for plane, target, grid in views:
        x, y = _origin(grid, source, size, math.cos(angle), math.sin(angle))
        turn(_padded(plane), _weights(), x + BORDER, y + BORDER, math.cos(angle), math.sin(angle), target)
    return out


def _origin(grid: Grid, source: Size, size: Size, cosine: float, sine: float) -> tuple[float, float]:
    """Where the first sample of the view lies in the source's plane, in its samples."""
    x, y = grid.at_x - (size[0] - 1) / 2, grid.at_y - (size[1] - 1) / 2
    across, down = x * cosine + y * sine + (source[0] - 1) / 2, y * cosine - x * sine + (source[1] - 1) / 2
    return (across - grid.at_x) / grid.step_x, (down - grid.at_y) / grid.step_y


def _padded(plane: Frame) -> Words:
    """(v - 128) 2^8, continued by BORDER on each side."""
    H, W = plane.shape
    words = np.zeros((H + 2 * BORDER, W + 2 * BORDER), np.int16)
    inside = words[BORDER:-BORDER]
    np.bitwise_xor(plane, 0x80, out=inside.view(np.uint8)[:, 2 * BORDER + _HIGH : -2 * BORDER : 2])
    inside[:, :BORDER], inside[:, -BORDER:] = inside[:, BORDER : BORDER + 1], inside[:, -BORDER - 1 : -BORDER]
    words[:BORDER], words[-BORDER:] = words[BORDER], words[-BORDER - 1]
    return words


_HIGH = int(np.array([1], np.int16).view(np.uint8)[0])
"""Which of a word's two bytes in memory is the upper one: 1 on all common processors."""


@cache
def _weights() -> Words:
    """The 6 taps of each phase, from two samples before it on, and two of no weight (PHASES, 8)."""
    weights = np.zeros((PHASES, 8), np.int16)
    weights[:, :6] = lanczos(PHASES, 2.0, 1 / PHASES, 6).weights
    return weights


def plain_turn(padded: Words, weights: Words, x0: float, y0: float, cosine: float, sine: float, out: Frame) -> None:
    """Fill `out` (h, w): pixel (y, x) is at x0 + x cosine + y sine, y0 - x sine + y cosine in `padded`.

    The arithmetic is that of `zoomlib.film.resample`, columns first. Places outside are moved to the border.
    """
    h, w = out.shape
    x, y = np.arange(w), np.arange(h)[:, None]
    across = _phase(x0 + (x * cosine + y * sine), padded.shape[1])
    down = _phase(y0 + (y * cosine - x * sine), padded.shape[0])
    top, left = (down >> PHASE_BITS) - 2, (across >> PHASE_BITS) - 2
    x_weights, y_weights = (
        weights[across & (PHASES - 1)].astype(np.int32),
        weights[down & (PHASES - 1)].astype(np.int32),
    )
    total = np.full((h, w), 3 + 16, np.int32)
    for i in range(6):
        column = sum((padded[top + k, left + i] * y_weights[..., k] >> 16 for k in range(6)), np.int32(3))
        total += 2 * column * x_weights[..., i] >> 16
    out[:] = np.clip((total >> 5) + 128, 0, 255)


def _phase(place: NDArray[Any], length: int) -> NDArray[np.int64]:
    """The place in whole phases, where 8 lanes from two samples before it on lie within `length`."""
    phase = np.floor(place * PHASES + 0.5).astype(np.int64)
    return np.clip(phase, 2 * PHASES, PHASES * (length - 8) - 1)
