"""Local means and slopes of pictures by OpenCV: float32 or float64 (H, W, C), C up to 4, mirrored at the border."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.floating[Any]]


def gaussian(picture: Pixels, side_px: int, sigma: float) -> Pixels:
    """Means under a Gaussian that is cut to side_px pixels, an odd number."""
    return _alike(cv2.GaussianBlur(picture, (side_px, side_px), sigma, borderType=cv2.BORDER_REFLECT), picture)


def box(picture: Pixels, rows: int, columns: int) -> Pixels:
    """Means over rows x columns pixels, odd numbers."""
    return _alike(cv2.blur(picture, (columns, rows), borderType=cv2.BORDER_REFLECT), picture)


def sobel(picture: Pixels, axis: int) -> Pixels:
    """Eight times Sobel's slope along an axis: 0 down, 1 across."""
    return _alike(cv2.Sobel(picture, -1, axis, 1 - axis, borderType=cv2.BORDER_REFLECT), picture)


def _alike(found: Any, picture: Pixels) -> Pixels:
    return np.reshape(found, picture.shape)  # OpenCV drops the axis of a lone channel
