"""Placed pictures become the levels of a stack: cut out, turned upright, brought to one size and alike in colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from zoomlib.images import from_uint8
from zoomlib.registration.colour import Change, changed, matched
from zoomlib.registration.features import Picture
from zoomlib.registration.placement import Matrix, Placement, Size
from zoomlib.registration.sampling import view_of
from zoomlib.registration.views import MAX_LEVEL_PX, upright_views
from zoomlib.stack import ZoomStack


def stack_of(
    pictures: Sequence[Picture],
    placements: Sequence[Placement],
    *,
    colour: bool = True,
    largest_px: int = MAX_LEVEL_PX,
) -> ZoomStack:
    """The stack that shows these pictures (H, W, 3), from the widest on; placements[i] is where picture i + 1 lies.

    With `colour`, neighbours are made alike. A picture that is a level as it is and whose colours stay is kept bit for
    bit. Raises InvalidInputError as `upright_views`.
    """
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    views = upright_views(sizes, placements, largest_px)
    changes: Sequence[Change | None] = [None] * len(pictures)
    if colour:
        steps = zip(placements, sizes, sizes[1:], strict=False)
        changes = matched(pictures, [placement.matrix(wider, finer) for placement, wider, finer in steps])
    levels = [
        _level(picture, crop, views.size, change)
        for picture, crop, change in zip(pictures, views.crops, changes, strict=True)
    ]
    return ZoomStack(torch.stack([from_uint8(level) for level in levels]), views.factors, views.focus)


def _level(picture: Picture, crop: Matrix, size: Size, change: Change | None) -> Picture:
    if change is None or change.is_none:
        return view_of(picture, crop, size)
    drawn = view_of(changed(picture, change), crop, size)
    level: Picture = np.clip(np.round(drawn), 0, 255).astype(np.uint8)
    return level
