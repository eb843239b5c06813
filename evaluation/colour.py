"""Colour as people see it: CIE L*a*b* and distances in it. Images are float (..., C, H, W) in [-1, 1], C = 1 or 3."""

import torch
from torch import Tensor


def delta_e(a: Tensor, b: Tensor) -> Tensor:
    """Mean colour difference (CIE 1976, distance in Lab under D65), one per image (...,), of images (..., C, H, W)."""
    return (lab(a) - lab(b)).square().sum(-3).sqrt().mean((-2, -1))


def lab(images: Tensor) -> Tensor:
    """CIE L*a*b* (..., 3, H, W), D65 white, 2 degree observer, float64, of sRGB images in [-1, 1]; grey is allowed.

    By scikit-image; what lies outside the range counts as clipped.
    """
    from skimage.color import rgb2lab

    rgb = ((images.detach().cpu().double() + 1) / 2).clamp(0, 1).expand(*images.shape[:-3], 3, *images.shape[-2:])
    return torch.from_numpy(rgb2lab(rgb.movedim(-3, -1).numpy())).movedim(-1, -3)
