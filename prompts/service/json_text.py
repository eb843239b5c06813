"""The JSON object in what a language model wrote, whatever stands around it."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Never

from prompts.errors import ReplyError, shown

MAX_CHARACTERS = 2**20
MAX_DEPTH = 32
MAX_DIGITS = 40  # of a whole number: far more than any quantity here, and quick to read
MAX_STARTS = 64  # objects with faults, after which nobody looks for a better one

_THOUGHTS = re.compile(r"\s*<(think|thinking|thought|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_START = re.compile(r'\{\s*(?=")')
_EMPTY = re.compile(r"\{\s*\}")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[{}\[\]]', re.DOTALL)
_LOOSE_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)


class _RefusedError(ValueError):
    """A JSON text that is none for us; str() is the reason."""


def read_object(text: str, *, cut_off: bool = False) -> dict[str, Any]:
    """The first JSON object in `text`: bare, within prose or a fence, after a model's thoughts.

    A comma after the last entry and line ends within texts are forgiven. cut_off: the service said that the reply ended
    before it was complete. Raises ReplyError for a text without an object, or whose first object does not end, is
    nested too deep, has a key twice, or holds NaN, an infinity or a number without measure.
    """
    if len(text) > MAX_CHARACTERS:
        raise ReplyError(f"The reply has {len(text)} characters; at most {MAX_CHARACTERS} are read. Ask for less.")
    found, reason = None, ""
    try:
        found = _first(_after_thoughts(text))
    except _RefusedError as refused:
        reason = str(refused)
    if found is None:
        cut = " It was cut off: it had as many tokens as a reply may have." if cut_off else ""
        raise ReplyError(f"Expected one JSON object, and {reason or 'none stands in the reply'}.{cut}")
    return found


def _after_thoughts(text: str) -> str:
    """What follows a model's thoughts; some templates drop the word that opens them."""
    if opened := _THOUGHTS.match(text):
        return text[opened.end() :]
    rest = _THOUGHT_END.split(text)[-1]
    return text if text.lstrip().startswith(("{", "```")) or not _START.search(rest) else rest


def _first(text: str) -> dict[str, Any] | None:
    """The first object that can be read, the reason for refusing the first one of them, or None where none begins."""
    reason, at = "", 0
    for _ in range(MAX_STARTS):
        if (start := _START.search(text, at)) is None:
            break
        try:
            return _decoded(text, start.start())
        except json.JSONDecodeError as error:
            reason = reason or f"what begins as one is wrong at {shown(text[error.pos : error.pos + 30])} ({error.msg})"
        end = _end(text, start.start())
        if end is None:
            raise _RefusedError("the one that begins in the reply does not end")
        tidy = _LOOSE_COMMA.sub(lambda match: match[1] or "", text[start.start() : end])
        try:
            return _decoded(tidy, 0)
        except json.JSONDecodeError:
            at = end
    if reason:
        raise _RefusedError(reason)
    return {} if _EMPTY.search(text) else None


def _decoded(text: str, start: int) -> dict[str, Any]:
    """The object that begins there. Raises JSONDecodeError, _RefusedError."""
    try:
        found, _ = _DECODER.raw_decode(text, start)
    except RecursionError:
        found = None
    if found is None or _depth(found) > MAX_DEPTH:
        raise _RefusedError(f"the one in the reply is nested more than {MAX_DEPTH} deep")
    assert isinstance(found, dict)  # noqa: S101  it begins with a brace
    return found


def _end(text: str, start: int) -> int | None:
    """Just after the bracket that closes the one at `start`; brackets in texts do not count."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _depth(value: Any) -> int:
    """How many brackets stand around the innermost value."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _RefusedError(f"the key {shown(key)} stands twice in it")
        found[key] = value
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError(f"a number in it has {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError(f"the number {shown(digits)} in it is beyond measure")
    return value


def _constant(word: str) -> Never:
    raise _RefusedError(f"it holds {word}, which is no number")


_DECODER = json.JSONDecoder(
    strict=False, object_pairs_hook=_once, parse_int=_whole, parse_float=_finite, parse_constant=_constant
)
