"""Placed pictures become the levels of a stack: cut out, turned upright, brought to one size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.images import from_uint8
from zoomlib.registration.placement import Matrix, Size
from zoomlib.registration.views import Views
from zoomlib.stack import ZoomStack

Picture = NDArray[np.uint8]
"""(H, W, 3), sRGB."""


def stack_of(pictures: Sequence[Picture], views: Views) -> ZoomStack:
    """The stack that shows these pictures, from the widest on; a picture that is a level as it is stays bit for bit."""
    levels = [view_of(picture, crop, views.size) for picture, crop in zip(pictures, views.crops, strict=True)]
    focus = None if all(point is None for point in views.focus) else views.focus
    p = views.factors if views.factors else 2.0
    return ZoomStack(from_uint8(np.stack(levels)), p, focus)


def view_of(picture: Picture, crop: Matrix, size: Size) -> Picture:
    """The view of `size` whose pixels lie at `crop` of theirs in the picture, (H, W, 3).

    Lanczos of 8 taps. Where the picture is finer than the view, several samples of it are averaged to a pixel.
    """
    if np.array_equal(crop, np.eye(2, 3)) and picture.shape[1::-1] == size:
        return picture
    samples = math.ceil(math.hypot(crop[0, 0], crop[1, 0]) - 1e-6)
    within = np.array([[1, 0], [0, 1]]) / samples
    fine = np.column_stack([crop[:, :2] @ within, crop[:, 2] + crop[:, :2] @ np.full(2, (1 / samples - 1) / 2)])
    drawn: Picture = cv2.warpAffine(
        picture,
        fine,
        (size[0] * samples, size[1] * samples),
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if samples > 1:
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    return drawn
