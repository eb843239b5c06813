"""YAML to nodes: plain data only. Everything that hides or multiplies data is refused, with its line.

Built on PyYAML's event stream, in which anchors, aliases and tags are still visible and nothing has been constructed.
Unquoted words: yes, no, on and off are booleans, as in YAML 1.1 and in most editors; numbers follow 1.2, so that 1e26
is one; dates, sexagesimals (1:30) and other oddities of 1.1 are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from prompts.errors import Problem, StoryError, brief, shown
from prompts.nodes import MAX_DEPTH, Node, Place, Scalar, number, where

WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("null", "~", ""), None),
}
SPELLINGS = {form: value for word, value in WORDS.items() for form in (word, word.capitalize(), word.upper())}
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

HINTS = (
    ("'\\t'", "Indent with spaces: YAML allows no tabs there."),
    ("mapping values are not allowed", "Put a text that contains ': ' in quotes."),
    ("could not find expected ':'", "Write 'key: value', and indent the lines of a longer text more than its key."),
    ("while scanning a quoted scalar", "Close the quotation mark."),
    ("while scanning a double-quoted", "Write a backslash in double quotes twice, or use single quotes."),
    ("while parsing a flow", "Close the bracket, and put commas between its entries."),
    ("cannot start any token", "Put a text that begins with such a character in quotes."),
    (
        "did not find expected",
        "Give all entries of a list or mapping the same indentation, and close quotes and brackets.",
    ),
)


def meaning(word: str) -> Scalar:
    """What an unquoted word stands for."""
    if word in SPELLINGS:
        return SPELLINGS[word]
    if NOT_FINITE.fullmatch(word):
        return float(word.lower().replace(".", "", 1))
    found = number(word)
    return word if found is None else found


def read_yaml(text: str, source: str) -> tuple[Node, list[Problem]]:
    """The tree of the one document in `text`, and the problems that did not stop the reading. Raises StoryError."""
    reader = _Reader(text, source)
    try:
        return reader.document(), reader.problems
    except StoryError:
        raise
    except yaml.YAMLError as error:
        raise StoryError([*reader.problems, _syntax(error)], source) from None
    except (ValueError, OverflowError):  # PyYAML converts "\UFFFFFFFF" and "%YAML 9999..." unguarded
        problem = Problem(None, "", "This is no valid YAML: an escape or a directive is out of range.", "Remove it.")
        raise StoryError([*reader.problems, problem], source) from None


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    message = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(error)
    remedy = next((hint for sign, hint in HINTS if sign in message), "Check indentation, colons and quotes there.")
    return Problem(mark.line + 1 if mark else None, "", f"This is no valid YAML: {brief(message, 200)}.", remedy)


def _paired(text: str) -> str:
    """The text with "\\ud83c\\udf0d", JSON's way to escape one character, as that character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))

    def document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            line = _line(event)
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self.problem(line, (), "A second document begins here.", "Keep one story per file: remove '---'.")
                    break
                if event.version or event.tags:
                    self.problem(1, (), "The file has a YAML directive (%).", "Remove the line that begins with '%'.")
            elif isinstance(event, yaml.NodeEvent):
                root = self.node(event, ())
        return root or Node(None, 1)

    def problem(self, line: int, path: Place, reason: str, remedy: str) -> None:
        self.problems.append(Problem(line, where(path), reason, remedy))

    def node(self, event: yaml.Event, path: Place) -> Node:
        line = _line(event)
        if len(path) > MAX_DEPTH:
            deep = Problem(line, where(path[:3]), f"Nested more than {MAX_DEPTH} deep.", "Remove the extra brackets.")
            raise StoryError([*self.problems, deep], self.source)
        if isinstance(event, yaml.AliasEvent):
            self.problem(
                line,
                path,
                f"{shown(f'*{event.anchor}')} is an alias.",
                "Write the value out: a story allows no aliases.",
            )
            return Node(None, line, broken=True)
        self.refuse_properties(event, line, path)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None
            return Node(
                meaning(event.value) if plain else _paired(event.value), line, raw=event.value if plain else None
            )
        return self.sequence(line, path) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(line, path)

    def refuse_properties(self, event: yaml.Event, line: int, path: Place) -> None:
        if anchor := getattr(event, "anchor", None):
            self.problem(
                line, path, f"{shown(f'&{anchor}')} is an anchor.", "Remove it: a story allows no anchors or aliases."
            )
        if tag := getattr(event, "tag", None):
            self.problem(
                line, path, f"{shown(tag)} is a tag.", "Remove the word that begins with '!', or quote the text."
            )

    def sequence(self, line: int, path: Place) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return Node(items, line)

    def mapping(self, line: int, path: Place) -> Node:
        items: dict[str, Node] = {}
        keys: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key_line = _line(event)
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                self.node(event, (*path, "?"))
                self.problem(
                    key_line, path, "A key must be one word, and here is something else.", "Write 'key: value'."
                )
            else:
                self.refuse_properties(event, key_line, (*path, key))
            value = self.node(next(self.events), (*path, key or "?"))
            if key is not None and not self.repeated(keys, key, key_line, path):
                items[key], keys[key] = value, key_line
        return Node(items, line, keys=keys)

    def repeated(self, keys: dict[str, int], key: str, line: int, path: Place) -> bool:
        if key in keys:
            reason = f"The key {shown(key)} stands twice, in lines {keys[key]} and {line}."
            self.problem(line, (*path, key), reason, "Remove one of them.")
        return key in keys
