"""What is drawn over the frames of a film: the caption of the level in sight, and a bar of its scale.

Drawn straight into a frame of any layout: white letters on a soft dark ground of their own, so that they can be read
on any picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.film import lettering
from zoomlib.film.patches import Mask, Patch, patch, shade
from zoomlib.film.planes import Frame, Layout, Size, shape_of
from zoomlib.film.scale import SHARE, bar, width_at
from zoomlib.film.subtitles import nearest, one_line

SAFE = 0.05
"""Of the frame's sides stays free of words: title-safe after EBU R 95."""
TEXT = 0.04
"""Size of letters (their em), as a share of the frame's shorter side."""
SMALLEST_PX = 9.0
SIZES = (1.0, 0.85, 0.72)
"""Steps by which captions shrink until all fit in their lines: one size for the whole film."""
MAX_LINES = 3
LONGEST_EM = 26.0
"""A line is no longer: some 50 letters, which are read at a glance."""
LANDSCAPE = 1.5
"""From this ratio of its sides on, a frame has room for the bar beside the caption; else it stands at the top."""
FADE = 0.12
"""Of a level before it gives way to the next, its caption fades; a caption never stands on another."""
SWITCH = 0.04
"""In log zoom, to either side of where the bar is exchanged for a shorter one, both are in sight."""
CACHED = 8
_LEADING = 1.3
_LIGHT = 0.97  # of white: pure white would glare


class Overlay:
    """Draws captions and a scale bar on frames of `size` = (width, height) in `layout`.

    captions: one per level, shown while that level is the nearest; None for none. widths_m, factors: as for
    `scale.width_at`, for the bar, which is drawn where `scale_bar` is set and a width is known. `share` of a level's
    width that the frame shows when the level fills it, as `scale.share_in_view`. loop: positions go round, and
    len(captions) is level 0 again. Raises InvalidInputError for a frame that is none and for lengths that do not fit.
    """

    def __init__(
        self,
        size: Size,
        layout: Layout = "rgb",
        *,
        captions: Sequence[str] | None = None,
        widths_m: Sequence[float | None] | None = None,
        factors: Sequence[float] = (),
        scale_bar: bool = False,
        share: float = 1.0,
        loop: bool = False,
    ) -> None:
        shape_of(layout, size)
        self.size, self.layout, self.loop, self.share = size, layout, loop, share
        self.captions = None if captions is None else tuple(map(one_line, captions))
        self.widths_m, self.factors = tuple(widths_m or ()) if scale_bar else (), tuple(factors)
        if scale_bar and not self.widths_m:
            raise InvalidInputError("A scale bar needs widths_m, one per level; None where a level's is not known.")
        if self.widths_m:
            width_at(0.0, self.widths_m, self.factors)  # refuses here what no frame could be drawn with
        self.place = _Place.of(size, beside=any(width is not None for width in self.widths_m))
        self._em = self.place.em * self._step() if self.captions else self.place.em
        self._caption = lru_cache(CACHED)(self._new_caption)
        self._label = lru_cache(CACHED)(self._new_label)

    def draw(self, frame: Frame, position: float) -> None:
        """Draw on `frame` what belongs to `position`, in place. Frames may be drawn by several threads at once."""
        if self.captions is not None:
            text, opacity = self.caption_at(position)
            if text and opacity > 0:
                self._caption(text).lay(frame, opacity)
        if self.widths_m:
            width_m = width_at(position, self.widths_m, self.factors)
            if width_m is not None:
                self._draw_bar(frame, width_m * self.share)

    def caption_at(self, position: float) -> tuple[str, float]:
        """The caption at a position, and its opacity in 0..1. Alike captions of neighbours do not fade."""
        texts = self.captions or ("",)
        text, near = texts[nearest(position, len(texts), loop=self.loop)], int(position + 0.5)
        opacity = 1.0
        for neighbour, distance in ((near - 1, position - near + 0.5), (near + 1, near + 0.5 - position)):
            inside = self.loop or 0 <= neighbour < len(texts)
            if inside and texts[neighbour % len(texts)] != text:
                opacity = min(opacity, _smooth(distance / FADE))
        return text, opacity

    def bars_at(self, width_m: float) -> list[tuple[float, str, float]]:
        """The bars of a view `width_m` wide: length in pixels, what it says, opacity; two while they are exchanged."""
        wider, narrower = (bar(width_m * math.exp(step), self.size[0]) for step in (SWITCH, -SWITCH))
        if wider[1] == narrower[1]:
            return [(*bar(width_m, self.size[0]), 1.0)]
        longer, shorter = wider[0] * math.exp(SWITCH), narrower[0] * math.exp(-SWITCH)
        # The longer one is the bar for as long as it takes no more than SHARE of the frame.
        going = _smooth((math.log(longer / (SHARE * self.size[0])) / SWITCH + 1) / 2)
        return [(longer, wider[1], 1 - going), (shorter, narrower[1], going)]

    def _step(self) -> float:
        """The largest of SIZES at which every caption fits."""
        for step in SIZES[:-1]:
            if all(
                len(self._lines(text, self.place.em * step, MAX_LINES + 1)) <= MAX_LINES for text in self.captions or ()
            ):
                return step
        return SIZES[-1]

    def _lines(self, text: str, em: float, most: int) -> list[lettering.Line]:
        return list(lettering.wrap(text, em, self.place.caption_w, most))

    def _new_caption(self, text: str) -> Patch:
        em, leading = self._em, round(self._em * _LEADING)
        lines = self._lines(text, em, MAX_LINES)
        width = math.ceil(max(drawn.getlength(line) for line, drawn in lines)) + 1
        light = lettering.cover(lines, leading, (width, leading * len(lines))) * _LIGHT
        return self._patch(light, em, (self.place.bottom - len(light), self.place.left))

    def _new_label(self, text: str) -> Patch:
        em = self.place.label_em
        (line,) = lettering.wrap(text, em, self.place.right - self.place.left, 1)
        leading, width = round(em * _LEADING), math.ceil(line[1].getlength(line[0])) + 1
        light = lettering.cover([line], leading, (width, leading), right=True) * _LIGHT
        return self._patch(light, em, (self.place.bar_y - len(light), self.place.right - width))

    def _patch(self, light: Mask, em: float, corner: tuple[int, int]) -> Patch:
        """A patch with room for the shade around the letters, on even pixels, inside the frame."""
        room = 2 * math.ceil(em / 2)
        top, left = (at - room - (at - room) % 2 for at in corner)
        down, across = (2 * math.ceil((at + n + room) / 2) for at, n in zip(corner, light.shape, strict=True))
        whole = np.zeros((down - top, across - left), np.float32)
        whole[corner[0] - top :, corner[1] - left :][: light.shape[0], : light.shape[1]] = light
        y, x = (
            slice(max(-at, 0), None if end <= n else n - end)
            for at, end, n in ((top, down, self.size[1]), (left, across, self.size[0]))
        )
        return patch(whole[y, x], shade(whole, em)[y, x], (max(top, 0), max(left, 0)), self.layout)

    def _draw_bar(self, frame: Frame, width_m: float) -> None:
        bars = self.bars_at(width_m)
        for _, label, opacity in bars:
            self._label(label).lay(frame, opacity)
        light = self.place.bar([(length, opacity) for length, _, opacity in bars]) * _LIGHT
        self._patch(light, self.place.label_em, (self.place.bar_y, self.place.right - light.shape[1])).lay(frame)


@dataclass(frozen=True)
class _Place:
    """Where things stand, in pixels: captions end at `bottom`, from `left` to `right`; the bar is at `bar_y`."""

    em: float
    left: int
    right: int
    bottom: int
    caption_w: float
    bar_y: int

    @classmethod
    def of(cls, size: Size, *, beside: bool) -> "_Place":
        width, height = size
        em = max(TEXT * min(size), SMALLEST_PX)
        left, top = round(SAFE * width), round(SAFE * height)
        room = width - 2 * left
        below = width >= LANDSCAPE * height
        bar_y = height - top - round(0.4 * em) if below else top + round(em * 0.8 * _LEADING)
        caption_w = room - SHARE * width - em if beside and below else room
        return cls(em, left, width - left, height - top, min(caption_w, LONGEST_EM * em), bar_y)

    @property
    def label_em(self) -> float:
        return max(0.8 * self.em, SMALLEST_PX)

    def bar(self, bars: Sequence[tuple[float, float]]) -> Mask:
        """Bars that end at the right, a line with ticks, as light (h, w): of each its length in pixels and opacity."""
        thick, tall = max(round(0.09 * self.em), 1), max(round(0.4 * self.em), 3)
        width = math.ceil(max(length for length, _ in bars)) + 1
        x = width - 1 - np.arange(width, dtype=np.float32)  # of each pixel's right edge, from the bar's right end
        light = np.zeros((tall, width), np.float32)
        for length, opacity in bars:
            line, inner = (np.clip(length - cut - x, 0, 1) for cut in (0, thick))
            ticks = line - inner + (x < thick)
            light[-thick:] += opacity * line
            light[:-thick] += opacity * np.minimum(ticks, 1)
        return light


def _smooth(x: float) -> float:
    """0 up to 0, 1 from 1 on, a smooth step between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
