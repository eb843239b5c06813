"""How unlike two pictures look, without trained weights: pixels, slopes and random features, at several scales.

In place of LPIPS (Zhang et al. 2018), for which see `zoomlib.infinity.inversion.lpips_vgg`. Random convolutions keep
the neighbourhood of each pixel, and features are compared by direction, as LPIPS does, so that texture counts and not
only its mean.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_PX = 8
"""The shortest side of the coarsest scale."""
SCALES = 4
WIDTHS = (3, 32, 64)
_SEED = 20210406
EPSILON = 1e-10


class Perceptual:
    """`distance(a, b)` of pictures (B, 3, H, W) in [-1, 1]: a scalar from 0 on, with slopes for both.

    The sum over up to four scales, each half the one before, of squared differences of pixels, of slopes, and of the
    directions of random features. Two equal pictures have the distance 0 and the slope 0, exactly.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.layers = [(kernel.to(device), bias.to(device)) for kernel, bias in random_layers()]

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """The mean over pixels, a scalar."""
        total = a.new_zeros(())
        for scale in range(SCALES):
            total = total + 0.25 * (a - b).square().mean() + 0.25 * _slopes(a, b) + self._unlike(a, b)
            if scale == SCALES - 1 or min(a.shape[-2:]) < 2 * LEAST_PX:
                break
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        return total / (scale + 1)

    def _unlike(self, a: Tensor, b: Tensor) -> Tensor:
        """Of random features: at each layer the squared distance of unit vectors, over channels; mean over places."""
        total = a.new_zeros(())
        for place, (kernel, bias) in enumerate(self.layers):
            stride = 2 if place else 1
            a, b = (F.leaky_relu(F.conv2d(x, kernel, bias, stride=stride), 0.2) for x in (a, b))
            total = total + (directions(a) - directions(b)).square().sum(1).mean()
        return total / len(self.layers)


def directions(features: Tensor) -> Tensor:
    """Features (B, C, h, w) as vectors of length 1 at each place; those near 0 stay near 0."""
    return features / (features.square().sum(1, keepdim=True) + EPSILON).sqrt()


def random_layers() -> list[tuple[Tensor, Tensor]]:
    """Kernels (out, in, 3, 3) with biases (out,), always the same; the variance of what they make is about 1.

    Without biases a grey picture would have no direction, and pictures near it any.
    """
    generator = torch.Generator().manual_seed(_SEED)
    return [
        (
            torch.randn(out, into, 3, 3, generator=generator) / (9 * into) ** 0.5 * 2**0.5,
            torch.randn(out, generator=generator),
        )
        for into, out in pairwise(WIDTHS)
    ]


def _slopes(a: Tensor, b: Tensor) -> Tensor:
    """Squared differences of the steps from pixel to pixel, down and across."""
    difference = a - b
    down, across = difference.diff(dim=-2), difference.diff(dim=-1)
    return down.square().mean() + across.square().mean()
