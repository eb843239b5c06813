"""JSON to nodes. Python's json keeps no lines and merges duplicate keys, hence this small reader around its scalars."""

from __future__ import annotations

import json
import re
from bisect import bisect_left

from prompts.errors import Problem, StoryError, shown
from prompts.nodes import MAX_DEPTH, Node, Place, number, where

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![\w.+-])")
WORD = re.compile(r"-?\w+")
WORDS = {"true": True, "false": False, "null": None}
STRINGS = json.JSONDecoder()


def read_json(text: str, source: str) -> tuple[Node, list[Problem]]:
    """The tree of `text`, and the problems that did not stop the reading. Raises StoryError."""
    reader = _Reader(text, source)
    root, end = reader.value(reader.skip(0), ())
    if reader.skip(end) < len(text):
        raise reader.stop(end, "Something follows after the end of the story.", "Keep one story per file.")
    return root, reader.problems


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.problems: list[Problem] = []
        self.breaks = [found.start() for found in re.finditer("\n", text)]

    def line(self, at: int) -> int:
        return bisect_left(self.breaks, at) + 1

    def skip(self, at: int) -> int:
        found = SPACE.match(self.text, at)
        return found.end() if found else at

    def stop(self, at: int, reason: str, remedy: str) -> StoryError:
        at = self.skip(at)
        return StoryError(
            [*self.problems, Problem(self.line(at), "", f"This is no valid JSON: {reason}", remedy)], self.source
        )

    def value(self, at: int, path: Place) -> tuple[Node, int]:
        if len(path) > MAX_DEPTH:
            raise self.stop(at, f"it is nested more than {MAX_DEPTH} deep.", "Remove the extra brackets.")
        opening = self.text[at : at + 1]
        if opening == "{":
            return self.mapping(at, path)
        if opening == "[":
            return self.sequence(at, path)
        if opening == '"':
            text, end = self.string(at)
            return Node(text, self.line(at)), end
        return self.word(at, path)

    def string(self, at: int) -> tuple[str, int]:
        try:
            text, end = STRINGS.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise self.stop(at, f"{error.msg}.", "Check quotes and backslashes in this line.") from None
        return str(text), end

    def word(self, at: int, path: Place) -> tuple[Node, int]:
        if found := NUMBER.match(self.text, at):
            return Node(number(found[0]), self.line(at), raw=found[0]), found.end()
        if (found := WORD.match(self.text, at)) and found[0] in WORDS:
            return Node(WORDS[found[0]], self.line(at), raw=found[0]), found.end()
        if found and found[0].lstrip("-") in ("NaN", "Infinity"):
            self.problems.append(
                Problem(self.line(at), where(path), f"JSON has no {found[0]}.", "Write a finite number.")
            )
            return Node(None, self.line(at), broken=True), found.end()
        came = shown(found[0] if found else self.text[at : at + 1]) if at < len(self.text) else "the end of the text"
        raise self.stop(
            at, f"a value was expected, and {came} came.", "Put texts in double quotes; leave no comma at the end."
        )

    def sequence(self, at: int, path: Place) -> tuple[Node, int]:
        items: list[Node] = []
        start, at = at, self.skip(at + 1)
        while self.text[at : at + 1] != "]":
            item, at = self.value(at, (*path, len(items)))
            items.append(item)
            at = self.comma(at, "]")
        return Node(items, self.line(start)), at + 1

    def comma(self, at: int, closing: str) -> int:
        """Past the comma after an entry, or to the closing bracket."""
        at = self.skip(at)
        if self.text[at : at + 1] == closing:
            return at
        if self.text[at : at + 1] != ",":
            raise self.stop(
                at, f"a comma or '{closing}' was expected.", "Put commas between the entries, and close the bracket."
            )
        at = self.skip(at + 1)
        if self.text[at : at + 1] == closing:
            raise self.stop(at, f"a comma stands before '{closing}'.", "Remove the comma after the last entry.")
        return at

    def mapping(self, at: int, path: Place) -> tuple[Node, int]:
        items: dict[str, Node] = {}
        keys: dict[str, int] = {}
        start, at = at, self.skip(at + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                raise self.stop(
                    at, "a key in double quotes was expected.", 'Write "key": value, and close the bracket.'
                )
            key_at = at
            key, at = self.string(at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise self.stop(at, "a colon was expected after the key.", 'Write "key": value.')
            value, at = self.value(self.skip(at + 1), (*path, key))
            line = self.line(key_at)
            if key in items:
                reason = f"The key {shown(key)} stands twice, in lines {keys[key]} and {line}."
                self.problems.append(Problem(line, where((*path, key)), reason, "Remove one of them."))
            else:
                items[key], keys[key] = value, line
            at = self.comma(at, "}")
        return Node(items, self.line(start), keys=keys), at + 1
