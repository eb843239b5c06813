"""Whether participants look: pairs that came twice, and pairs whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.study.plan import SPOILED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Attention:
    """A participant: all answers, of the repeats those that chose the same film again, of the catch trials those that
    chose the film that was not spoiled; share of answers for the left side; median seconds to an answer.
    """

    participant: str
    answers: int
    repeats: int
    again: int
    catches: int
    right: int
    left: float
    median_s: float
    excluded: bool = False

    @property
    def share(self) -> float | None:
        """Of repeats and catch trials together, the share that was answered as it should be; None before the first."""
        tests = self.repeats + self.catches
        return (self.again + self.right) / tests if tests else None


def attention(answers: pd.DataFrame, least: float | None = None) -> tuple[Attention, ...]:
    """Every participant's, in the order of their numbers; excluded are those whose share is below `least`."""
    return tuple(_of(str(name), own, least) for name, own in answers.groupby("participant", sort=True))


def _of(name: str, own: pd.DataFrame, least: float | None) -> Attention:
    first = own[own["kind"] == "pair"].set_index("pair")["chosen_arm"]
    repeats, catches = own[own["kind"] == "repeat"], own[own["kind"] == "catch"]
    repeats = repeats[repeats["pair"].isin(first.index)]
    again = sum(chosen == first[pair] for pair, chosen in zip(repeats["pair"], repeats["chosen_arm"], strict=True))
    right = int((catches["chosen_arm"] != SPOILED).sum())
    tests, passed = len(repeats) + len(catches), again + right
    return Attention(
        participant=name,
        answers=len(own),
        repeats=len(repeats),
        again=int(again),
        catches=len(catches),
        right=right,
        left=float((own["chosen_side"] == "left").mean()),
        median_s=float(own["response_s"].median()),
        excluded=least is not None and tests > 0 and passed / tests < least,
    )
