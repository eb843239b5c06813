"""A reply as a draft: read leniently, because models wrap, rename and decorate; whatever it says is only ever text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prompts import checks
from prompts.errors import ReplyError
from prompts.scales.units import read_length
from prompts.service.json_text import read_object
from prompts.wording import OTHER_NAMES
from prompts.writer.salvage import completed

MAX_ROWS = 4 * checks.MAX_LEVELS  # more are not a schedule with doubled levels any more
MAX_SUBJECT = 120  # characters
NAMES = OTHER_NAMES | {
    "schedule": "levels", "steps": "levels", "views": "levels", "fov": "width_m", "fov_m": "width_m",
    "field_of_view": "width_m", "field_of_view_m": "width_m", "scale_m": "width_m", "width_metres": "width_m",
    "description": "prompt", "scene": "prompt", "focus_object": "subject", "view": "viewpoint", "index": "level",
}  # fmt: skip

NUMBER = re.compile(r"\A\s*(?:(?:level|frame|scene|step|view|prompt)\s*)?\d{1,3}\s*(?:[:.)]|[-–—]\s)\s*(?!\d)", re.I)
BARE_LIST = re.compile(r'\A[^{]*?(?P<list>\[\s*\{\s*")')
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # that colour the text of terminals
MARKDOWN = str.maketrans("", "", "*`#")


@dataclass(frozen=True)
class Row:
    """A level as a model wrote it. subject: what it shows, in few words, or "". width_m and level: None if not told."""

    prompt: str
    subject: str = ""
    width_m: float | None = None
    level: int | None = None


@dataclass(frozen=True)
class Draft:
    """A reply's rows in the order in which they came, and what it says of all levels; "" where it says nothing."""

    rows: tuple[Row, ...]
    title: str = ""
    viewpoint: str = ""
    style: str = ""
    negative: str = ""


def read_draft(reply: str, *, may_be_empty: bool = False, cut_off: bool = False) -> Draft:
    """The draft that a reply holds. Of a reply that breaks off, the levels that are whole are taken.

    may_be_empty: what it says of all levels will do. cut_off: the service said that it broke off. Raises ReplyError
    where there is no JSON object in it, or no level with words in that.
    """
    found = _with_levels(_object(reply, cut_off))
    rows = tuple(_rows(found.get("levels") or _listed(reply)))
    if not rows and not may_be_empty:
        raise ReplyError("The reply has no levels. Send an object with 'levels', a list of objects with a 'prompt'.")
    return Draft(
        rows,
        title=title_of(found.get("title")),
        viewpoint=line(found.get("viewpoint"), checks.MAX_WORDS),
        style=line(found.get("style"), checks.MAX_WORDS),
        negative=line(found.get("negative"), checks.MAX_WORDS),
    )


def line(value: object, limit: int) -> str:
    """A text as one line that a story may hold: no controls, single spaces, cut at a word's end; else ""."""
    if not isinstance(value, str):
        return ""
    words = " ".join(checks.FORBIDDEN.sub(" ", ESCAPES.sub("", value[: 20 * limit])).split())
    if len(words) > limit:
        words = words[: limit + 1].rpartition(" ")[0].rstrip(",;: ") or words[:limit]
    return words if any(c.isalpha() for c in words) else ""


def metres(value: object) -> float | None:
    """A width in metres from a number or a text such as "4 km"; None where it is neither, or no width of a story."""
    if isinstance(value, str):
        value = _from_text(value[:60])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    width = checks.as_float(value)
    return width if math.isfinite(width) and checks.MIN_WIDTH_M <= width <= checks.MAX_WIDTH_M else None


def _from_text(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return read_length(text)


def _listed(reply: str) -> object:
    """The levels of a reply that is nothing but their list; None for another."""
    begun = BARE_LIST.search(reply)
    return begun and (completed(f'{{"levels": {reply[begun.start("list") :]}') or {}).get("levels")


def _object(reply: str, cut_off: bool) -> Mapping[str, object]:
    try:
        return read_object(reply, cut_off=cut_off)
    except ReplyError:
        if found := completed(reply):
            return found
        raise


def _renamed(found: Mapping[str, object]) -> dict[str, object]:
    """The keys as ours are; a key that is right already wins over another name of it."""
    keys = {str(key): str(key).strip().lower().replace(" ", "_") for key in found}
    known = {NAMES.get(key, key): found[said] for said, key in reversed(keys.items())}
    return known | {key: found[said] for said, key in keys.items() if key not in NAMES}


def _with_levels(found: Mapping[str, object], deeper: int = 2) -> dict[str, object]:
    """The object that holds the levels: this one, or one within it, as in {"story": {...}}."""
    named = _renamed(found)
    if isinstance(named.get("levels"), list) or not deeper:
        return named
    inside = [_with_levels(value, deeper - 1) for value in found.values() if isinstance(value, dict)]
    return next((inner for inner in inside if tuple(_rows(inner.get("levels")))), named)


def _rows(levels: object) -> Iterator[Row]:
    if isinstance(levels, Mapping):  # {"0": {...}, "1": {...}}
        levels = list(levels.values())
    for entry in levels[:MAX_ROWS] if isinstance(levels, list) else ():
        row = _renamed(entry) if isinstance(entry, Mapping) else {"prompt": entry}
        if prompt := line(_bare(row.get("prompt")), checks.MAX_PROMPT):
            number = row.get("level")
            level = number if isinstance(number, int) and not isinstance(number, bool) else None
            yield Row(prompt, line(_bare(row.get("subject")), MAX_SUBJECT), metres(row.get("width_m")), level)


def _bare(value: object) -> object:
    """A text without what models put around one in a list: its number, Markdown."""
    return NUMBER.sub("", value[: 20 * checks.MAX_PROMPT].translate(MARKDOWN)) if isinstance(value, str) else value


def title_of(value: object) -> str:
    """A text as a title that a story may have; "" where it is none."""
    words = line(value, checks.MAX_TITLE)
    for mark in ("/", "\\", ".."):
        words = words.replace(mark, " ")
    return " ".join(words.split())
