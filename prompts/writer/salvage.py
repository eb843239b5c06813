"""What is whole of a JSON object that breaks off: models run out of tokens in the middle of a list of levels."""

from __future__ import annotations

import json

CLOSES = {"{": "}", "[": "]"}
MAX_DEPTH = 12
MAX_LENGTH = 2**20  # characters


def completed(text: str) -> dict[str, object] | None:
    """The first object in the text, cut after its last whole list or object and closed.

    A string or number at the end may be half of what was meant, hence the cut. None where nothing in it is whole, and
    for an object that does end: what is wrong with that is another matter. Never raises.
    """
    start = text.find("{")
    if start < 0 or len(text) > MAX_LENGTH:
        return None
    end, still_open = _last_whole(text, start)
    if not end:
        return None
    closing = "".join(CLOSES[bracket] for bracket in reversed(still_open))
    try:
        found = json.loads(text[start:end] + closing)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _last_whole(text: str, start: int) -> tuple[int, str]:
    """Where the last list or object that is closed within another ends, and the brackets open there.

    0 where there is none, or where the outermost one is closed as well.
    """
    end, still_open, stack, at = 0, "", "", start
    while at < len(text) and len(stack) <= MAX_DEPTH:
        character = text[at]
        if character == '"':
            at = _string_end(text, at)
        elif character in CLOSES:
            stack += character
        elif character in "}]":
            if CLOSES[stack[-1]] != character:
                break
            stack = stack[:-1]
            if not stack:
                return 0, ""
            end, still_open = at + 1, stack
        at += 1
    return end, still_open


def _string_end(text: str, at: int) -> int:
    """Where the string that begins at `at` has its closing quote, or the text's end."""
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at
