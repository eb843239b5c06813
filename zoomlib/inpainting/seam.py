"""The border between made and kept pixels."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.walk import Record

SEAM_PX = 1.0


def join(made: Tensor, image: Tensor, mask: Tensor, width_px: float = SEAM_PX) -> tuple[Tensor, tuple[Record, ...]]:
    """Soften the border between made and kept pixels, on the made side: float (B, C, H, W), and a record each.

    Within about `width_px` of the border, what was made goes half over into a smooth continuation of the kept pixels of
    `image`. Where nothing, or everything, is kept, nothing changes.
    """
    kept = 1 - mask
    near = _blur(kept, width_px)
    continued = _blur(image * kept, width_px) / near.clamp_min(1e-6)
    return torch.lerp(made, continued, near.clamp(max=0.5)), ()


def _blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), zero beyond the border."""
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=x.dtype) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1, 1)
    x = F.conv2d(x, kernel, padding=(0, reach), groups=x.shape[1])
    return F.conv2d(x, kernel.mT, padding=(reach, 0), groups=x.shape[1])
