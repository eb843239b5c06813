"""Windows of levels, as plain numbers: where each level sits in the wider ones.

Level 0 is the widest view. Level i+1 shows a window of level i that is p times smaller in each direction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, SupportsFloat

from zoomlib.errors import InvalidInputError

Focus = Sequence[tuple[float, float] | None] | None
"""One entry per level: the point (x, y) of level i, as fractions 0..1 of its width and height, where the window of
level i+1 is centred. None means the centre. The last level's entry counts only in a closed loop."""

Zoom = float | Sequence[float]
"""The zoom factor p > 1 of every step from a level to the next, or one factor for each step, levels - 1 in all."""

MAX_LEVELS = 256
_ROUNDING_PX = 1e-6


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels of one level."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index the last two axes of a tensor."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Box:
    """A rectangle of one level in pixels, between pixels where it must be. (0, 0) is the outer corner of a pixel."""

    top: float
    left: float
    height: float
    width: float


def check_factor(p: object) -> int:
    """Return p as an int. Raises InvalidInputError unless it is a whole number >= 2."""
    number = _number(p)
    if not 2 <= number < math.inf or number != int(number):
        raise InvalidInputError(
            f"The zoom factor p must be a whole number of at least 2 here, but is {p!r}. "
            "Choose 2 or 4; for factors in between use an outpainting method, superres or independent."
        )
    return int(number)


def _number(value: object) -> float:
    """The value as a float, NaN for what is no number."""
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check_any_factor(p: object) -> float:
    if not 1 < _number(p) < math.inf:
        raise InvalidInputError(f"The zoom factor p must be a number above 1, but is {p!r}. Usual are 2 and 4.")
    return _number(p)


def check_levels(levels: object) -> int:
    """Return the number of levels as an int. Raises InvalidInputError unless it lies in 1 .. MAX_LEVELS."""
    number = _number(levels)
    if not 1 <= number <= MAX_LEVELS or number != int(number):
        raise InvalidInputError(f"A stack has 1 to {MAX_LEVELS} levels, not {levels!r}. Change the number of prompts.")
    return int(number)


def check_factors(levels: int, p: object) -> tuple[float, ...]:
    """Return one factor per step, levels - 1. Raises InvalidInputError for another number or a factor not above 1."""
    if isinstance(p, str) or not isinstance(p, Sequence):
        return (_check_any_factor(p),) * (levels - 1)
    if len(p) != levels - 1:
        raise InvalidInputError(
            f"A stack of {levels} levels has {levels - 1} zoom factors, one per step, but p names {len(p)}. "
            "Give as many, or one number for all."
        )
    return tuple(map(_check_any_factor, p))


def check_focus(levels: int, focus: object) -> tuple[tuple[float, float] | None, ...]:
    """Return one entry per level. Raises InvalidInputError for a wrong number of entries or a point outside 0..1."""
    if focus is None:
        return (None,) * levels
    if isinstance(focus, str) or not isinstance(focus, Sequence) or len(focus) != levels:
        raise InvalidInputError(
            f"focus needs one entry per level, {levels} in all, but is {focus!r}. Write None for a centred window."
        )
    return tuple(None if point is None else _point(point, level) for level, point in enumerate(focus))


def _point(point: Any, level: int) -> tuple[float, float]:
    try:
        x, y = (float(value) for value in point)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InvalidInputError(
            f"The focus of level {level} must be a pair (x, y) of fractions between 0 and 1, but is {point!r}. "
            "(0, 0) is the upper left corner, (0.5, 0.5) the centre."
        )
    return x, y


def windows(levels: int, height: int, width: int, p: int, focus: Focus = None) -> tuple[Window, ...]:
    """The window of level i+1 inside level i, for i = 0 .. levels-2.

    Each window is height/p x width/p pixels, snapped to the pixel grid and moved inside the image where the focus lies
    near an edge. Raises InvalidInputError for a p that is no whole number >= 2, a size that p does not divide, a number
    of levels outside 1 .. MAX_LEVELS, or a malformed focus.
    """
    return ring(levels, height, width, p, focus)[:-1]


def ring(levels: int, height: int, width: int, p: int, focus: Focus = None) -> tuple[Window, ...]:
    """As `windows`, with one more: the window of the last level, in which a closed loop shows level 0 again."""
    levels, p = check_levels(levels), check_factor(p)
    if height % p or width % p or height < p or width < p:
        raise InvalidInputError(
            f"Both sides of a level must be multiples of p = {p}, but it is {height} x {width} pixels. "
            f"Choose another p, or a model with levels of, say, {-(-height // p) * p} x {-(-width // p) * p}."
        )
    return _ring(levels, height, width, p, check_focus(levels, focus))


@lru_cache(maxsize=256)
def _ring(
    levels: int, height: int, width: int, p: int, focus: tuple[tuple[float, float] | None, ...]
) -> tuple[Window, ...]:
    def window(point: tuple[float, float] | None) -> Window:
        x, y = point or (0.5, 0.5)
        return Window(_corner(y, height, p), _corner(x, width, p), height // p, width // p)

    return tuple(window(focus[level]) for level in range(levels))


def _corner(fraction: float, side: int, p: int) -> int:
    """First pixel of a window of side/p pixels centred at the fraction."""
    corner = math.floor(fraction * side - side / p / 2 + 0.5)
    return min(max(corner, 0), side - side // p)


def snapped_focus(levels: int, height: int, width: int, p: int, focus: Focus = None) -> Focus:
    """The focus after snapping: the same windows again at this size and at every multiple of it.

    A stack that was sampled small keeps its windows through super-resolution only with this focus.
    """
    centred = all(
        2 * window.top + window.height == height and 2 * window.left + window.width == width
        for window in ring(levels, height, width, p, focus)
    )
    if centred:
        return None
    return tuple(
        ((window.left + window.width / 2) / width, (window.top + window.height / 2) / height)
        for window in ring(levels, height, width, p, focus)
    )


def boxes(levels: int, height: float, width: float, p: Zoom, focus: Focus = None) -> tuple[Box, ...]:
    """The window of level i+1 inside level i for any p > 1, not snapped to pixels, for i = 0 .. levels-2.

    Equal to `windows` where those lie on the focus exactly, as with `snapped_focus`.
    """
    levels = check_levels(levels)

    def box(factor: float, point: tuple[float, float] | None) -> Box:
        x, y = point or (0.5, 0.5)
        h, w = height / factor, width / factor
        return Box(min(max(y * height - h / 2, 0.0), height - h), min(max(x * width - w / 2, 0.0), width - w), h, w)

    return tuple(map(box, check_factors(levels, p), check_focus(levels, focus)))  # the last level has no window


def whole_pixels(box: Box, height: int, width: int) -> Window:
    """The pixels of a height x width level that lie wholly inside the box; its sides may be 0.

    A pixel that sticks out by a millionth counts as inside: that much is rounding of p and the focus.
    """
    top, left = max(math.ceil(box.top - _ROUNDING_PX), 0), max(math.ceil(box.left - _ROUNDING_PX), 0)
    bottom = min(math.floor(box.top + box.height + _ROUNDING_PX), height)
    right = min(math.floor(box.left + box.width + _ROUNDING_PX), width)
    return Window(top, left, max(bottom - top, 0), max(right - left, 0))


def nested(inside: Sequence[Box], p: Zoom) -> tuple[Box, ...]:
    """The boxes of levels 1, 2, 3, ... within level 0, from the `boxes` of each within the one before."""
    found, scale = [Box(0.0, 0.0, 0.0, 0.0)], 1.0
    for box, factor in zip(inside, check_factors(len(inside) + 1, p), strict=True):
        outer = found[-1]
        top, left = outer.top + box.top * scale, outer.left + box.left * scale
        found.append(Box(top, left, box.height * scale, box.width * scale))
        scale /= factor
    return tuple(found[1:])


def margin_factor(margin: float, width: float) -> float:
    """p of a level `width` wide that reaches out by `margin` on the left and on the right: (W + 2 margin) / W.

    Raises InvalidInputError for a margin that is not finite and above 0.
    """
    if not 0 < _number(margin) < math.inf:
        raise InvalidInputError(
            f"The margin must be a number of pixels above 0, but is {margin!r}. Half of a picture's width doubles the "
            "view (p = 2)."
        )
    return (width + 2 * float(margin)) / width


def pyramid_depth(height: int, width: int, p: int) -> int:
    """How often an image can be divided by p into whole pixels with sides of at least 2."""
    depth = 0
    while height % p == 0 and width % p == 0 and min(height, width) // p >= 2:
        height, width, depth = height // p, width // p, depth + 1
    return depth


def corner(inside: Sequence[Window], level: int, depth: int, p: int) -> tuple[int, int]:
    """Corner (top, left) of level + depth inside `level`, in units of 1 / p^(depth-1) pixel, hence exact.

    `inside` are the windows, indexed modulo their number. Depth 0 is the level itself.
    """
    top = left = 0
    for d in range(depth):
        window = inside[(level + d) % len(inside)]
        top, left = top * p + window.top, left * p + window.left
    return top, left
