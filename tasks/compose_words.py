"""What the levels of a composed run are called: by a story, by text files beside the pictures, or by their names."""

from __future__ import annotations

import math
import re
import unicodedata
from pathlib import Path

from pydantic_core import PydanticCustomError

from prompts import Story, checks
from prompts.checks import FORBIDDEN, MAX_P, MAX_PROMPT, MAX_TITLE
from tasks.compose_spec import ComposeSpec
from tasks.errors import RefusedError

WORDS = ".txt"


def told(spec: ComposeSpec, title: str | None, story: Story | None) -> tuple[Story, bool, tuple[str, ...]]:
    """The story of a composed run; whether its words are prompts, and not names of files; and what was changed, said.

    Of a given story, words and one width are kept: p, focus and the other widths are those that were measured. Raises
    RefusedError where it has another number of levels than there are pictures.
    """
    mean = math.exp(sum(map(math.log, spec.factors)) / len(spec.factors))
    p = min(max(round(mean, 4), 1.0001), float(MAX_P))
    if story is None:
        words, all_told = words_of(spec)
        name = title or _title_of(spec.folder)
        return Story.model_validate({"title": name, "p": p, "levels": words}), all_told, ()
    if len(story.levels) != len(spec.pictures):
        raise RefusedError(
            f"The story has {len(story.levels)} levels, and the zoom {len(spec.pictures)} pictures. Write a level for "
            "each, from the widest on; tenfold compose --dry-run shows them."
        )
    levels, notes = _with_one_width(story)
    if story.loop:
        notes += ("The story loops; a zoom out of pictures does not, and its film ends at the last one.",)
    values = story.model_dump() | {"title": title or story.title, "p": p, "loop": False, "levels": levels}
    return Story.model_validate(values), True, notes


def _with_one_width(story: Story) -> tuple[list[dict[str, object]], tuple[str, ...]]:
    """The story's levels without what was measured instead: width, focus, picture, seed."""
    widths = [level.width_m for level in story.levels]
    first = next((i for i, width in enumerate(widths) if width is not None), None)
    levels = [
        level.model_dump() | {"focus": None, "image": None, "seed": None, "width_m": widths[i] if i == first else None}
        for i, level in enumerate(story.levels)
    ]
    several = sum(width is not None for width in widths) > 1
    note = f"Of the story's widths that of level {first} is used; the others follow from the factors that were found."
    return levels, (note,) if several else ()


def check_title(title: str | None) -> None:
    """Refuse a title that no story may have: before pictures are compared for minutes."""
    try:
        _ = title is None or checks.title(title)
    except PydanticCustomError as error:
        raise RefusedError(f"--title: {error.message()}") from error


def _title_of(folder: Path) -> str:
    words = in_one_line(re.sub(r"[\W_]+", " ", folder.name), MAX_TITLE)
    return words[:1].upper() + words[1:] if words else "Composed zoom"


def words_of(spec: ComposeSpec) -> tuple[list[str], bool]:
    """A prompt for each picture, from the text file beside it or from its name; whether all have a text file."""
    beside = [_beside(spec.folder / picture.file) for picture in spec.pictures]
    words = [
        text or from_name(picture.file, i) for i, (text, picture) in enumerate(zip(beside, spec.pictures, strict=True))
    ]
    return words, all(beside)


def _beside(path: Path) -> str:
    file = path.with_suffix(WORDS)
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file} cannot be read as text ({error}). Save it as UTF-8, or take it away.") from error
    return in_one_line(text)


def in_one_line(text: str, limit: int = MAX_PROMPT) -> str:
    """A stranger's text as a story may hold it: one line, no controls, "" where no word is in it."""
    line = " ".join(FORBIDDEN.sub(" ", text).split())[:limit].strip()
    return line if any(unicodedata.category(c)[0] in "LN" for c in line) else ""


def from_name(name: str, level: int) -> str:
    """Words from a file's name, without numbers before them; "Level 3" where there are none."""
    stem = re.sub(r"[\W_]+", " ", Path(name).stem)
    return in_one_line(re.sub(r"^(\s*\d+\b)+", "", stem)) or f"Level {level}"
