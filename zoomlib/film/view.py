"""What a camera sees of a stack, in plain numbers: where levels lie in a frame, and which of them a frame is drawn of.

Level i + 1 fills the window of level i, a rectangle of 1/p of its width and height. The map from one to the other is a
similarity with one fixed point c, on which the camera converges: at position s = i + t it sees, of level i, the box
{c + (u - c) p^-t : u in level i}. At t = 0 that is level i, at t = 1 the window.

Lengths are pixels of a level or of the frame; 0 is the outer edge of the first pixel. A view is told in pixels of the
level in sight and never in those of level 0, which 2^39 times further in would be too coarse for a float64.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from zoomlib.errors import InvalidInputError
from zoomlib.film.planes import Size
from zoomlib.geometry import Box, boxes
from zoomlib.stack import ZoomStack

ROUNDING = 1e-9  # what rounding adds to a scale or a pixel's edge is less
ROUNDING_PX = 1e-6  # a view may stick out by so much, of the frame
SUPPORT_PX = 3.0  # Lanczos3 reaches this far; nearer to its border a level would be extrapolated
CLEAR = 0.8  # a level that is drawn no larger than so much of its size does not lose sharpness
MOST = 0.5  # of a frame's area: a level that covers more of it is most of what is seen


class Rect(NamedTuple):
    """Whole pixels x0 <= x < x1, y0 <= y < y1 of a frame."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def size(self) -> Size:
        """Width and height."""
        return self.x1 - self.x0, self.y1 - self.y0

    def without(self, hole: "Rect") -> list["Rect"]:
        """Up to four parts that are this but for the `hole` in it: above, below, left, right."""
        parts = (
            self._replace(y1=hole.y0),
            self._replace(y0=hole.y1),
            Rect(self.x0, hole.y0, hole.x0, hole.y1),
            Rect(hole.x1, hole.y0, self.x1, hole.y1),
        )
        return [part for part in parts if not part.empty]


def around(parts: Sequence[Rect]) -> Rect:
    """The least rectangle that holds all `parts`, one or more."""
    x0, y0, x1, y1 = zip(*parts, strict=True)
    return Rect(min(x0), min(y0), max(x1), max(y1))


@dataclass(frozen=True)
class View:
    """Where a frame lies: its edge of pixels (X, Y) shows the point (left + X / scale, top + Y / scale) of `level`."""

    level: int
    left: float
    top: float
    scale: float

    def grown(self, x: float, y: float) -> "View":
        """The view of a frame that has `x` pixels more on the left and `y` more above."""
        return replace(self, left=self.left - x / self.scale, top=self.top - y / self.scale)


@dataclass(frozen=True)
class Layer:
    """A level's part in a frame: `view` of that level, and the rectangles of the frame that are drawn of it."""

    view: View
    parts: list[Rect]


Edges = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Course:
    """How levels of `size` = (width, height) follow each other: `windows[i]` of level i shows the next level.

    `bounds[i]`: where the world ends, in pixels of level i: at level 0's edges. In a closed loop, where the last level
    has a window too, which shows level 0, and level numbers go on in both directions, it has no end; but on a side on
    which all windows touch their levels' edge, so that the camera never leaves it.
    """

    size: Size
    windows: tuple[Box, ...]
    factors: tuple[float, ...]
    bounds: tuple[Edges, ...]
    loop: bool = False

    def deepest(self, level: int) -> bool:
        """Whether there is no deeper level."""
        return not self.loop and level == len(self.windows)

    def widest(self, level: int) -> bool:
        """Whether there is no wider level."""
        return not self.loop and level == 0

    def window(self, level: int) -> Box:
        """The part of a level that shows the next one."""
        return self.windows[level % len(self.windows)]

    def factor(self, level: int) -> float:
        """How many times smaller that part is."""
        return self.factors[level % len(self.factors)]

    def deeper(self, view: View) -> View:
        """The same view in pixels of the next level."""
        box, p = self.window(view.level), self.factor(view.level)
        return View(view.level + 1, (view.left - box.left) * p, (view.top - box.top) * p, view.scale / p)

    def wider(self, view: View) -> View:
        """The same view in pixels of the level before."""
        box, p = self.window(view.level - 1), self.factor(view.level - 1)
        return View(view.level - 1, view.left / p + box.left, view.top / p + box.top, view.scale * p)

    def look(self, position: float, size: Size, margin: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> View:
        """The view of a frame of `size` at a level position.

        A frame of another shape than the levels shows their largest centred part, `margin` times magnified, its centre
        moved by `shift` (right, down) in widths and heights of the frame.
        """
        position = position % len(self.windows) if self.loop else position
        level = min(int(position), len(self.windows))
        t, left, top, shrink = position - level, 0.0, 0.0, 1.0
        if t:
            log_p, box = math.log(self.factors[level]), self.windows[level]
            shrink = math.exp(-t * log_p)
            share = math.expm1(-t * log_p) / math.expm1(-log_p)  # (1 - p^-t) / (1 - p^-1), also for p near 1
            left, top = box.left * share, box.top * share
        (W, H), (width, height) = self.size, size
        scale = margin * max(width / W, height / H) / shrink
        x = left + W * shrink / 2 + (shift[0] - 0.5) * width / scale
        y = top + H * shrink / 2 + (shift[1] - 0.5) * height / scale
        return View(level, x, y, scale)

    def layers(self, view: View, size: Size, step: int = 1) -> list[Layer]:
        """What a frame of `size` is drawn of, deepest level first; every pixel once. Edges are multiples of `step`.

        The deepest level is the first one that is fine enough for the frame: the still deeper ones, being in its
        picture, would show nothing more. Each level is drawn where no deeper one is, off its own border.
        """
        view, whole = self._resolved(view, size), Rect(0, 0, *size)
        layers: list[Layer] = []
        covered = Rect(0, 0, 0, 0)
        while covered != whole:
            rect = self.seen(view, size, step)
            if not covered.empty:
                rect = Rect(*map(min, rect[:2], covered[:2]), *map(max, rect[2:], covered[2:]))
            if not rect.empty and rect != covered:
                layers.append(Layer(view, [rect] if covered.empty else rect.without(covered)))
                covered = rect
            if covered != whole:
                view = self.wider(view)
        return layers

    def _resolved(self, view: View, size: Size) -> View:
        """The view in the widest level that is fine enough, or in the deepest there is."""
        while not self.deepest(view.level) and not self._fine(view, size):
            view = self.deeper(view)
        while not self.widest(view.level) and self._fine(self.wider(view), size):
            view = self.wider(view)
        return view

    def _fine(self, view: View, size: Size) -> bool:
        """Whether a level's pixels are no larger than the frame's, or than CLEAR of them where the next covers MOST.

        At a scale of almost 1 a level is softer than the next one, which is made smaller. A frame most of which went
        over from the one to the other would turn sharp at once. At a scale of 1 a frame is to be the level itself.
        """
        if not CLEAR + ROUNDING < view.scale < 1 - ROUNDING:
            return view.scale <= 1 + ROUNDING
        next_level = self.seen(self.deeper(view), size)
        return next_level.empty or math.prod(next_level.size) <= MOST * math.prod(size)

    def seen(self, view: View, size: Size, step: int = 1) -> Rect:
        """The part of a frame that the view's level can fill: off its border by the reach of the kernel."""
        inset = SUPPORT_PX * max(view.scale, 1)
        x0, y0, x1, y1 = self.reach(view.level)
        left, right = _span((x0 - view.left) * view.scale, (x1 - view.left) * view.scale, size[0], inset, step)
        top, bottom = _span((y0 - view.top) * view.scale, (y1 - view.top) * view.scale, size[1], inset, step)
        return Rect(left, top, right, bottom)

    def reach(self, level: int) -> Edges:
        """How far a level's pixels serve: to its edges, and for ever beyond those that are the world's."""
        x0, y0, x1, y1 = self.bounds[level % len(self.bounds)]
        W, H = self.size
        return (
            0.0 if x0 else -math.inf,
            0.0 if y0 else -math.inf,
            W if x1 != W else math.inf,
            H if y1 != H else math.inf,
        )


def course(stack: ZoomStack, loop: bool = False) -> Course:
    """The course of a stack. Raises InvalidInputError for a loop whose steps are not all alike."""
    _, _, H, W = stack.levels.shape
    if not loop:
        return Course((W, H), stack.windows, stack.factors, _bounds((W, H), stack.windows, stack.factors))
    if len(stack) < 2 or len(set(stack.factors)) > 1:
        raise InvalidInputError(
            f"A closed loop has two levels or more and one zoom factor for all steps, got {len(stack)} levels and "
            f"p = {stack.p}. Render it with two ends."
        )
    p, L = stack.factors[0], len(stack)
    windows = boxes(L + 1, H, W, p, stack.focus and (*stack.focus, None))
    once_round = _bounds((W, H), windows, (p,) * L)[-1]
    left, top, right, bottom = (edge == own for edge, own in zip(once_round, (0, 0, W, H), strict=True))
    bounds = (
        0.0 if left else -math.inf,
        0.0 if top else -math.inf,
        W if right else math.inf,
        H if bottom else math.inf,
    )
    return Course((W, H), windows, (p,) * L, (bounds,), True)


def _bounds(size: Size, windows: Sequence[Box], factors: Sequence[float]) -> tuple[Edges, ...]:
    """The edges of level 0 in pixels of each level."""
    W, H = size
    found = [(0.0, 0.0, float(W), float(H))]
    for box, p in zip(windows, factors, strict=True):
        x0, y0, x1, y1 = found[-1]
        left, right = _magnified(x0, x1, box.left, p, W)
        top, bottom = _magnified(y0, y1, box.top, p, H)
        found.append((left, top, right, bottom))
    return tuple(found)


def _magnified(low: float, high: float, start: float, p: float, side: int) -> tuple[float, float]:
    """`low` and `high` of a level in pixels of the next one; what comes to lie on its edge does so exactly."""
    low, high = (low - start) * p, (high - start) * p
    return 0.0 if abs(low) < ROUNDING * side else low, side if abs(high - side) < ROUNDING * side else high


def _span(first: float, last: float, pixels: int, inset_px: float, step: int) -> tuple[int, int]:
    """The whole steps of a frame's `pixels` within [first, last], off those ends that are in sight.

    The inset is no more than what is in sight beyond the end. So it is gone when the level fills the frame, and nothing
    jumps there.
    """
    first, last = max(first, 0.0), min(last, float(pixels))
    first, last = first + min(inset_px, first), last - min(inset_px, pixels - last)
    # An edge that is meant to lie on a pixel's edge must not lose that pixel to rounding.
    x0 = math.ceil(first / step - ROUNDING * pixels) * step
    x1 = math.floor(last / step + ROUNDING * pixels) * step
    return max(x0, 0), min(x1, pixels)
