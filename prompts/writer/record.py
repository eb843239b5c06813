"""What a planner that asks a language model hands back: the story, and what happened on the way to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from prompts.story import Story

Asked = Literal["draft", "levels"]
"""draft: a whole schedule was asked for. levels: the faulty levels of one, with their faults."""


@dataclass(frozen=True)
class Round:
    """One question to the model and what came of it, as plain values.

    number counts from 1. digest: under which the raw reply is kept, "" where it is not. valid: whether the schedule has
    no fault after this round. faults: what is wrong with it, or why the reply could not be used. changes: what was set
    right in the reply without asking.
    """

    number: int
    kind: Asked
    digest: str
    valid: bool
    faults: tuple[str, ...]
    changes: tuple[str, ...]


OnRound = Callable[[Round], None]


@dataclass(frozen=True)
class Written:
    """A story without faults, the rounds that led to it, and what its author should know."""

    story: Story
    rounds: tuple[Round, ...]
    notes: tuple[str, ...]
