"""Blur without a reference (Crete et al. 2007), by scikit-image: how little is lost by blurring once more."""

from torch import Tensor

from evaluation.table import Score


def blur(images: Tensor) -> list[float]:
    """One value per image of (N, C, H, W) in [-1, 1], C = 1 or 3: 0 sharp to 1 blurred; a flat image gives 0 or NaN.

    Luma as scikit-image weighs it, blurred along each axis over 11 pixels; the worse axis counts.
    """
    from skimage.color import rgb2gray
    from skimage.measure import blur_effect

    pictures = ((images.detach().cpu().float() + 1) / 2).clamp(0, 1).movedim(1, -1).numpy()
    return [float(blur_effect(rgb2gray(x) if x.shape[-1] == 3 else x[..., 0])) for x in pictures]


def score_blur(levels: Tensor) -> list[Score]:
    """`blur` of each level (L, C, H, W) in [-1, 1]."""
    return [Score("blur", value, "level", level) for level, value in enumerate(blur(levels))]
