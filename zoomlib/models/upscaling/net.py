"""A small convolutional super-resolution net whose output averages back to its input exactly."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

ROUNDS = 4
"""Of smooth back-projection in `hold_means`."""


class Residual(nn.Module):
    """Two convolutions beside an identity (EDSR, arXiv 1707.02921, without normalisation)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to the same shape."""
        out: Tensor = x + self.second(F.silu(self.first(x)))
        return out


class SuperResolution(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures (B, 3, H, W) in [-1, 1] to (B, 3, factor H, factor W); knows nothing but the picture.

    The net adds detail to a bilinear enlargement. Then, in every factor x factor block, the mean is set to the pixel
    that the block came from. So down-scaling by area averages gives the input back, and windows that agreed before
    still agree at the coarse level.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, width: int = 48, blocks: int = 6, factor: int = 4) -> None:
        super().__init__()
        self.factor = factor
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.widen = nn.Conv2d(width, width * factor, 3, padding=1)
        self.fine = nn.Conv2d(width // factor, width // 2, 3, padding=1)
        self.tail = nn.Conv2d(width // 2, 3, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """The enlarged pictures; values may leave [-1, 1] a little, so that block means hold exactly."""
        x = self.head(images)
        x = self.widen(x + self.body(x))
        x = self.tail(F.silu(self.fine(F.pixel_shuffle(x, self.factor))))
        large = x + F.interpolate(images, scale_factor=float(self.factor), mode="bilinear")
        return hold_means(large, images, self.factor)


def hold_means(large: Tensor, small: Tensor, factor: int) -> Tensor:
    """`large`, changed so that the mean of every factor x factor block is the pixel of `small`.

    Most of the change is smooth (back-projection, Irani and Peleg 1991): shifting whole blocks at once would draw
    their grid into the picture. What a few rounds leave, of white noise 2 %, is shifted, so that means hold exactly.
    """
    for _ in range(ROUNDS):
        large = large + F.interpolate(small - F.avg_pool2d(large, factor), scale_factor=float(factor), mode="bicubic")
    residual = small - F.avg_pool2d(large, factor)
    return large + residual.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


class Upscaler:
    """A `SuperResolution` net ready for use: a callable with a `factor`."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.factor: int = net.factor

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Pictures (L, 3, H, W) in [-1, 1] to float32 (L, 3, factor H, factor W), one at a time (constant memory)."""
        first = next(self.net.parameters())
        parts = [self.net(image[None].to(first.device, first.dtype)).float() for image in images]
        return torch.cat(parts).to(images.device)
