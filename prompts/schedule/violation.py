"""What a schedule does wrong at a level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["step", "size", "viewpoint", "centre", "length", "duplicate", "banned"]
"""step: widths do not shrink by p. size: what is named does not fit the width. viewpoint: another than the story's.
centre: what the next level shows is not named here. length: more tokens than the text encoder reads. duplicate: as
another level. banned: a word that spoils pictures."""


@dataclass(frozen=True)
class Violation:
    """A fault of a story that its format allows and that spoils the zoom. level: None for the story as a whole.

    reason: what was expected and what came. remedy: what to do. Both are sentences.
    """

    level: int | None
    kind: Kind
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = "" if self.level is None else f"level {self.level}, "
        return f"{place}{self.kind}: {self.reason} {self.remedy}"


@dataclass(frozen=True)
class TextLimit:
    """How much a text encoder reads: at most `tokens` of what `count` counts in a text, its start and end included."""

    name: str
    tokens: int
    count: Callable[[str], int]
