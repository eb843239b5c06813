"""Colour as people see it: CIE L*a*b* and distances in it. Images are float (..., C, H, W) in [-1, 1], C = 1 or 3."""

import torch
from torch import Tensor


def delta_e(a: Tensor, b: Tensor) -> Tensor:
    """Mean colour difference (CIE 1976, distance in Lab under D65), one per image (...,), of images (..., C, H, W)."""
    return (lab(a) - lab(b)).square().sum(-3).sqrt().mean((-2, -1))


def lab(images: Tensor) -> Tensor:
    """CIE L*a*b* (..., 3, H, W), D65 white, 2 degree observer, float64, of sRGB images in [-1, 1]; grey is allowed."""
    rgb = ((images.detach().cpu().double() + 1) / 2).clamp(0, 1).expand(*images.shape[:-3], 3, *images.shape[-2:])
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = rgb.new_tensor(
        [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    )
    xyz = torch.einsum("ij,...jhw->...ihw", to_xyz, linear) / rgb.new_tensor([0.95047, 1.0, 1.08883]).view(3, 1, 1)
    f = torch.where(xyz > (6 / 29) ** 3, xyz.clamp(min=1e-12) ** (1 / 3), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f.unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -3)
