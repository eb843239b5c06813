"""Pydantic's errors about a story in our words: what was expected, what came, what to do, in which line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from prompts import checks
from prompts.errors import Problem, brief, shown
from prompts.nodes import Node, Place, where
from prompts.story import Level, Story

ADD = {
    "title": "Add a line such as 'title: Galaxy to leaf'.",
    "p": "Add a line such as 'p: 2'.",
    "levels": "Add 'levels:' and below it one line '- ...' per level, the widest view first.",
    "prompt": "Add 'prompt: ' and what the level shows.",
}
OTHER_NAMES = {
    "name": "title", "zoom": "p", "factor": "p", "zoom_factor": "p", "scale": "p", "description": "about",
    "prompts": "levels", "scenes": "levels", "negative_prompt": "negative", "text": "prompt", "width": "width_m",
    "center": "focus", "centre": "focus", "perspective": "viewpoint", "photo": "image",
}  # fmt: skip
CONFIGURATION = {
    "method", "model", "steps", "size", "height", "eta", "guidance", "fps", "blending", "seconds_per_level",
}  # fmt: skip


def problem_of(root: Node, error: Mapping[str, Any]) -> Problem | None:
    """One entry of `ValidationError.errors()` about the tree `root`; None for what is said elsewhere already."""
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    node, line = root.at(path)
    if node.broken or kind == "between_levels" or (kind == "too_short" and node.value):
        return None  # too short is also said of a list whose entries are all refused
    if kind in SAID:
        return Problem(line, where(path), *SAID[kind](path, node, error["input"]))
    return Problem(line, where(path), context.get("reason", error["msg"]), context.get("remedy", ""))


def _unquoted(_: Place, node: Node, came: object) -> tuple[str, str]:
    if not node.raw:
        return f"A text was expected, and {checks.kind_of(came)} came.", "Put the text in quotes."
    word = brief(node.raw, 30)
    reason = f"A text was expected, and {word} without quotes is {checks.kind_of(came)}."
    return reason, f'Write "{word}" with the quotes.'


def _unknown_key(key: str, model: type[Level] | type[Story]) -> tuple[str, str]:
    known = list(model.model_fields)
    other = Story if model is Level else Level
    reason = f"A {model.__name__.lower()} has no key {shown(key)}."
    if OTHER_NAMES.get(key.lower()) in known:
        return reason, f"Write '{OTHER_NAMES[key.lower()]}'."
    if key.lower() in CONFIGURATION:
        return reason, "It belongs to the configuration of a run: remove it here."
    if close := difflib.get_close_matches(key.lower(), known, 1):
        return reason, f"Did you mean '{close[0]}'?"
    if " " in key.strip():
        return reason, "If this is a prompt with ': ' in it, put it in quotes."
    if key in other.model_fields:
        return reason, f"It belongs to {'the story, above the levels' if model is Level else 'a level'}."
    return reason, f"Remove it; the keys are {', '.join(known)}."


# What to say of a value that pydantic refused: from its path, its node and the value.
SAID: dict[str, Callable[[Place, Node, Any], tuple[str, str]]] = {
    "text_expected": _unquoted,
    "missing": lambda path, _, __: ("It is missing.", ADD[str(path[-1])]),
    "extra_forbidden": lambda path, _, __: _unknown_key(str(path[-1]), Level if "levels" in path else Story),
    "too_short": lambda *_: ("The story has no levels.", ADD["levels"]),
    "too_long": lambda _, __, came: (
        f"The story has {len(came)} levels, and at most {checks.MAX_LEVELS} are allowed.",
        "Leave some out, or make several stories of it.",
    ),
    "tuple_type": lambda _, __, came: (
        f"A list of levels was expected, and {checks.kind_of(came)} came.",
        "Write one line '- ...' per level below 'levels:'.",
    ),
    "bool_type": lambda _, __, came: (
        f"True or false was expected, and {checks.kind_of(came)} came.",
        "Write true or false without quotes.",
    ),
}
