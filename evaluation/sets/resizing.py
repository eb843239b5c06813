"""Pictures at the size that Inception reads, without the faults that move FID by whole points.

As clean-fid does it (Parmar et al. 2022, arXiv 2104.11222): Pillow's bicubic, which takes in all pixels when it makes
smaller, on each channel as fractions, so that nothing is rounded to 8 bits.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

INCEPTION_PX = 299


def resized(image: Tensor, size_px: int = INCEPTION_PX) -> Tensor:
    """(3, H, W) in [-1, 1] -> float32 (3, size, size) in 0..255, not rounded."""
    channels = image.float().clamp(-1, 1).add(1).mul(127.5).numpy()
    made = [
        np.asarray(Image.fromarray(channel).resize((size_px, size_px), Image.Resampling.BICUBIC))
        for channel in np.ascontiguousarray(channels)
    ]
    return torch.from_numpy(np.stack(made)).clamp(0, 255)


def bilinear(image: Tensor, size_px: tuple[int, int], *, antialias: bool) -> Tensor:
    """(3, H, W) -> (3, h, w) for `size_px` (h, w); the image itself where it has that size.

    Without `antialias` corners stay on corners and only four pixels are looked at, as in InfinityGAN's evaluation.
    """
    if image.shape[-2:] == size_px:
        return image
    corners = None if antialias else True
    made = F.interpolate(image[None], size_px, mode="bilinear", align_corners=corners, antialias=antialias)
    return made[0].clamp(-1, 1)
