"""The arithmetic of `zoomlib.film.resample` in torch, for frames drawn on a GPU: the same integers, equal pictures."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.film.planes import Frame
from zoomlib.film.resample import anything
from zoomlib.film.taps import Taps

MOST_PRODUCTS = 1 << 25
"""Products held at once, of 4 bytes each: draws of large frames go in parts."""


class TorchResampler:
    """Draws on a device of torch. Raises InvalidInputError for one that is not there."""

    def __init__(self, device: str) -> None:
        try:
            self.device = torch.zeros(1, device=device).device
        except (RuntimeError, AssertionError) as e:  # AssertionError: torch was built without CUDA
            raise InvalidInputError(f"Frames cannot be drawn on {device!r} here ({e}). Use device='cpu'.") from e

    def load(self, plane: Frame) -> Tensor:
        """See Resampler."""
        return (self._on(np.ascontiguousarray(plane.T), torch.int32).sub_(128) << 8).to(torch.int16)

    def canvas(self, shape: tuple[int, int], over: Frame | None = None) -> Tensor:
        """See Resampler; `over` lies in the main memory and is not drawn on."""
        del over
        return torch.empty(shape, dtype=torch.uint8, device=self.device)

    def draw(self, handle: Tensor, columns: Taps, rows: Taps, out: Tensor) -> None:
        """See Resampler."""
        if not anything(tuple(handle.shape), columns, rows, tuple(out.shape)):
            return
        low, high = int(rows.first[0]), int(rows.first[-1]) + rows.weights.shape[1]
        along = self._weighted(handle[:, low:high], columns.first, columns.weights).mul_(2).to(torch.int16)
        down = self._weighted(along.T.contiguous(), rows.first - low, rows.weights)
        out.copy_((down.add_(16) >> 5).add_(128).clamp_(0, 255))

    def fetch(self, canvas: Tensor, out: Frame) -> Frame:
        """See Resampler."""
        out[:] = canvas.cpu().numpy()
        return out

    def _weighted(self, lines: Tensor, first: NDArray[np.int32], weights: NDArray[np.int16]) -> Tensor:
        """b + sum m(line, weight) over the taps of each output: int32 (n, length) of int16 lines (n_in, length)."""
        K = weights.shape[1]
        places = self._on(first, torch.int64)[:, None] + torch.arange(K, device=self.device)
        factors = self._on(weights, torch.int32)[..., None]
        at_once = max(MOST_PRODUCTS // (K * lines.shape[1]), 1)
        sums = [
            (lines[place] * factor >> 16).sum(1, dtype=torch.int32)
            for place, factor in zip(torch.split(places, at_once), torch.split(factors, at_once), strict=True)
        ]
        return torch.cat(sums).add_(K >> 1)

    def _on(self, array: NDArray[np.generic], dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(array).to(self.device, dtype)
