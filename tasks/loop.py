"""A closed loop laid out as a line, for what knows only stacks with two ends."""

from __future__ import annotations

import math

from torch import Tensor

from zoomlib.geometry import Focus


def unrolled(levels: Tensor, focus: Focus, beyond: int) -> tuple[Tensor, Focus]:
    """The levels (L, C, H, W) with `beyond` more before and after them, in the order of the loop, and their focus."""
    around = [level % len(levels) for level in range(-beyond, len(levels) + beyond)]
    return levels[around], focus and tuple(focus[level] for level in around)


def reach(height: int, width: int, p: int) -> int:
    """How many levels on a level still covers 1/256 of a pixel, the least that 8 bits can show."""
    return math.ceil(math.log(16 * max(height, width), p))
