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
OWN = ""  # Pillow's own font, which is always there, but has the letters of English only
FONTS = (
    OWN,
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf"),
    *("NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "PingFang.ttc", "msyh.ttc"),
)
_PROBE_PX = 24.0
_NO_LETTER = "\U0010ffff"
_UNDRAWN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f"  # said to the shaping of text, not to a reader
_LOOKALIKES = {"\u00b5": "u", "\u00d7": "x", "\u2212": "-", "\u207b": "-", "\u2013": "-", "\u2014": "-"}


def wrap(text: str, size_px: float, width_px: float, lines: int, beside: str = "") -> Iterator[Line]:
    """`text` in at most `lines` lines of `width_px`, each with its font; broken between words where there are any.

    What does not fit ends in an ellipsis. `beside`: other text that should look alike.
    """
    shown = visible(text[:MAX_TEXT])
    name = _family(shown, beside)
    words, drawn = _drawable(shown, name).split(), _open(name, size_px) or ImageFont.load_default(size_px)
    for row in range(lines):
        if not words:
            return
        line, words = _line(words, drawn, width_px)
        if words and row == lines - 1:
            line += " " + words[0]
            line = line[: _fitting(line, drawn, width_px, "…")].rstrip() + "…"
        yield line, drawn


def balanced(text: str, size_px: float, width_px: float, lines: int, beside: str = "") -> list[Line]:
    """As `wrap`, in no more lines than it needs, but of like length: no word is left alone on the last."""
    widest = list(wrap(text, size_px, width_px, lines, beside))
    told = [word for line, _ in widest for word in line.split()]
    for share in (step / 20 for step in range(8, 20)):
        narrower = list(wrap(text, size_px, share * width_px, len(widest), beside))
        if [word for line, _ in narrower for word in line.split()] == told:
            return narrower
    return widest


def visible(text: str) -> str:
    """What letters can show of `text`, in one line; "" where that is nothing. Pictographs become spaces."""
    shown = "".join(c if c in _UNDRAWN or (c.isprintable() and not _pictograph(c)) else " " for c in text)
    return " ".join(word for word in shown.split() if word.strip(_UNDRAWN))


def font(size_px: float, text: str) -> Font:
    """The first of FONTS that is installed and has all letters of `text`, or else most of them."""
    return _open(_family(text), size_px) or ImageFont.load_default(size_px)


def missing(text: str) -> str:
    """The letters of `text` that no installed font has, each once: boxes would stand for them."""
    name = _family(text)
    drawn = (c for c in _drawable(text, name) if c.isprintable() and not _pictograph(c))
    return "".join(dict.fromkeys(c for c in drawn if not _has(name, c)))


def _family(text: str, beside: str = "") -> str:
    """The name of the font for `text`; among equals the one that also has the letters of `beside`."""
    lacking = {name: (_lacking(name, text), _lacking(name, beside)) for name in FONTS if _open(name, _PROBE_PX)}
    return min(lacking, key=lambda name: lacking[name])


def _lacking(name: str, text: str) -> int:
    return sum(not _has(name, c) for c in {*text} - {*_UNDRAWN} if not c.isspace())


@lru_cache(maxsize=8192)
def _has(name: str, letter: str) -> bool:
    drawn = _open(name, _PROBE_PX)
    return drawn is not None and bytes(drawn.getmask(letter)) != bytes(drawn.getmask(_NO_LETTER))


@lru_cache(maxsize=128)
def _open(name: str, size_px: float) -> Font | None:
    try:
        return ImageFont.truetype(name, size_px) if name else ImageFont.load_default(size_px)
    except OSError:
        return None


def _drawable(text: str, name: str) -> str:
    """`text` with letters that no font has in a plainer form: without accents, or one that looks alike."""
    return "".join(c if c.isspace() or _has(name, c) else _plainer(c, name) for c in text)


def _plainer(letter: str, name: str) -> str:
    base = (c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    plain = _LOOKALIKES.get(letter) or "".join(base)
    return plain if plain and all(_has(name, c) for c in plain) else letter


def _pictograph(letter: str) -> bool:
    """Whether no text font has it: pictographs lie above U+1F000, but for the rarer ideographs above U+20000."""
    return 0x1F000 <= ord(letter) < 0x20000


def rightwards(text: str) -> bool:
    """Whether `text` is read from the left: whether its first letter with a direction is (Unicode UAX 9, P2)."""
    directions = (unicodedata.bidirectional(c) for c in text)
    return next((d for d in directions if d in ("L", "R", "AL")), "L") == "L"


def cover(
    lines: Sequence[Line], leading_px: int, size: tuple[int, int], *, right: bool = False, weight_px: float = 0.0
) -> NDArray[np.float32]:
    """How much of each pixel the lines cover: float32 (H, W) in 0..1 for `size` = (width, height), from the top.

    Lines begin at the left, those of scripts read from the right at the right; with `right` all end there. Strokes are
    made bolder by `weight_px` on either side.
    """
    picture = Image.new("L", size)
    draw = ImageDraw.Draw(picture)
    for row, (line, drawn) in enumerate(lines):
        at_right = right or not rightwards(line)
        x, anchor = (size[0] - 1, "rs") if at_right else (1, "ls")
        draw.text((x, (row + 0.78) * leading_px), line, 255, drawn, anchor=anchor, stroke_width=weight_px)
    return np.asarray(picture, np.float32) / np.float32(255)


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
