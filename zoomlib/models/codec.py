"""The autoencoder of a latent diffusion model as `Codec`."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AutoencoderCodec:
    """An `AutoencoderKL` of diffusers. Encoding takes the mean of the posterior, so it draws nothing at random."""

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
        mean: Tensor = self.vae.encode(images.to(self._dtype)).latent_dist.mode()  # type: ignore[operator]
        return (mean.float() - self.shift) * self.scaling

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, float32, about [-1, 1]."""
        out: Tensor = self.vae.decode((latents / self.scaling + self.shift).to(self._dtype)).sample  # type: ignore[operator]
        return out.float()
