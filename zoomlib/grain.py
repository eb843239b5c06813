"""Noise of latent models that agrees between levels as pictures do.

What shows the same place must hold the same noise (arXiv 2312.02149, section 4.1). The mean of a window's latents is
not what the codec makes of the smaller picture, so noise that is shared in latents does not agree where levels meet.
Here it is drawn as pictures, rendered as those of pixel models, and each block of pixels becomes the noise of one place
by an orthonormal map, which leaves it white: the one nearest to what the codec makes of small changes of a block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.errors import UnsoundError
from zoomlib.geometry import Focus
from zoomlib.noise import zoom_noise

_AROUND, _AMPLITUDE = 2, 0.25


@dataclass(frozen=True, eq=False)
class Grain:
    """How a place's noise follows from its block's: `rows` (C, 3, r, r), orthonormal, over r x r parts of the block."""

    rows: Tensor

    @property
    def parts(self) -> int:
        """r: parts of a block in each direction."""
        return self.rows.shape[-1]

    def draw(
        self,
        levels: int,
        shape: tuple[int, int, int],
        p: int,
        generator: torch.Generator,
        focus: Focus = None,
        *,
        loop: bool = False,
        seeds: Mapping[int, int] = MappingProxyType({}),
    ) -> Tensor:
        """As `zoom_noise`, for z of that shape (C, H, W) and its windows: float32 (L, C, H, W), white at each level."""
        r = self.parts
        fine = (3, shape[1] * r, shape[2] * r)
        noise = zoom_noise(levels, fine, p, generator, focus, loop=loop, seeds=seeds)
        return F.conv2d(noise, self.rows.to(noise), stride=r)


def grain_of(codec: Codec, channels: int, device: torch.device) -> Grain | None:
    """The grain of a codec with so many channels; None where a block has fewer pixels than a place has channels.

    J, the codec's response to a change of each part of a block on grey, in the block's own place, by central
    differences; of J = A S B^T the orthonormal map nearest to it is A B^T. Parts are as coarse as the channels allow.
    Raises UnsoundError for a codec that makes numbers that are none.
    """
    f = codec.factor
    if 3 * f * f < channels:
        return None
    r = next((r for r in range(1, f) if f % r == 0 and 3 * r * r >= 2 * channels), f)
    side, first = (2 * _AROUND + 1) * f, _AROUND * f
    part, response = f // r, torch.empty(channels, 3 * r * r, dtype=torch.float64)
    for k in range(3 * r * r):
        colour, row, column = k // (r * r), k // r % r, k % r
        change = torch.zeros(1, 3, side, side, device=device)
        top, left = first + row * part, first + column * part
        change[0, colour, top : top + part, left : left + part] = _AMPLITUDE
        there = codec.encode(torch.cat([change, -change])).double().cpu()[:, :, _AROUND, _AROUND]
        response[:, k] = there[0] - there[1]
    if not bool(response.isfinite().all()):
        raise UnsoundError(
            "The model's autoencoder makes numbers that are none (NaN) of a grey picture. Use model.dtype=float32."
        )
    left_vectors, _, right_vectors = torch.linalg.svd(response, full_matrices=False)
    return Grain((left_vectors @ right_vectors).float().view(channels, 3, r, r))
