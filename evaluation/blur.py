"""Blur without a reference (Crete et al. 2007): how little is lost by blurring once more."""

import numpy as np
from torch import Tensor

from evaluation.filters import Pixels, box, sobel
from evaluation.table import Score

WEIGHTS = (0.2125, 0.7154, 0.0721)  # of red, green and blue in the luma, as scikit-image's
BLURRED_PX = 11
LEAST = 1e-10  # slopes below it are none: both sides of the ratio stay above 0


def blur(images: Tensor) -> list[float]:
    """One value per image of (N, C, H, W) in [-1, 1], C = 1 or 3: 0 sharp to 1 blurred; a flat image gives 0.

    Luma, blurred along each axis over 11 pixels; the worse axis counts. As `skimage.measure.blur_effect`.
    """
    C, H, W = images.shape[1:]
    weights = np.array(WEIGHTS if C == 3 else (1.0,), dtype=np.float32)
    pictures = ((images.detach().cpu().float() + 1) / 2).clamp(0, 1).numpy()
    lumas = (weights @ picture.reshape(C, -1) for picture in pictures)
    return [max(_lost(luma.reshape(H, W, 1), axis) for axis in (0, 1)) for luma in lumas]


def _lost(luma: Pixels, axis: int) -> float:
    """The share of the slopes along an axis that is still there after blurring along it."""
    blurred = box(luma, *((BLURRED_PX, 1) if axis == 0 else (1, BLURRED_PX)))
    sharp, soft = (np.maximum(np.abs(sobel(picture, axis))[2:-1, 2:-1] / 8, LEAST) for picture in (luma, blurred))
    whole = sharp.sum(dtype=np.float64)
    return float(1 - np.maximum(0, sharp - soft).sum(dtype=np.float64) / whole)


def score_blur(levels: Tensor) -> list[Score]:
    """`blur` of each level (L, C, H, W) in [-1, 1]."""
    return [Score("blur", value, "level", level) for level, value in enumerate(blur(levels))]
