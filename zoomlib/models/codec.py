"""The autoencoder of a latent diffusion model as `Codec`."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AutoencoderCodec:
    """An `AutoencoderKL` of diffusers. Encoding takes the mean of the posterior, so it draws nothing at random.

    Pictures pass one at a time: at their full size a decoder's activations are far larger than they are.
    """

    def __init__(self, vae: nn.Module) -> None:
        self.vae = vae
        config = vae.config
        self.factor: int = 2 ** (len(config.block_out_channels) - 1)  # type: ignore[union-attr, arg-type]
        self.scaling = float(config.scaling_factor)  # type: ignore[union-attr, arg-type]
        self.shift = float(getattr(config, "shift_factor", None) or 0.0)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.vae.parameters()).dtype

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) in [-1, 1] to latents, float32, scaled to about unit variance."""
        pictures = images.to(self._dtype)
        mean = torch.cat([self.vae.encode(one[None]).latent_dist.mode() for one in pictures])  # type: ignore[operator]
        return (mean.float() - self.shift) * self.scaling

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, float32, about [-1, 1]."""
        codes = (latents / self.scaling + self.shift).to(self._dtype)
        return torch.cat([self.vae.decode(one[None]).sample.float() for one in codes])  # type: ignore[operator]
