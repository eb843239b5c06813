"""Levels through the model a few at a time, so that memory does not grow with their number."""

import torch
from torch import Tensor

from zoomlib.denoiser import AttentionMaps, Condition, Denoiser, Wrapper, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step


class Chunked(Wrapper):
    """Runs the model on at most `rows` levels at a time: the same estimates, memory independent of the levels."""

    def __init__(self, denoiser: Denoiser, rows: int):
        super().__init__(denoiser)
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise InvalidInputError(f"A chunk holds a whole number of levels of at least 1, not {rows!r}.")
        self.rows = rows

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of the denoiser within, float32 (L, C, H, W)."""
        return torch.cat([self.denoiser.predict_clean(z[chunk], step, condition[chunk]) for chunk in self._chunks(z)])

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the denoiser within."""
        inner = attentive(self.denoiser)
        parts = [inner.attention_maps(z[chunk], step, condition[chunk], grid) for chunk in self._chunks(z)]
        return AttentionMaps(torch.cat([part.maps for part in parts]), parts[0].grid)

    def _chunks(self, z: Tensor) -> list[slice]:
        return [slice(k, k + self.rows) for k in range(0, len(z), self.rows)]
