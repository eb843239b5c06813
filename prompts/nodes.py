"""The tree that both readers make of a text: plain values that remember their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 12  # a story needs five levels of nesting; more is a mistake or an attack

Scalar = str | int | float | bool | None
Place = tuple[str | int, ...]


@dataclass
class Node:
    """A value of the text: a scalar, a list or a mapping of nodes.

    `line` is where it begins (from 1), `raw` the unquoted word that became a scalar, `keys` the line of each key.
    `broken` marks what could not be read and is reported already, so that nothing else is said about it.
    """

    value: Scalar | list[Node] | dict[str, Node]
    line: int
    raw: str | None = None
    keys: dict[str, int] = field(default_factory=dict)
    broken: bool = False

    def plain(self) -> object:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: Sequence[str | int]) -> tuple[Node, int]:
        """The node at a path, or the deepest one on the way to it, and the line to blame for the path."""
        node, line = self, self.line
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                line = node.keys[str(step)]
                node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.line
            else:
                break
        return node, line


def where(path: Sequence[str | int]) -> str:
    """A path as people write it: `levels[3].prompt`. Keys that no terminal should see come escaped, long ones cut."""
    steps = (step if isinstance(step, int) or step.isprintable() else repr(step) for step in path)
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step[:40]}" for step in steps).lstrip(".")


def number(word: str) -> int | float | None:
    """The number that an unquoted word spells, as JSON and YAML 1.2 agree (1e26 is one), else None.

    Integers beyond 15 digits become floats, the longest of them infinite: nothing in a story needs to count so far.
    """
    text = word.lower()
    if not text.isascii() or not any(c.isdigit() for c in text) or set(text) - set("0123456789+-.e"):
        return None
    try:
        return int(text) if text.lstrip("+-").isdigit() and len(text) <= 15 else float(text)
    except ValueError:
        return None
