"""Arms in the order of their strengths, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.study.shares import Choices
from evaluation.study.strengths import Bools, fit, linked


@dataclass(frozen=True)
class Strength:
    """An arm's log-strength (`strengths.fit`) with an interval of 95 % from drawing people and stories anew; None
    where one person has judged one story.
    """

    rank: int
    arm: str
    strength: float
    low: float | None
    high: float | None
    answers: int


def ranks(choices: Choices, arms: Sequence[str]) -> tuple[tuple[Strength, ...], tuple[str, ...]]:
    """The judged arms, strongest first, and notes: half choices that were added, arms that cannot be compared."""
    wins = choices.counts.sum((0, 1))
    games = wins + wins.T
    found, helped = fit(wins)
    spread, assisted = fit(choices.redraws, np.broadcast_to(games > 0, choices.redraws.shape))
    order = [int(i) for i in np.argsort(-found, kind="stable") if games[i].any()]
    ends = [choices.between(spread[:, i]) for i in order]
    told = [
        Strength(place, arms[i], float(found[i]), low, high, int(games[i].sum()))
        for place, (i, (low, high)) in enumerate(zip(order, ends, strict=True), start=1)
    ]
    notes = [*_of_help(bool(helped), float(assisted.mean()) if choices.several else 0), *_of_groups(games > 0, arms)]
    return tuple(told), tuple(notes)


def _of_help(helped: bool, assisted: float) -> list[str]:
    done = "half a choice was added to both sides of every two arms that were compared"
    if helped:
        return [f"Some arms always won, or always lost, so that no finite strengths explain the answers: {done}."]
    if assisted > 0:
        return [f"In {100 * assisted:.1f} % of the redrawn answers some arms always won, or always lost: there {done}."]
    return []


def _of_groups(compared: Bools, arms: Sequence[str]) -> list[str]:
    """A note where arms fall into groups between which nobody compared."""
    reached = linked(compared)
    groups = {tuple(np.flatnonzero(reached[i]).tolist()) for i in range(len(arms)) if compared[i].any()}
    if len(groups) < 2:
        return []
    told = "; ".join(" and ".join(arms[i] for i in group) for group in sorted(groups))
    return [f"Nobody compared these groups of arms with each other; strengths mean something within one only: {told}."]
