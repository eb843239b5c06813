"""Colours of neighbouring levels made alike: a gain and an offset for each channel of each picture.

Each step tells how the colours of the finer picture must change to be the wider one's. Following the steps one after
the other would add up their errors, and a generator that hardens contrast a little each time would end in black and
white. So all pictures are changed at once, neighbours to agree and each as little as that allows: over some `REACH`
levels a slow change stays, as the pictures have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.registration.features import Picture
from zoomlib.registration.placement import Matrix, Size, apply, then
from zoomlib.registration.sampling import view_of

Array = NDArray[np.float64]

REACH = 16.0
_CELLS = 48  # compared along the longer side of the finer picture
_BORDER = 2  # of them left out along each side
_CLIPPED = (3.0, 252.0)
_FLAT = 2.0  # of 255: a channel that varies less tells no gain
_GAINS = (0.4, 2.5)
_LEAST = 24  # cells


@dataclass(frozen=True)
class Fit:
    """wider = gain * finer + offset, each (3,), in 0 .. 255; `middle` is the finer picture's mean colour there."""

    gain: Array
    offset: Array
    middle: Array


@dataclass(frozen=True)
class Change:
    """What is done to a picture's colours: gain * colour + offset, each (3,), in 0 .. 255."""

    gain: Array
    offset: Array

    @property
    def is_none(self) -> bool:
        """Whether no colour moves by half a step of 8 bits."""
        ends = np.abs(np.stack([self.offset, 255 * (self.gain - 1) + self.offset]))
        return bool(ends.max() < 0.5)


def fit(finer: Picture, wider: Picture, matrix: Matrix) -> Fit:
    """How the colours of two placed pictures differ where both show the same; `matrix` leads from finer to wider.

    By the ratio of spreads, which errors in either picture do not pull towards less contrast as a regression would.
    """
    one, two = _cells(finer, wider, matrix)
    gains, offsets, middles = [], [], []
    for channel in range(3):
        f, w = one[:, channel], two[:, channel]
        known = (f > _CLIPPED[0]) & (f < _CLIPPED[1]) & (w > _CLIPPED[0]) & (w < _CLIPPED[1])
        f, w = (f[known], w[known]) if known.sum() >= _LEAST else (f, w)
        gain, offset = _robust(f, w)
        gains.append(gain)
        offsets.append(offset)
        middles.append(float(f.mean()))
    return Fit(np.array(gains), np.array(offsets), np.array(middles))


def _cells(finer: Picture, wider: Picture, matrix: Matrix) -> tuple[Array, Array]:
    """Mean colours of both over the same cells, (N, 3), those that the wider picture shows."""
    height, width = finer.shape[:2]
    scale = max(width, height) / _CELLS
    size: Size = max(8, round(width / scale)), max(8, round(height / scale))
    sx, sy = width / size[0], height / size[1]
    to_finer = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5]])
    there = then(to_finer, matrix)
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    at = apply(there, np.stack([columns, rows], -1).astype(float))
    seen = np.logical_and(at >= 0, at <= np.array(wider.shape[1::-1]) - 1).min(-1)
    for border in (seen, seen.T):
        border[:_BORDER] = border[-_BORDER:] = False
    small = cv2.resize(finer, size, interpolation=cv2.INTER_AREA)
    return small[seen].astype(float), view_of(wider, there, size)[seen].astype(float)


def _robust(f: Array, w: Array) -> tuple[float, float]:
    weights = np.ones_like(f)
    gain, offset = 1.0, 0.0
    for _ in range(8):
        total = weights.sum()
        mf, mw = (weights * f).sum() / total, (weights * w).sum() / total
        sf, sw = (np.sqrt((weights * (v - m) ** 2).sum() / total) for v, m in ((f, mf), (w, mw)))
        gain = float(np.clip(sw / sf, *_GAINS)) if min(sf, sw) > _FLAT else 1.0
        offset = float(mw - gain * mf)
        off = np.abs(w - gain * f - offset)
        spread = 1.4826 * float(np.median(off)) + 0.5
        weights = np.clip(1 - (off / (4.685 * spread)) ** 2, 1e-6, None) ** 2
    return gain, offset


def balanced(fits: Sequence[Fit], means: Sequence[Array]) -> list[Change]:
    """The changes that make neighbours agree, and each picture little different from itself.

    Least squares over ln gains first: (d[i] - d[i-1] - ln gain[i])^2 + d[i]^2 / REACH^2, then alike over the offsets.
    fits[i] is of picture i + 1 against i; means: the mean colour (3,) of each picture.
    """
    steps = np.array([np.log(one.gain) for one in fits])
    gains = np.exp(_settled(steps, np.zeros((len(fits) + 1, 3))))
    own = (1 - gains) * np.array(means)  # keeps each picture's mean
    jumps = np.array(
        [gains[i] * (one.gain * one.middle + one.offset) - gains[i + 1] * one.middle for i, one in enumerate(fits)]
    )
    offsets = _settled(jumps, own)
    return [Change(gain, offset) for gain, offset in zip(gains, offsets, strict=True)]


def _settled(steps: Array, own: Array) -> Array:
    """x (L, 3) that minimises the squares of x[i+1] - x[i] - steps[i] and of (x[i] - own[i]) / REACH."""
    count = len(own)
    rise = np.eye(count, k=1)[:-1] - np.eye(count)[:-1]
    rows = np.concatenate([rise, np.eye(count) / REACH])
    found: Array = np.linalg.lstsq(rows, np.concatenate([steps, own / REACH]), rcond=None)[0]
    return found


def matched(pictures: Sequence[Picture], matrices: Sequence[Matrix]) -> list[Change]:
    """The changes for pictures from the widest on; matrices[i] leads from picture i + 1 to picture i."""
    fits = [fit(finer, wider, m) for wider, finer, m in zip(pictures, pictures[1:], matrices, strict=False)]
    return balanced(fits, [picture.reshape(-1, 3).mean(0) for picture in pictures])


def changed(picture: Picture, change: Change) -> NDArray[np.float32]:
    """The picture in other colours, float32 (H, W, 3), within 0 .. 255."""
    colours = picture.astype(np.float32) * change.gain.astype(np.float32) + change.offset.astype(np.float32)
    limited: NDArray[np.float32] = np.clip(colours, 0, 255)
    return limited
