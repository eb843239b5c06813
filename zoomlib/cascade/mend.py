"""What deeper levels brought into a window, gone over into what surrounds it: no seam where each was enlarged alone."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from zoomlib.geometry import Window

REACH = 1 / 32
"""Of a level's longer side: how far the change of a window goes on around it."""
MIRROR = 1 / 3
"""Of a pixel: where the change is mirrored, inside the border. At the border itself (0) pixels on both sides of it
would be more alike than those beside them, which shows too (seam 0.8 instead of 1.0)."""


def continued(levels: Tensor, shown: Tensor, inside: Sequence[Window]) -> Tensor:
    """Levels (L, C, H, W) whose surroundings of windows join what windows come to show; windows themselves stay.

    shown: the levels with deeper ones in their windows. inside: those windows, of as many levels. What changes from
    `levels` to `shown` along a window's border is mirrored to its outside and fades out there. Where nothing changes
    along the border, as where windows fade in, nothing is done.
    """
    out = levels.clone()
    far = max(round(REACH * max(levels.shape[-2:])), 1)
    for i, window in enumerate(inside):
        if not window.height or not window.width:
            continue
        rows, columns = window.slices
        change = (shown[i] - levels[i])[:, rows, columns]
        (above, below), (left, right) = _room(window, levels.shape[-2:], far)
        around = _extended(_extended(change, above, below).mT, left, right).mT
        around[:, above : above + window.height, left : left + window.width] = 0
        top, edge = window.top - above, window.left - left
        out[i, :, top : top + around.shape[-2], edge : edge + around.shape[-1]] += around
    return out


def _room(window: Window, size: Sequence[int], far: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """How far a change can go on above and below, to the left and right: no further than the window or the level."""
    above = min(far, window.height, window.top)
    below = min(far, window.height, size[0] - window.top - window.height)
    left = min(far, window.width, window.left)
    right = min(far, window.width, size[1] - window.left - window.width)
    return (above, below), (left, right)


def _extended(change: Tensor, before: int, after: int) -> Tensor:
    """A change (C, h, w) with `before` more rows above and `after` below it: mirrored, fading out."""
    return torch.cat([_mirrored(change, before).flip(-2), change, _mirrored(change.flip(-2), after)], -2)


def _mirrored(change: Tensor, count: int) -> Tensor:
    """`count` rows that go on beyond the first row of a change, nearest first."""
    first = change[..., :count, :]
    second = change[..., 1 : count + 1, :]
    if second.shape[-2] < count:  # a window as narrow as that has no row after its last
        second = torch.cat([second, change[..., -1:, :]], -2)
    fade = torch.cos((torch.arange(count, device=change.device) + 0.5) * (math.pi / 2 / max(count, 1))).square()
    return torch.lerp(first, second, MIRROR) * fade[:, None]
