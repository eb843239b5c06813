"""The autoencoder of a latent diffusion model as `Codec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoomlib.models.placement import moves_in_layers, runs_on


def codec_factor(config: Mapping[str, Any]) -> int:
    """Pixels per place of an autoencoder's code, in each direction, from its configuration."""
    return int(2 ** (len(config["block_out_channels"]) - 1))


def _by_channel(config: Any, name: str, otherwise: float) -> Tensor:
    """Numbers of an autoencoder's channels, (C, 1, 1), or one for all."""
    return torch.tensor(getattr(config, name, None) or [otherwise]).view(-1, 1, 1)


class AutoencoderCodec:
    """An `AutoencoderKL` of diffusers. Encoding takes the mean of the posterior, so it draws nothing at random.

    Pictures pass one at a time: at their full size a decoder's activations are far larger than they are.
    """

    def __init__(self, vae: nn.Module) -> None:
        self.vae = vae
        config: Any = vae.config
        self.factor = codec_factor(config)
        self.scaling = float(config.scaling_factor) / _by_channel(config, "latents_std", 1.0)
        self.shift = _by_channel(config, "latents_mean", float(getattr(config, "shift_factor", None) or 0.0))

    def _given(self, x: Tensor) -> Tensor:
        """Where and how the autoencoder works."""
        return x.to(runs_on(self.vae), next(self.vae.parameters()).dtype)

    def tile(self) -> bool:
        """Take pictures in tiles from now on; False where that is so already, or cannot be."""
        if getattr(self.vae, "use_tiling", True):
            return False
        self.vae.enable_tiling()  # type: ignore[operator]
        return True

    def widen(self) -> bool:
        """Work in float32 from now on; False where that is so already, or cannot be."""
        if next(self.vae.parameters()).dtype == torch.float32 or moves_in_layers(self.vae):
            return False
        self.vae.float()
        return True

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) in [-1, 1] to latents, float32, scaled to about unit variance."""
        pictures = self._given(images)
        mean = torch.cat([self.vae.encode(one[None]).latent_dist.mode() for one in pictures])  # type: ignore[operator]
        return (mean.float() - self.shift.to(mean.device)) * self.scaling.to(mean.device)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, float32, about [-1, 1]."""
        codes = self._given(latents / self.scaling.to(latents.device) + self.shift.to(latents.device))
        return torch.cat([self.vae.decode(one[None]).sample.float() for one in codes])  # type: ignore[operator]


class TinyCodec(AutoencoderCodec):
    """An `AutoencoderTiny` of diffusers, distilled from a large one: the same latents, rougher pictures, a small part
    of the work. Its latents are those that the model denoises, unless its configuration scales them."""

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) in [-1, 1] to latents, float32."""
        pictures = self._given(images)
        codes = torch.cat([self.vae.encode(one[None]).latents.float() for one in pictures])  # type: ignore[operator]
        return (codes - self.shift.to(codes.device)) * self.scaling.to(codes.device)

    def tile(self) -> bool:
        """Never: its activations are small."""
        return False
