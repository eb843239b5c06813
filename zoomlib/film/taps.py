"""Taps: which samples of a line make an output, and with what weights. Lanczos3, in whole numbers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.compiled import compiled

UNIT = 1 << 14
"""What the weights of an output add up to."""

SUPPORT = 3.0
"""Lanczos3 reaches this far, in samples of the coarser of input and output."""

PHASE_BITS = 8
PHASES = 1 << PHASE_BITS
"""Places between two samples that tables of taps tell apart: positions are exact to 1/512 of a sample."""

EDGE, NINTH = SUPPORT * SUPPORT, 1 / 9
C0, C1, C2, C3 = 0.999998601, -0.355470874, 0.0589141312, -0.00608143852
C4, C5, C6, C7 = 0.000436757112, -2.24421929e-5, 7.67891283e-7, -1.31511394e-8
"""sinc(x) sinc(x/3) = (1 - y) (1 - y/4) (1 - y/9)^2 (C0 + C1 y + ... + C7 y^7), y = x^2 <= 9: the zeros are exact, the
polynomial is fitted; it is off by at most 2e-6, a thirtieth of a weight's unit."""


@dataclass(frozen=True)
class Taps:
    """How n outputs come of a line of samples: output o is sum_k weights[o, k] sample[first[o] + k] / UNIT.

    `first`: int32 (n,), `weights`: int16 (n, K), both in C order. `first` never falls, every tap lies within the line,
    every output's weights add up to UNIT. A part of the outputs, first[a:b] and weights[a:b], is Taps too.
    """

    first: NDArray[np.int32]
    weights: NDArray[np.int16]


def lanczos(n_out: int, start: float, step: float, n_in: int) -> Taps:
    """Taps for n_out outputs, number o at the coordinate start + o step of a line of n_in samples, sample j at j.

    The kernel is Lanczos3, stretched to `step` samples where that is above 1, which keeps out what the outputs cannot
    hold. Beyond its ends the line goes on as its last sample. At whole coordinates with step <= 1 an output is one
    sample, exactly. Raises InvalidInputError unless there are outputs, samples, and a finite start and step > 0.
    """
    if min(n_out, n_in) < 1 or not (math.isfinite(start) and math.isfinite(step) and step > 0):
        raise InvalidInputError(
            "Taps are for 1 or more outputs of 1 or more samples, at a finite start and a step above 0; got "
            f"{n_out} outputs of {n_in} samples, start {start}, step {step}."
        )
    count = math.ceil(2 * SUPPORT * max(step, 1.0))
    taps = Taps(np.empty(n_out, np.int32), np.empty((n_out, min(count, n_in)), np.int16))
    (compiled("fill_taps") or plain_fill)(start, step, count, n_in, taps.first, taps.weights)
    return taps


def plain_fill(
    start: float, step: float, count: int, n_in: int, first: NDArray[np.int32], weights: NDArray[np.int16]
) -> None:
    """Fill `first` (n,) and `weights` (n, K); `count` taps before those outside the line are folded into it."""
    n, K = weights.shape
    reach, shrink = SUPPORT * max(step, 1.0), 1.0 / max(step, 1.0)
    centre = start + np.arange(n) * step
    begin = np.floor(centre - reach) + 1.0
    before = begin - centre
    values = [_kernel((before + k) * shrink) for k in range(count)]
    total = np.zeros(n)
    for value in values:
        total += value
    total = UNIT / total
    whole = np.array([np.rint(value * total) for value in values])
    whole[np.rint(-before).astype(np.int64), np.arange(n)] += UNIT - whole.sum(0)
    first[:] = np.clip(begin, 0, n_in - K)
    weights[:] = 0
    for k in range(count):
        place = np.clip(begin + k, 0, n_in - 1).astype(np.int64) - first
        weights[np.arange(n), place] += whole[k].astype(np.int16)


def _kernel(x: NDArray[np.float64]) -> NDArray[Any]:
    y = np.minimum(x * x, EDGE)
    series = np.full_like(y, C7)
    for c in (C6, C5, C4, C3, C2, C1, C0):
        series = series * y + c
    return series * ((1.0 - y) * (1.0 - y * 0.25)) * ((1.0 - y * NINTH) * (1.0 - y * NINTH))
