"""What a text names: a story, or in words what somebody wants to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

import prompts
from prompts import Story
from prompts.request import PlanRequest
from tasks.errors import RefusedError
from tasks.specs import in_words

FILES = (".yaml", ".yml", ".json")
ARROWS = ("->", "\N{RIGHTWARDS ARROW}")


def names_story(text: str, folder: Path = Path()) -> bool:
    """Whether a text is the name or file of a story, that may be missing, or means standard input.

    folder: from which paths are looked up.
    """
    if not text.strip():
        return False
    return text == "-" or text in prompts.names() or text.lower().endswith(FILES) or _exists(text, folder)


def is_wish(text: str, folder: Path = Path()) -> bool:
    """Whether a text is a wish and no story's name or file: it has several words, an arrow, or is a thing's name."""
    if names_story(text, folder):
        return False
    return len(text.split()) > 1 or any(arrow in text for arrow in ARROWS) or _is_thing(text)


def wish(**values: Any) -> PlanRequest:
    """A wish of values, None where nothing is said. Raises RefusedError with what is wrong."""
    try:
        return PlanRequest.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise RefusedError(in_words(error)) from None


def asked_for(told: Story | PlanRequest | str) -> Story | PlanRequest:
    """The story or the wish that a flow is given as itself or as a text. Raises StoryError for a story that is none."""
    if not isinstance(told, str):
        return told
    return wish(text=told) if is_wish(told) else prompts.load_story(told)


def told_as(value: dict[str, Any]) -> Story | PlanRequest:
    """The story or the wish that plain values mean, as their `model_dump` writes them."""
    is_story = isinstance(value.get("levels"), list)
    return Story.model_validate(value) if is_story else PlanRequest.model_validate(value)


def _exists(text: str, folder: Path) -> bool:
    try:
        return (folder / text).exists()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False


def _is_thing(text: str) -> bool:
    from prompts.scales.naming import find

    found = find(text)
    return len(found) == 1 and (found[0].start, found[0].end) == (0, len(text))
