"""What is drawn over the frames of a film: the caption of the level in sight, and a bar of its scale.

Drawn straight into a frame of any layout: white letters on a soft dark ground of their own, so that they can be read
on any picture.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.film import lettering
from zoomlib.film.patches import LIGHT, Mask, Patch, even_span, patch, shade
from zoomlib.film.planes import Frame, Layout, Size, shape_of
from zoomlib.film.ruler import TALL, Ruler
from zoomlib.film.scale import SHARE, bar, width_at
from zoomlib.film.subtitles import nearest

SAFE = 0.05
"""Of the frame's sides stays free of words: title-safe after EBU R 95."""
TEXT, LABEL = 0.04, 0.032
"""Size of letters (their em) of captions and at the bar, as a share of the frame's shorter side."""
SMALLEST_PX = 9.0
SIZES = (1.0, 0.85, 0.72)
"""Steps by which captions shrink until all fit in their lines: one size for the whole film."""
WEIGHT = 0.012
"""By which strokes are bolder than the font's, in em: thin ones are lost in compression."""
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
        self.captions = None if captions is None else tuple(map(lettering.visible, captions))
        self.widths_m, self.factors = tuple(widths_m or ()) if scale_bar else (), tuple(factors)
        if loop and len(self.factors) == len(self.widths_m) - 1:
            self.factors += self.factors[-1:]  # the step back to the widest level is as the others
        if not 0 < share < math.inf:
            raise InvalidInputError(f"The share of a level's width that a frame shows is above 0, not {share!r}.")
        if scale_bar and not self.widths_m:
            raise InvalidInputError("A scale bar needs widths_m, one per level; None where a level's is not known.")
        if self.widths_m:
            width_at(0.0, self.widths_m, self.factors)  # refuses here what no frame could be drawn with
        drawn = any(width is not None for width in self.widths_m)
        self.place = _Place.of(size, captions=bool(self.captions), bar=drawn)
        self._letters = "".join((*(self.captions or ()), *self._labels()))
        self._em = self.place.em * self._step() if self.captions else self.place.em
        self._ruler = Ruler(size, layout, self.place.em, self.place.bar_y, self.place.right)
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
        return next(
            (step for step in SIZES[:-1] if all(self._fits(text, step) for text in self.captions or ())), SIZES[-1]
        )

    def _fits(self, text: str, step: float) -> bool:
        lines = lettering.wrap(text, step * self.place.em, self.place.caption_w, MAX_LINES + 1, self._letters)
        return len(list(lines)) <= MAX_LINES

    def _labels(self) -> Iterator[str]:
        """What the bar says on its way through the levels."""
        for quarter in range(4 * len(self.widths_m)):
            width_m = width_at(min(quarter / 4, len(self.widths_m) - 1), self.widths_m, self.factors)
            if width_m is not None:
                yield bar(width_m * self.share, self.size[0])[1]

    def _new_caption(self, text: str) -> Patch:
        em, leading = self._em, round(self._em * _LEADING)
        lines = lettering.balanced(text, em, self.place.caption_w, MAX_LINES, self._letters)
        width = math.ceil(max(drawn.getlength(line) for line, drawn in lines)) + 2
        light = lettering.cover(lines, leading, (width, leading * len(lines)), weight_px=WEIGHT * em) * LIGHT
        return self._patch(light, em, (self.place.bottom - len(light), self.place.left))

    def _new_label(self, text: str) -> Patch:
        em = self.place.label_em
        (line,) = lettering.wrap(text, em, self.place.right - self.place.left, 1, self._letters)
        leading, width = round(em * _LEADING), math.ceil(line[1].getlength(line[0])) + 2
        light = lettering.cover([line], leading, (width, leading), right=True, weight_px=WEIGHT * em) * LIGHT
        return self._patch(light, em, (self.place.bar_y - len(light), self.place.right - width))

    def _patch(self, light: Mask, em: float, corner: tuple[int, int]) -> Patch:
        """Letters whose first pixel is `corner`, with their shade, as far as they lie inside the frame."""
        top, left = (max(at, 0) for at in corner)
        inside = light[top - corner[0] : self.size[1] - corner[0], left - corner[1] : self.size[0] - corner[1]]
        y0, y1 = even_span(top, top + inside.shape[0], em, self.size[1])
        x0, x1 = even_span(left, left + inside.shape[1], em, self.size[0])
        whole = np.zeros((y1 - y0, x1 - x0), np.float32)
        whole[top - y0 :, left - x0 :][: inside.shape[0], : inside.shape[1]] = inside
        return patch(whole, shade(whole, em), (y0, x0), self.layout)

    def _draw_bar(self, frame: Frame, width_m: float) -> None:
        bars = self.bars_at(width_m)
        for _, label, opacity in bars:
            self._label(label).lay(frame, opacity)
        self._ruler.patch([(length, opacity) for length, _, opacity in bars]).lay(frame)


@dataclass(frozen=True)
class _Place:
    """Where things stand, in pixels: captions end at `bottom`, from `left` to `right`; the bar is at `bar_y`."""

    em: float
    label_em: float
    left: int
    right: int
    bottom: int
    caption_w: float
    bar_y: int

    @classmethod
    def of(cls, size: Size, *, captions: bool, bar: bool) -> "_Place":
        width, height = size
        em, label_em = (max(share * min(size), SMALLEST_PX) for share in (TEXT, LABEL))
        left, top = round(SAFE * width), round(SAFE * height)
        room = width - 2 * left
        below = width >= LANDSCAPE * height or not captions
        bar_y = height - top - round(TALL * em) if below else top + round(label_em * _LEADING)
        caption_w = min(room - SHARE * width - em if bar and below else room, LONGEST_EM * em)
        return cls(
            em, label_em, left, width - left, height - top, min(caption_w, LONGEST_EM * em), min(bar_y, height - 1)
        )


def _smooth(x: float) -> float:
    """0 up to 0, 1 from 1 on, a smooth step between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
