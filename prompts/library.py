"""Where stories come from: the ready ones, files, and standard input."""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from prompts.errors import Problem, StoryError
from prompts.story import Story
from prompts.text import MAX_BYTES, parse_story, too_large

READY = Path(__file__).parent / "stories"


@dataclass(frozen=True)
class Summary:
    """What a list of ready stories says of one."""

    name: str
    title: str
    levels: int
    p: int | float
    about: str


def names() -> tuple[str, ...]:
    """The names of the ready stories, in alphabetical order."""
    return tuple(sorted(path.stem for path in READY.glob("*.yaml")))


def describe() -> tuple[Summary, ...]:
    """A summary of every ready story, in alphabetical order."""
    stories = ((name, load_story(name)) for name in names())
    return tuple(Summary(name, s.title, len(s.levels), s.p, s.about) for name, s in stories)


def load_story(story: str | os.PathLike[str]) -> Story:
    """A ready story by its name, a story file by its path, or standard input for "-".

    A text that is the name of a ready story means that one; write ./name for a file of that name. Reference pictures
    are looked up from the file's folder (for standard input: the working folder) and come back as absolute paths.
    Raises StoryError for anything that is no story, also for files that cannot be read.
    """
    return parse_story(*read_text(story))


def read_text(story: str | os.PathLike[str]) -> tuple[str, str, Path]:
    """The text of a story named as for `load_story`, what messages call it, and the folder of its pictures.

    Raises StoryError for what cannot be read as text.
    """
    if story == "-":
        return _decode(_standard_input(), "standard input"), "standard input", Path()
    path = READY / f"{story}.yaml" if isinstance(story, str) and story in names() else Path(story)
    source = _label(str(path))
    return _decode(_content(path, source), source), source, path.parent


def _label(path: str) -> str:
    """The path as messages show it: harmless to a terminal, its end kept where it is long."""
    text = path if path.isprintable() else path.encode("unicode_escape").decode()
    return text if len(text) <= 200 else f"…{text[-200:]}"


def _refuse(source: str, reason: str, remedy: str) -> NoReturn:
    raise StoryError([Problem(None, "", reason, remedy)], source)


def _content(path: Path, source: str) -> bytes:
    if "\0" in str(path):
        _refuse(source, "The path contains a null character.", "Remove it.")
    try:
        if path.is_dir():
            found = sorted(p.name for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json"))[:5]
            inside = f"Name one of its files: {', '.join(found)}." if found else "Give the path of a story file."
            _refuse(source, "This is a folder, not a story.", inside)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        close = difflib.get_close_matches(path.stem.lower(), names(), 1, 0.5)
        mean = f"Did you mean the ready story '{close[0]}'? " if close else ""
        remedy = f"{mean}The ready stories are {', '.join(names())}."
        _refuse(source, "There is no such file, and no ready story of this name.", remedy)
    except PermissionError:
        _refuse(source, "You may not read it.", "Ask its owner, or change its permissions.")
    except OSError as error:
        reason = f"It cannot be read: {error.strerror or error}."
        _refuse(source, reason, "Check the path, or give the name of a ready story.")


def _standard_input() -> bytes:
    source, remedy = (
        "standard input",
        "Write 'tenfold zoom - < story.yaml', or give a file or the name of a ready story.",
    )
    if sys.stdin is None or sys.stdin.closed:
        _refuse(source, "It is closed.", remedy)
    if sys.stdin.isatty():
        _refuse(source, "It is a terminal, and no story comes from it.", remedy)
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        _refuse(source, f"It cannot be read: {error.strerror or error}.", remedy)


def _decode(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise StoryError([too_large()], source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            _refuse(source, "This is not text: it holds binary data.", "Give a story as YAML or JSON text in UTF-8.")
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(
            line, "", "This is not text in UTF-8.", "Save the file as UTF-8 (now perhaps Latin-1), or give another."
        )
        raise StoryError([problem], source) from None
