"""Ways to draw a frame between two levels of a stack, as other programs do; for `benchmarks/film.py`."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from zoomlib.film.planes import Frame

Draw = Callable[[float], object]
LANCZOS = Image.Resampling.LANCZOS
MIPS_PER_OCTAVE = 4


def warp(levels: list[Frame], p: float, interpolation: int) -> Draw:
    """cv2.warpAffine in fractions of a pixel: the wider level magnified, the finer one made smaller upon it.

    Against aliasing the finer one is taken from copies of it that are a quarter of an octave apart.
    """
    n = len(levels[0])
    steps = math.ceil(MIPS_PER_OCTAVE * math.log2(p))
    mips = [[_smaller(level, 2 ** (-k / MIPS_PER_OCTAVE)) for k in range(steps + 1)] for level in levels]

    frame = np.empty((n, n, 3), np.uint8)

    def draw(position: float) -> Frame:
        i, scale, m = _between(position, p, len(levels))
        _warped(levels[i], scale, (0, n), n, interpolation, frame)
        if i + 1 < len(levels):
            side = (math.ceil(n / 2 - n * m / 2), math.floor(n / 2 + n * m / 2))
            mip = mips[i + 1][min(math.floor(MIPS_PER_OCTAVE * math.log2(1 / m)), steps)]
            inner = _warped(mip, m * n / len(mip), side, n, interpolation)
            frame[side[0] : side[1], side[0] : side[1]] = inner
        return frame

    return draw


def box(levels: list[Frame], p: float) -> Draw:
    """Pillow's resize with a box in fractions of a pixel, for both levels, by Lanczos."""
    n, pictures = len(levels[0]), [Image.fromarray(level) for level in levels]

    def draw(position: float) -> Frame:
        i, scale, m = _between(position, p, len(levels))
        edge = n / 2 - n / scale / 2
        frame = pictures[i].resize((n, n), LANCZOS, (edge, edge, n - edge, n - edge))
        if i + 1 < len(levels):
            first = math.ceil(n / 2 - n * m / 2)
            side, cut = n - 2 * first, n / 2 - (n / 2 - first) / m
            frame.paste(pictures[i + 1].resize((side, side), LANCZOS, (cut, cut, n - cut, n - cut)), (first, first))
        return np.asarray(frame)

    return draw


def paste(levels: list[Frame], p: float) -> Draw:
    """Both levels resized to whole pixels by Pillow's usual filter, and pasted; zoom is linear within a level."""
    n, pictures = len(levels[0]), [Image.fromarray(level) for level in levels]

    def draw(position: float) -> Frame:
        i = min(int(position), len(levels) - 1)
        magnified = n + 2 * round((position - i) * n * (p - 1) / 2)
        canvas = Image.new("RGB", (n, n))
        canvas.paste(pictures[i].resize((magnified, magnified)), ((n - magnified) // 2, (n - magnified) // 2))
        if i + 1 < len(levels):
            corner = round((n - magnified / p) / 2)
            side = n - 2 * corner
            canvas.paste(pictures[i + 1].resize((side, side)), (corner, corner))
        return np.asarray(canvas)

    return draw


def _between(position: float, p: float, levels: int) -> tuple[int, float, float]:
    """The wider of the two levels in sight, its magnification, and that of the finer one."""
    i = min(int(position), levels - 1)
    scale = p ** (position - i)
    return i, scale, scale / p


def _smaller(level: Frame, share: float) -> Frame:
    side = round(len(level) * share)
    return level if side == len(level) else cv2.resize(level, (side, side), interpolation=cv2.INTER_AREA)


def _warped(
    picture: Frame, scale: float, span: tuple[int, int], n: int, interpolation: int, out: Frame | None = None
) -> Frame:
    """Pixels `span` (both ways) of a frame of n, centred on the picture, `scale` pixels to one of its own."""
    start = (span[0] + 0.5 - n / 2) / scale + len(picture) / 2 - 0.5
    matrix = np.array([[1 / scale, 0, start], [0, 1 / scale, start]])
    size = (span[1] - span[0],) * 2
    flags = interpolation | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, size, out, flags=flags, borderMode=cv2.BORDER_REPLICATE)
