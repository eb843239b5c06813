"""Words in pictures: fonts for any script, lines that fit, and the pixels they cover."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Line = tuple[str, Font]

MAX_TEXT = 2000  # characters looked at: more than any place holds, and a bound on the work
# For scripts that Pillow's own font does not draw; where none of these is installed, boxes stand for the letters.
WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
EAST_ASIAN_FONTS = ("NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "PingFang.ttc", "msyh.ttc", *WIDE_FONTS)


def wrap(text: str, size_px: float, width_px: float, lines: int) -> Iterator[Line]:
    """`text` in at most `lines` lines of `width_px`, each with its font; broken between words where there are any.

    What does not fit ends in an ellipsis.
    """
    # No text font has pictographs, which lie above U+1F000 but for the rarer ideographs above U+20000.
    cleaned = "".join(c if c.isprintable() and not 0x1F000 <= ord(c) < 0x20000 else " " for c in text[:MAX_TEXT])
    words, drawn = cleaned.split(), font(size_px, cleaned)
    for row in range(lines):
        if not words:
            return
        line, words = _line(words, drawn, width_px)
        if words and row == lines - 1:
            line += " " + words[0]
            line = line[: _fitting(line, drawn, width_px, "…")].rstrip() + "…"
        yield line, drawn


def font(size_px: float, text: str) -> Font:
    """A font that has the letters of `text`, as far as one is installed."""
    foreign = [c for c in text if ord(c) > 0x24F and not 0x2000 <= ord(c) < 0x2070]
    for name in () if not foreign else EAST_ASIAN_FONTS if max(foreign) >= "\u2e80" else WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return _own(size_px)


def rightwards(text: str) -> bool:
    """Whether `text` is read from the left: whether its first letter with a direction is (Unicode UAX 9, P2)."""
    directions = (unicodedata.bidirectional(c) for c in text)
    return next((d for d in directions if d in ("L", "R", "AL")), "L") == "L"


def cover(lines: Sequence[Line], leading_px: int, size: tuple[int, int], *, right: bool = False) -> NDArray[np.float32]:
    """How much of each pixel the lines cover: float32 (H, W) in 0..1 for `size` = (width, height), from the top.

    Lines begin at the left, those of scripts read from the right at the right; with `right` all end there.
    """
    picture = Image.new("L", size)
    draw = ImageDraw.Draw(picture)
    for row, (line, drawn) in enumerate(lines):
        at_right = right or not rightwards(line)
        x, anchor = (size[0], "rs") if at_right else (0, "ls")
        draw.text((x, (row + 0.78) * leading_px), line, 255, drawn, anchor=anchor)
    return np.asarray(picture, np.float32) / np.float32(255)


@lru_cache(maxsize=32)
def _own(size_px: float) -> Font:
    return ImageFont.load_default(size_px)


def _line(words: list[str], drawn: Font, width_px: float) -> tuple[str, list[str]]:
    """The first line, and the words that are left; a word that is wider than a line is cut."""
    count = 1
    while count < len(words) and drawn.getlength(" ".join(words[: count + 1])) <= width_px:
        count += 1
    line = " ".join(words[:count])
    if drawn.getlength(line) <= width_px:
        return line, words[count:]
    fits = max(_fitting(line, drawn, width_px), 1)
    return line[:fits], [line[fits:], *words[1:]] if len(line) > fits else words[1:]


def _fitting(line: str, drawn: Font, width_px: float, tail: str = "") -> int:
    """How many characters of `line`, followed by `tail`, fit."""
    return bisect_right(range(len(line)), width_px, key=lambda n: drawn.getlength(line[: n + 1] + tail))
