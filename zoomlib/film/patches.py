"""Grey laid over frames of any layout: light letters and the shade they stand on, as two masks.

Grey has no chroma, so the same masks serve every plane.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from zoomlib.errors import InvalidInputError
from zoomlib.film.planes import CHROMA_ZERO, LUMA_RANGE, LUMA_ZERO, Frame, Layout, plane_views

Mask = NDArray[np.float32]

LIGHT = 0.97
"""Of white; all of it would glare."""
SHADES = ((0.08, 2.8, 0.7), (0.5, 2.0, 0.55))
"""Letters' own dark ground: blurs of them, each of a radius in em, multiplied and cut off. One is dense at their edge,
one runs out softly around them."""
_ONE = 256  # full opacity in fixed point


@dataclass(frozen=True)
class Part:
    """Grey over a rectangle of one surface: `opacity` in 0..256 and `grey` in 0..255, both uint16 (h, w)."""

    place: tuple[slice, slice]
    opacity: NDArray[np.uint16]
    grey: NDArray[np.uint16]

    def lay(self, surface: Frame, share: int) -> None:
        """Mix it in, `share` of 256 of it; the sums fit 16 bits, as both weights together are 256."""
        over = self.opacity
        if share < _ONE:
            over = (over * np.uint16(share) + np.uint16(_ONE // 2)) >> np.uint16(8)
        region = surface[self.place]
        mixed = region * (_ONE - over)
        mixed += self.grey * over
        mixed += _ONE // 2
        region[...] = mixed >> 8


@dataclass(frozen=True)
class Patch:
    """Light and shade over a rectangle of a frame: a part for each of its surfaces."""

    layout: Layout
    parts: tuple[Part, ...]

    def lay(self, frame: Frame, opacity: float = 1.0) -> None:
        """Draw it on a frame of its layout, in place."""
        surfaces = (_samples(frame),) if self.layout == "rgb" else plane_views(frame, self.layout)
        for surface, part in zip(surfaces, self.parts, strict=True):
            part.lay(surface, round(opacity * _ONE))


def _samples(frame: Frame) -> Frame:
    """An RGB frame as rows of samples (H, 3W): long rows are quicker to mix than threes."""
    if not frame.flags.c_contiguous:
        raise InvalidInputError("A frame to draw on is one whole buffer (C order); this is part of one. Copy it first.")
    return frame.reshape(len(frame), -1)


def patch(light: Mask, shade: Mask, corner: tuple[int, int], layout: Layout) -> Patch:
    """White by `light` over black by `shade`, both float (h, w) in 0..1, at `corner` = (top, left) of a frame.

    In 4:2:0 the corner and the sides are even; the masks are thinned as chroma is.
    """
    opacity = 1 - (1 - light) * (1 - shade)
    black, white = (0.0, 255.0) if layout == "rgb" else (LUMA_ZERO, LUMA_ZERO + LUMA_RANGE)
    grey = black + (white - black) * light / np.maximum(opacity, 1e-6)
    if layout == "rgb":
        wide, tinted = (np.repeat(mask, 3, axis=1) for mask in (opacity, grey))
        return Patch(layout, (_part(wide, tinted, (corner[0], 3 * corner[1])),))
    halved = layout == "yuv420"
    chroma, at = (_thinned(opacity), (corner[0] // 2, corner[1] // 2)) if halved else (opacity, corner)
    neutral = _part(chroma, np.full_like(chroma, CHROMA_ZERO), at)
    return Patch(layout, (_part(opacity, grey, corner), neutral, neutral))


def _part(opacity: Mask, grey: Mask, corner: tuple[int, int]) -> Part:
    (top, left), (height, width) = corner, opacity.shape
    place = slice(top, top + height), slice(left, left + width)
    return Part(place, np.rint(opacity * _ONE).astype(np.uint16), np.rint(grey).astype(np.uint16))


def _thinned(mask: Mask) -> Mask:
    """[1 2 1] / 4 along rows at even columns, [1 1] / 2 along columns: where left-sited chroma lies."""
    padded = np.pad(mask, ((0, 0), (1, 1)), mode="edge")
    along = padded[:, :-2:2] + 2 * mask[:, ::2] + padded[:, 2::2]
    return (along[::2] + along[1::2]) * np.float32(1 / 8)


def shade(light: Mask, em: float) -> Mask:
    """The dark ground of letters `em` pixels high, as SHADES says."""
    picture = Image.fromarray(np.rint(light * np.float32(255)).astype(np.uint8))
    blurred = (picture.filter(ImageFilter.GaussianBlur(share * em)) for share, _, _ in SHADES)
    return darkened(light.shape, (np.asarray(one, np.float32) * np.float32(1 / 255) for one in blurred))


def darkened(shape: tuple[int, ...], blurred: Iterable[Mask]) -> Mask:
    """The shade of light that is `blurred` once for each of SHADES."""
    clear = np.ones(shape, np.float32)
    for one, (_, gain, most) in zip(blurred, SHADES, strict=True):
        clear *= 1 - np.minimum(one * np.float32(gain), np.float32(most))
    return 1 - clear


def even_span(first: int, last: int, em: float, pixels: int) -> tuple[int, int]:
    """The pixels from `first` to `last` of so many, with room for shade on both sides, begun and ended on even ones."""
    return max((first - math.ceil(em)) // 2 * 2, 0), min(-(-(last + math.ceil(em)) // 2) * 2, pixels)
