"""Captions as subtitle files: which level is in sight when, in SubRip and in WebVTT."""

import math
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from zoomlib.errors import InvalidInputError

LINE = 42
"""Characters in a line, at most: what broadcasters allow for Latin script."""
JOINER = "\u2060"
"""WORD JOINER, invisible and without width. SubRip has no escape, so this parts what would be read as a tag."""
_BRACES = str.maketrans("{}", "()")
_JOINING = "\u200c\u200d\u200e\u200f"  # formats that letters of some scripts, and some pictographs, need


@dataclass(frozen=True)
class Cue:
    """One caption: `text` from `start_s` to `end_s` seconds, while `level` is the nearest one."""

    start_s: float
    end_s: float
    level: int
    text: str


def cues(positions: Sequence[float], fps: float, captions: Sequence[str], *, loop: bool = False) -> list[Cue]:
    """The captions of a film whose frames stand at `positions`, in order; levels whose caption is blank have none.

    A level's caption is shown while it is the nearest one, so a camera that comes back shows it again. With `loop`, the
    position len(captions) is level 0 again. Raises InvalidInputError for a position that is at no level and for a rate
    that is no positive number.
    """
    if not 0 < fps < math.inf:
        raise InvalidInputError(f"A film has a positive number of frames per second, not {fps!r}.")
    found, frame, texts = [], 0, [one_line(caption) for caption in captions]
    for level, run in groupby(nearest(position, len(texts), loop=loop) for position in positions):
        length = sum(1 for _ in run)
        if texts[level]:
            found.append(Cue(frame / fps, (frame + length) / fps, level, texts[level]))
        frame += length
    return found


def nearest(position: float, levels: int, *, loop: bool = False) -> int:
    """The level that is nearest to a position; half-way it is the finer one. Raises InvalidInputError outside them."""
    end = levels if loop else levels - 1
    if not 0 <= position <= end:
        raise InvalidInputError(f"Position {position!r} lies outside the levels 0 to {end} that have captions.")
    return int(position + 0.5) % levels


def one_line(text: str) -> str:
    """`text` without control characters and line breaks, which would end a cue or reverse what follows."""
    kept = (c if c in _JOINING or unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join("".join(kept).split())


def srt(cues: Sequence[Cue]) -> str:
    """The cues as a SubRip file (UTF-8)."""
    return "".join(
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{_lines(_parted(cue.text))}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """The cues as a WebVTT file (UTF-8; W3C Candidate Recommendation of 2019)."""
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{_lines(_escaped(cue.text))}\n\n" for cue in cues
    )


def _time(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{point}{milliseconds:03d}"


def _lines(text: str) -> str:
    """As few lines as LINE allows, of like length."""
    fewest = _wrapped(text, LINE)
    narrower = (_wrapped(text, width) for width in range(LINE // 3, LINE))
    return "\n".join(next((lines for lines in narrower if len(lines) == len(fewest)), fewest))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _parted(text: str) -> str:
    """No tag of HTML or of Substation Alpha, no entity and no arrow is left in it.

    Players show nothing of what stands in braces, whatever it is: they become round brackets.
    """
    return "".join(_part(text.translate(_BRACES))).replace("-->", f"--{JOINER}>")


def _part(text: str) -> Iterator[str]:
    for character in text:
        yield character + JOINER if character in "<\\&" else character
