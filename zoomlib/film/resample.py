"""Resampling of a plane by Lanczos3 along its columns and its rows: taps, and who applies them.

Taps are integers, so that every implementation gives the same pictures, bit for bit. A tap's product is
m(a, w) = (a w + 2^14) >> 15, what processors offer for 16-bit lanes. Values of a plane enter as v 2^7; sums along a row
are v 2^6, sums of these along a column v 2^5, which is rounded and clamped to 0..255. All sums fit 16 bits: the
weights' absolute values add up to at most 1.54 times their sum, so nothing exceeds 255 2^5 1.54^2.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zoomlib.film.planes import Frame

UNIT = 1 << 14
"""What the weights of an output add up to."""

SUPPORT = 3.0
"""Lanczos3 reaches this far, in samples of the coarser of input and output."""

SINC_SINC = (
    0.999998601, -0.355470874, 0.0589141312, -0.00608143852, 0.000436757112, -2.24421929e-5, 7.67891283e-7,
    -1.31511394e-8,
)  # fmt: skip
"""sinc(x) sinc(x/3) = (1 - y) (1 - y/4) (1 - y/9)^2 P(y), y = x^2: P by least squares, to 2e-6 of the kernel."""


@dataclass(frozen=True)
class Taps:
    """How n outputs come of a line of samples: output o is sum_k weights[o, k] sample[first[o] + k] / UNIT.

    `first`: int32 (n,), `weights`: int16 (n, K); every tap lies within the line, every output's weights add up to UNIT.
    """

    first: NDArray[np.int32]
    weights: NDArray[np.int16]


def lanczos(n_out: int, start: float, step: float, n_in: int) -> Taps:
    """Taps for n_out outputs, number o at the coordinate start + o step > 0 of a line of n_in samples, sample j at j.

    The kernel is Lanczos3, stretched to `step` samples where that is above 1, which keeps out what the outputs cannot
    hold. Beyond its ends the line goes on as its last sample. At whole coordinates with step <= 1 the taps are one
    sample, exactly.
    """
    return plain_taps(n_out, start, step, n_in)


def plain_taps(n_out: int, start: float, step: float, n_in: int) -> Taps:
    """See `lanczos`; in numpy."""
    stretch = max(step, 1.0)
    count = math.ceil(2 * SUPPORT * stretch)
    centre = start + np.arange(n_out) * step
    first = np.floor(centre - SUPPORT * stretch).astype(np.int64) + 1
    total = np.zeros(n_out)
    values = np.empty((count, n_out))
    for k in range(count):
        values[k] = kernel((first + k - centre) / stretch)
        total += values[k]
    weights = np.rint(values * (UNIT / total)).astype(np.int64)
    nearest = np.rint(centre).astype(np.int64) - first
    weights[nearest, np.arange(n_out)] += UNIT - weights.sum(0)
    return _folded(first, weights.T, n_in)


def kernel(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lanczos3 at x, 0 beyond 3."""
    y = np.minimum(x * x, SUPPORT * SUPPORT)
    value = np.full_like(y, SINC_SINC[-1])
    for c in SINC_SINC[-2::-1]:
        value = value * y + c
    return value * ((1 - y) * (1 - y / 4)) * ((1 - y / 9) * (1 - y / 9))


def _folded(first: NDArray[np.int64], weights: NDArray[np.int64], n_in: int) -> Taps:
    """The taps within 0..n_in-1: the weights of those outside added to the nearest sample."""
    n, count = weights.shape
    K = min(count, n_in)
    inside = np.clip(first, 0, n_in - K)
    folded = np.zeros((n, K), np.int16)
    for k in range(count):
        place = np.clip(first + k, 0, n_in - 1) - inside
        np.add.at(folded, (np.arange(n), np.clip(place, 0, K - 1)), weights[:, k].astype(np.int16))
    return Taps(inside.astype(np.int32), folded)


class Resampler(Protocol):
    """Draws resampled parts of planes. All implementations give equal pictures; each serves several threads at once."""

    def load(self, plane: Frame) -> Any:
        """Keep a plane (H, W) for drawing; the handle that `draw` takes."""

    def canvas(self, shape: tuple[int, int], over: Frame | None = None) -> Any:
        """Something (h, w) to draw on, which can be sliced; on a CPU it is `over` itself where that is given.

        `over` (h, w) is where the picture goes in the end; its rows must be contiguous, else it is not used.
        """

    def draw(self, handle: Any, columns: Taps, rows: Taps, out: Any) -> None:
        """Fill `out` (h, w), a part of a canvas: pixel (y, x) is the plane at row taps y and column taps x."""

    def fetch(self, canvas: Any, out: Frame) -> Frame:
        """Bring the picture of a canvas into `out` (h, w), and return that; nothing to do where they are one."""


class PlainResampler:
    """The resampler of numpy alone."""

    def load(self, plane: Frame) -> Frame:
        """See Resampler."""
        return np.ascontiguousarray(plane)

    def canvas(self, shape: tuple[int, int], over: Frame | None = None) -> Frame:
        """See Resampler."""
        return np.empty(shape, np.uint8) if over is None or over.strides[-1] != 1 else over

    def draw(self, handle: Frame, columns: Taps, rows: Taps, out: Frame) -> None:
        """See Resampler."""
        low, high = int(rows.first.min()), int(rows.first.max()) + rows.weights.shape[1]
        along = _weighted(handle[low:high].T.astype(np.int32) << 7, columns.first, columns.weights)
        down = _weighted(along.T, rows.first - low, rows.weights)
        out[:] = np.clip((down + 16) >> 5, 0, 255)

    def fetch(self, canvas: Frame, out: Frame) -> Frame:
        """See Resampler."""
        if canvas is not out:
            out[:] = canvas
        return out


def _weighted(lines: NDArray[np.int32], first: NDArray[np.int32], weights: NDArray[np.int16]) -> NDArray[np.int32]:
    """Output o: the sum of m(line, weight) over its taps, (n, length) of lines (n_in, length)."""
    total = np.zeros((len(first), lines.shape[1]), np.int32)
    for k in range(weights.shape[1]):
        total += (lines[first + k] * weights[:, k, None].astype(np.int32) + UNIT) >> 15
    return total


def resampler(device: str = "cpu") -> Resampler:
    """The fastest resampler for a device: "cpu", or one of torch such as "cuda"."""
    del device
    return PlainResampler()
