"""Views of a picture: any part of it, turned, at any size."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.registration.placement import Matrix, Size

Pixels = TypeVar("Pixels", bound=NDArray[Any])
"""(H, W, 3), uint8 or float32 in 0 .. 255."""


def view_of(picture: Pixels, crop: Matrix, size: Size) -> Pixels:
    """The view of `size` whose pixels lie at `crop` of theirs in the picture, (H, W, 3).

    Lanczos of 8 taps. Where the picture is finer than the view, several samples of it are averaged to a pixel; where
    the view is the whole picture, it is the picture bit for bit.
    """
    if np.array_equal(crop, np.eye(2, 3)) and picture.shape[1::-1] == size:
        return picture
    samples = max(1, math.ceil(math.hypot(crop[0, 0], crop[1, 0]) - 1e-6))
    shift = crop[:, :2] @ np.full(2, (1 / samples - 1) / 2)
    drawn: Pixels = cv2.warpAffine(
        picture,
        np.column_stack([crop[:, :2] / samples, crop[:, 2] + shift]),
        (size[0] * samples, size[1] * samples),
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if samples > 1:
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    return drawn
