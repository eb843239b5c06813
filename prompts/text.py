"""Story to text and back: `parse_story` and `dump_story` invert each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from prompts import checks
from prompts.checks import Fault
from prompts.errors import Problem, StoryError, shown
from prompts.json_reader import read_json
from prompts.nodes import Node, where
from prompts.story import Story
from prompts.wording import ADD, problem_of
from prompts.yaml_reader import meaning, read_yaml

MAX_BYTES = 256 * 1024

T = TypeVar("T")


def parse_story(text: str, source: str = "story", folder: Path | None = None) -> Story:
    """The story that a text holds: JSON if `source` ends in .json or the text looks like it, else YAML.

    `source` names the text in messages. With a `folder`, reference pictures are looked up from it, must be files, and
    come back as absolute paths. Raises StoryError with every problem found.
    """
    root, found, problems = read_nodes(text, source)
    try:
        story = Story.model_validate(root.plain())
    except ValidationError as error:
        problems += [p for e in error.errors(include_url=False) if (p := problem_of(root, e))]
    faults = _faults_between_levels(found) + (_missing_pictures(root, folder) if folder else [])
    problems += [Problem(root.at(path)[1], where(path), *said) for path, *said in faults]
    if problems:
        raise StoryError(sorted(problems, key=lambda p: p.line or 0), source)
    return _with_pictures(story, folder) if folder else story


def read_nodes(text: str, source: str) -> tuple[Node, dict[str, Node], list[Problem]]:
    """The tree of a story's text, its keys, and the problems that did not stop the reading; nothing else is checked.

    Raises StoryError for what is no mapping in JSON or YAML.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_unreadable(text, source)
    root, problems = (read_json if _is_json(text, source) else read_yaml)(text, source)
    if not isinstance(root.value, dict):
        reason = f"A story is a mapping with title, p and levels, and {checks.kind_of(root.plain())} came."
        remedy = "Write lines such as 'title: Galaxy to leaf', 'p: 2' and 'levels:'."
        raise StoryError([*problems, Problem(root.line, "", reason, remedy)], source)
    return root, root.value, problems


def _refuse_unreadable(text: str, source: str) -> None:
    if len(text) > MAX_BYTES:
        raise StoryError([too_large()], source)
    if not text.strip():
        reason = "There is nothing in it."
        raise StoryError([Problem(None, "", reason, f"{ADD['title']} {ADD['p']} {ADD['levels']}")], source)
    if found := checks.FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        reason = f"This is not plain text: it contains the control character U+{ord(found[0]):04X}."
        raise StoryError([Problem(line, "", reason, "Remove it, or give a story as YAML or JSON text.")], source)


def too_large() -> Problem:
    """The problem of a text beyond `MAX_BYTES`."""
    reason = f"It is larger than {MAX_BYTES // 1024} KB."
    return Problem(None, "", reason, f"Give a story: {checks.MAX_LEVELS} levels of text need far less.")


def _is_json(text: str, source: str) -> bool:
    if source.lower().endswith((".json", ".yaml", ".yml")):
        return source.lower().endswith(".json")
    start = text.lstrip()
    return start.startswith("[") or (start.startswith("{") and start[1:].lstrip()[:1] in ("", '"', "}"))


def _faults_between_levels(found: Mapping[str, Node]) -> list[Fault]:
    """`checks.between_levels` on whatever of the text is valid, so that it speaks even where another check failed."""
    data = {key: node.plain() for key, node in found.items()}
    levels = data.get("levels")
    if not isinstance(levels, list) or len(levels) > checks.MAX_LEVELS:
        return []
    widths = [_valid(checks.width, level.get("width_m") if isinstance(level, dict) else None) for level in levels]
    return checks.between_levels(_valid(checks.zoom_factor, data.get("p")), widths, data.get("loop") is True)


def _valid(check: Callable[[object], T], value: object) -> T | None:
    try:
        return check(value)
    except PydanticCustomError:
        return None


def _missing_pictures(root: Node, folder: Path) -> list[Fault]:
    levels = root.at(("levels",))[0].plain()
    rows = enumerate(levels if isinstance(levels, list) else [])
    named = [(i, row.get("image")) for i, row in rows if isinstance(row, dict)]
    remedy = "Write the path from the story's folder, or leave the picture out."
    return [
        (("levels", i, "image"), f"There is no picture {shown(name)}.", remedy)
        for i, name in named
        if isinstance(name, str) and name.strip() and not _is_file(folder / name)
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False


def _with_pictures(story: Story, folder: Path) -> Story:
    levels = (
        level.model_copy(update={"image": str((folder / level.image).absolute())}) if level.image else level
        for level in story.levels
    )
    return story.model_copy(update={"levels": tuple(levels)})


class _Row(list[float]):
    """A list that YAML shall write in one line."""


class _Dumper(yaml.SafeDumper):
    pass


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = isinstance(meaning(text), str)  # PyYAML quotes only what YAML 1.1 takes for something else
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Row, lambda d, row: d.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True))


def dump_story(story: Story) -> str:
    """The story as YAML, without what equals a default. `parse_story` gives the same story back."""
    data = story.model_dump(exclude_defaults=True)
    for level in data["levels"]:
        if "focus" in level:
            level["focus"] = _Row(level["focus"])
    data["levels"] = [level["prompt"] if level.keys() == {"prompt"} else level for level in data["levels"]]
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
