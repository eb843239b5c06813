"""What a camera sees of a stack, in plain numbers: parts of a level as fractions of its sides.

Level i + 1 fills the window of level i, a rectangle of 1/p of its width and height. The map from one to the other is a
similarity with one fixed point c, on which the camera converges: at position s = i + t it sees, of level i, the box
{c + (u - c) p^-t : u in the unit square}. At t = 0 that is level i, at t = 1 the window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoomlib.geometry import Box

Part = tuple[float, float, float, float]  # x0, y0, x1, y1
Size = tuple[int, int]  # width, height in pixels
NUDGE_PX = 1e-6


@dataclass(frozen=True)
class View:
    """One frame, planned.

    Of `level`, the part `outer` fills the frame. The pixels `place` = (x0, y0, x1, y1) of it show the part `inner` of
    level + 1, where that is in sight; otherwise both are None.
    """

    level: int
    outer: Part
    place: tuple[int, int, int, int] | None = None
    inner: Part | None = None


def part(box: Box, width: float, height: float) -> Part:
    """A box in pixels of a level of `width` x `height` pixels, as fractions."""
    return (box.left / width, box.top / height, (box.left + box.width) / width, (box.top + box.height) / height)


def look(position: float, p: float, windows: Sequence[Part], size: Size, aspect: float, inset_px: float = 0.0) -> View:
    """Plan the frame at `position` of a stack with len(windows) + 1 levels.

    `windows` are the parts of level i that show level i + 1; `size` of the frame in pixels; `aspect` is width over
    height of the levels: a frame of another shape shows the largest centred part. The finer level keeps `inset_px`
    pixels off its own border, so that a resampling kernel finds its pixels on every side, but never more than the
    margin that is in sight.
    """
    level = min(int(position), len(windows))
    outer = _cover(_zoomed(windows[level], p, position - level) if level < len(windows) else (0, 0, 1, 1), size, aspect)
    if level == len(windows):
        return View(level, outer)
    window = windows[level]
    spans = [_span(outer[a], outer[a + 2], window[a], window[a + 2], size[a], inset_px) for a in (0, 1)]
    if any(last <= first for first, last in spans):
        return View(level, outer)
    (x0, x1), (y0, y1) = spans
    inner = [
        _through(pixel, outer[a], outer[a + 2], window[a], window[a + 2], size[a])
        for pixel, a in ((x0, 0), (y0, 1), (x1, 0), (y1, 1))
    ]
    return View(level, outer, (x0, y0, x1, y1), (inner[0], inner[1], inner[2], inner[3]))


def _zoomed(window: Part, p: float, t: float) -> Part:
    """The box that is the unit square at t = 0 and `window` at t = 1, shrinking by p^-t around the fixed point."""
    shrink = p**-t
    x, y = (window[a] * p / (p - 1) * (1 - shrink) for a in (0, 1))
    return x, y, x + shrink, y + shrink


def _cover(box: Part, size: Size, aspect: float) -> Part:
    """The largest centred part of `box` that has the shape of the frame."""
    ratio = size[0] / size[1] / aspect
    x, y = ((1 - part) / 2 for part in (min(ratio, 1), min(1 / ratio, 1)))
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + x * width, box[1] + y * height, box[2] - x * width, box[3] - y * height


def _span(low: float, high: float, start: float, stop: float, pixels: int, inset_px: float) -> tuple[int, int]:
    """The whole pixels of a frame that shows [low, high], within [start, stop], off those ends that are in sight."""
    first, last = ((edge - low) / (high - low) * pixels for edge in (start, stop))
    # Growing with the margin, the inset is gone when the finer level fills the frame: nothing jumps there. The nudge
    # keeps an edge that is meant to lie on a pixel's edge from losing that pixel to rounding.
    return (
        max(math.ceil(first + min(inset_px, first) - NUDGE_PX), 0),
        min(math.floor(last - min(inset_px, pixels - last) + NUDGE_PX), pixels),
    )


def _through(pixel: int, low: float, high: float, start: float, stop: float, pixels: int) -> float:
    """Where a frame's `pixel` edge lies in the finer level, as a fraction of it."""
    u = low + pixel / pixels * (high - low)
    return min(max((u - start) / (stop - start), 0.0), 1.0)
