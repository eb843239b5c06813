"""A study: what is asked about which pairs of films, as plain values that are kept in its `study.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoomlib.errors import InvalidInputError

VERSION = 1
FILE = "study.json"
QUESTION = "Which looks like a camera zooming into a consistent scene?"
"""The paper's (arXiv 2312.02149, section 5)."""
PAIRS, REPEATS = 18, 2
FPS = 25
LONGEST_QUESTION = 300
Kind = Literal["pair", "repeat", "catch"]
SPOILED = "(spoiled copy)"
"""The arm of a film that was spoiled on purpose."""


@dataclass(frozen=True)
class Clip:
    """A film as people see it. id: digest of what it shows. arm: SPOILED where `spoiled`. seconds: its length."""

    id: str
    run: str
    arm: str
    seconds: float
    spoiled: bool = False


@dataclass(frozen=True)
class Pair:
    """Two films of one story and seed. `arms` and `clips` (ids) in the same order, which says nothing of sides.

    seed: None where the two have different ones. unlike: how the runs differ besides their arms, empty if in nothing.
    """

    id: str
    story: str
    seed: int | None
    arms: tuple[str, str]
    clips: tuple[str, str]
    unlike: str = ""


@dataclass(frozen=True)
class Design:
    """What a participant is shown: `pairs` different pairs, `repeats` of them again with sides swapped, and `catches`,
    pairs of a film and a spoiled copy of it. seed: of all order and sides.
    """

    pairs: int = PAIRS
    repeats: int = REPEATS
    catches: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that make no study. Raises InvalidInputError."""
        if self.pairs < 1 or not 0 <= self.repeats <= self.pairs or self.catches < 0:
            raise InvalidInputError(
                f"A participant sees at least one pair, none to all of them again, and no negative number of catch "
                f"trials; got {self.pairs} pairs, {self.repeats} repeats and {self.catches} catch trials."
            )

    @property
    def trials(self) -> int:
        """How often a participant is asked."""
        return self.pairs + self.repeats + self.catches


@dataclass(frozen=True)
class Study:
    """All that a study depends on, and what it is called.

    id: digest of all the others but `notes`. arms: in the order in which they are told. pairs: those that are judged;
    catches: those of a film and its spoiled copy, whose first one is the right answer. clips: by id. runs: by id what
    is known of them, for the record. film: size, rate and length of the films. notes: what whoever runs it should know.
    """

    id: str
    name: str
    question: str
    design: Design
    arms: tuple[str, ...]
    pairs: tuple[Pair, ...]
    catches: tuple[Pair, ...] = ()
    clips: Mapping[str, Clip] = field(default_factory=dict)
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    film: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def pair(self, name: str) -> Pair:
        """The pair of that id. Raises KeyError for one that is not of this study."""
        return {pair.id: pair for pair in (*self.pairs, *self.catches)}[name]

    def seconds(self, pair: Pair) -> float:
        """How long it takes to see both films of a pair, which play together, once."""
        return max(self.clips[clip].seconds for clip in pair.clips)

    @property
    def stories(self) -> tuple[str, ...]:
        """The stories whose films are judged, in the order of the pairs."""
        return tuple(dict.fromkeys(pair.story for pair in self.pairs))


def check_question(text: str) -> str:
    """The question as it is asked. Raises InvalidInputError for an empty or endless one."""
    text = " ".join(text.split())
    if not 0 < len(text) <= LONGEST_QUESTION:
        raise InvalidInputError(
            f"A question has 1 to {LONGEST_QUESTION} characters, so that people read it; got {len(text)}."
        )
    return text


def to_json(study: Study) -> str:
    """The text of `study.json`; `from_json` is the inverse."""
    return json.dumps({"version": VERSION, **asdict(study)}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> Study:
    """The study of a `study.json`. Raises InvalidInputError for what is none, or one of a later version."""
    try:
        facts = json.loads(text)
        if facts.pop("version") != VERSION:
            raise ValueError("it is of another version")
        return Study(
            **facts
            | {
                "design": Design(**facts["design"]),
                "arms": tuple(facts["arms"]),
                "pairs": _pairs(facts["pairs"]),
                "catches": _pairs(facts["catches"]),
                "clips": {name: Clip(**clip) for name, clip in facts["clips"].items()},
                "notes": tuple(facts["notes"]),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"This is no {FILE} that can be used ({error!r:.200}). Make the study again."
        ) from error


def load(folder: Path) -> Study:
    """The study in `folder`. Raises InvalidInputError where there is none."""
    try:
        return from_json((folder / FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{folder} holds no study: {FILE} is not there ({error.strerror}).") from error


def _pairs(values: Sequence[Mapping[str, Any]]) -> tuple[Pair, ...]:
    return tuple(Pair(**{**value, "arms": tuple(value["arms"]), "clips": tuple(value["clips"])}) for value in values)
