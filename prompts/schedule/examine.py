"""Everything that is wrong with a story in one list: what its format refuses, and what its schedule does wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prompts import checks
from prompts.errors import Problem, StoryError
from prompts.library import read_text
from prompts.schedule.checking import check_schedule
from prompts.schedule.violation import TextLimit, Violation
from prompts.story import Story
from prompts.text import parse_story, read_nodes

LEVEL = re.compile(r"levels\[(\d+)\]")
REPLACED: dict[str, object] = {"title": "A story", "p": 2}  # required, and of no weight for the checks of words


@dataclass(frozen=True)
class Row:
    """One fault, as a table shows it.

    level: from 0, None for the story as a whole. kind: "format" where the story is refused, else the violation's.
    what: what was expected and what came. remedy: what to do. line: of the text, None where no one line is to blame.
    """

    level: int | None
    kind: str
    what: str
    remedy: str
    line: int | None = None


@dataclass(frozen=True)
class Examined:
    """What came out: the story, None where its format is refused; and every fault, in order of level."""

    story: Story | None
    rows: tuple[Row, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.rows


def examine(source: str | os.PathLike[str], limit: TextLimit | None = None, banned: Sequence[str] = ()) -> Examined:
    """Read and check a story: a file, the name of a ready story, or "-" for standard input. Never raises for a story.

    limit and banned are as for `check_schedule`. Where the format refuses the story, its words are checked all the
    same, as far as they can be read.
    """
    try:
        text, name, folder = read_text(source)
    except StoryError as error:
        return Examined(None, _refusals(error.problems))
    return examine_text(text, name, limit, banned, folder)


def examine_text(
    text: str,
    source: str = "story",
    limit: TextLimit | None = None,
    banned: Sequence[str] = (),
    folder: Path | None = None,
) -> Examined:
    """`examine` for a story's text. source: what messages call it; folder: where its pictures are looked up."""
    lines: list[int] = []
    try:
        nodes = read_nodes(text, source)[0]
        lines = [nodes.at(("levels", i))[1] for i in range(checks.MAX_LEVELS)]
        story = parse_story(text, source, folder)
    except StoryError as error:
        rest = _readable(text, source)
        words = _rows(check_schedule(rest, limit, banned), lines) if rest else ()
        return Examined(None, _in_order([*_refusals(error.problems), *words]))
    return Examined(story, _rows(check_schedule(story, limit, banned), lines))


def _refusals(problems: Iterable[Problem]) -> tuple[Row, ...]:
    rows = ((LEVEL.match(p.where), p) for p in problems)
    return _in_order(Row(int(at[1]) if at else None, "format", _placed(p), p.remedy, p.line) for at, p in rows)


def _placed(problem: Problem) -> str:
    """The reason with the key that is meant, where it is one."""
    key = LEVEL.sub("", problem.where).lstrip(".")
    return f"{key}: {problem.reason}" if key else problem.reason


def _rows(violations: Iterable[Violation], lines: Sequence[int]) -> tuple[Row, ...]:
    """lines: where each level begins."""
    return tuple(
        Row(v.level, v.kind, v.reason, v.remedy, None if v.level is None else lines[v.level]) for v in violations
    )


def _in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -1 if row.level is None else row.level))


def _readable(text: str, source: str) -> Story | None:
    """A refused story without widths and without what was refused; None where prompts are among that."""
    try:
        data: Any = read_nodes(text, source)[0].plain()
        levels = data.get("levels")
        if isinstance(levels, list):
            data["levels"] = [_without_width(level) for level in levels]
        return _mended(data)
    except (StoryError, ValidationError):
        return None


def _without_width(level: object) -> object:
    return {key: value for key, value in level.items() if key != "width_m"} if isinstance(level, dict) else level


def _mended(data: dict[str, Any]) -> Story:
    """The story of data without the keys that are refused. Raises ValidationError where it needs one of them."""
    try:
        return Story.model_validate(data)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            _leave_out(data, fault["loc"])
    return Story.model_validate(data)


def _leave_out(data: dict[str, Any], path: tuple[int | str, ...]) -> None:
    if path[:1] == ("levels",) and len(path) > 2 and isinstance(level := data["levels"][path[1]], dict):
        level.pop(path[2], None)
    elif path and path[0] in REPLACED:
        data[str(path[0])] = REPLACED[str(path[0])]
    elif path and path[0] != "levels":
        data.pop(str(path[0]), None)
