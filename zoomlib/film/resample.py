"""Resampling of planes along columns and rows, by whichever implementation is the fastest here.

All of them reckon in whole numbers and give equal pictures. With m(a, w) = (a w) >> 16, which is what processors offer
for lanes of 16 bits, K weights w of a tap and b = K >> 1 for what rounding down takes away on average:

    along a row    s = 2 (b + sum m((v - 128) 2^8, w))    is (v - 128) 2^7
    down a column  t = b + 16 + sum m(s, w)               is (v - 128) 2^5, rounded
    output         min(max((t >> 5) + 128, 0), 255)

Nothing leaves 16 bits: the weights' absolute values add up to at most 1.55 times their sum, so |s| < 2^15 (128 2^7
1.55 = 25395) and all that comes of it. Against exact arithmetic the error is about 0.03 of a grey level before the
rounding to 8 bits, and an even area stays exactly as it is up to K = 21 (a step of 3.5).
"""

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.compiled import compiled
from zoomlib.film.planes import Frame
from zoomlib.film.taps import Taps, lanczos

__all__ = ["PlainResampler", "QuickResampler", "Resampler", "Taps", "lanczos", "resampler"]


class Resampler(Protocol):
    """Draws resampled parts of planes. All implementations give equal pictures; each serves several threads at once."""

    def load(self, plane: Frame) -> Any:
        """Keep a plane (H, W) for drawing: the handle that `draw` takes."""

    def canvas(self, shape: tuple[int, int], over: Frame | None = None) -> Any:
        """Something (h, w) to draw on, which can be sliced; on a CPU it is `over` itself where that can be.

        `over` (h, w) is where the picture goes in the end; it can be drawn on itself if its rows are contiguous.
        """

    def draw(self, handle: Any, columns: Taps, rows: Taps, out: Any) -> None:
        """Fill `out` (h, w), a part of a canvas: pixel (y, x) is made of the plane by row taps y and column taps x.

        Raises InvalidInputError where taps, plane and canvas do not fit each other.
        """

    def fetch(self, canvas: Any, out: Frame) -> Frame:
        """Bring the picture of a canvas into `out` (h, w), and return that; nothing is done where they are one."""


@cache
def resampler(device: str = "cpu") -> Resampler:
    """The fastest resampler for a device: "cpu", or what torch calls it, such as "cuda"."""
    if device != "cpu":
        from zoomlib.film.torch_resample import TorchResampler

        return TorchResampler(device)
    return QuickResampler() if compiled("lay") and compiled("draw") else PlainResampler()


class _OnArrays:
    """Canvases that are arrays."""

    def canvas(self, shape: tuple[int, int], over: Frame | None = None) -> Frame:
        """See Resampler."""
        return np.empty(shape, np.uint8) if over is None or over.strides[1] != 1 else over

    def fetch(self, canvas: Frame, out: Frame) -> Frame:
        """See Resampler."""
        if canvas is not out:
            out[:] = canvas
        return out


class PlainResampler(_OnArrays):
    """The resampler of numpy alone: where there is no numba, and what the others are held against."""

    def load(self, plane: Frame) -> NDArray[np.int32]:
        """See Resampler."""
        return np.ascontiguousarray((plane.T.astype(np.int32) - 128) << 8)

    def draw(self, handle: NDArray[np.int32], columns: Taps, rows: Taps, out: Frame) -> None:
        """See Resampler."""
        if not anything(handle.shape, columns, rows, out.shape):
            return
        low, high = int(rows.first[0]), int(rows.first[-1]) + rows.weights.shape[1]
        along = 2 * _weighted(handle[:, low:high], columns.first, columns.weights)
        down = _weighted(along.T, rows.first - low, rows.weights) + 16
        out[:] = np.clip((down >> 5) + 128, 0, 255)


def _weighted(lines: NDArray[np.int32], first: NDArray[np.int32], weights: NDArray[np.int16]) -> NDArray[np.int32]:
    """b + sum m(line, weight) over the taps of each output: (n, length) of lines (n_in, length)."""
    total = np.full((len(first), lines.shape[1]), weights.shape[1] >> 1, np.int32)
    for k in range(weights.shape[1]):
        total += (lines[first + k] * weights[:, k, None].astype(np.int32)) >> 16
    return total


class QuickResampler(_OnArrays):
    """The resampler of numba, for where it can compile."""

    def __init__(self) -> None:
        from zoomlib.film import kernels

        self._lay, self._draw, self._block = kernels.lay(), kernels.draw(), kernels.BLOCK

    def load(self, plane: Frame) -> tuple[Frame, tuple[int, int]]:
        """See Resampler."""
        H, W = plane.shape
        # Lines that are an odd number of blocks apart do not fall on each other in the cache; the line beyond the last
        # one is there because blocks are read whole.
        pitch = (H + self._block - 1) // self._block | 1
        lines = np.zeros((W + 1, pitch * self._block), np.uint8)
        # Compiled functions take no arrays that must not be written to.
        self._lay(plane if plane.strides[1] == 1 and plane.flags.writeable else plane.copy(), lines)
        return lines, (W, H)

    def draw(self, handle: tuple[Frame, tuple[int, int]], columns: Taps, rows: Taps, out: Frame) -> None:
        """See Resampler."""
        lines, shape = handle
        if anything(shape, columns, rows, out.shape):
            self._draw(lines, columns.first, columns.weights, rows.first, rows.weights, out)


def anything(source: tuple[int, ...], columns: Taps, rows: Taps, out: tuple[int, ...]) -> bool:
    """Whether there is anything to draw of a plane, `source` = (W, H).

    Raises InvalidInputError unless the taps lie within it and there is one for each column and row of `out`.
    """
    for name, length, taps, outputs in (("column", source[0], columns, out[1]), ("row", source[1], rows, out[0])):
        first, count = taps.first, taps.weights.shape[1]
        if len(first) != outputs or len(taps.weights) != outputs:
            raise InvalidInputError(f"The canvas has {outputs} {name}s, the taps are for {len(first)}.")
        if outputs and not 0 <= first[0] <= first[-1] <= length - count:
            raise InvalidInputError(
                f"The {name} taps reach from {first[0]} to {first[-1] + count - 1}, but the plane has {length} {name}s."
                " Make them by lanczos(..., n_in) for this plane."
            )
    return min(out) > 0
