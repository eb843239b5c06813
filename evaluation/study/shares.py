"""How often arms were chosen, with two intervals: one that takes every answer as independent, one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from evaluation.study.strengths import Floats


@dataclass(frozen=True)
class Share:
    """How often `arm` was chosen. against: the other arm; None for all others together.

    low, high: Wilson's interval of 95 %, which takes every answer as independent. redrawn_low, redrawn_high: of 95 %
    when people and stories are drawn anew; None where one person has judged one story.
    """

    arm: str
    against: str | None
    answers: int
    chosen: int
    share: float
    low: float
    high: float
    redrawn_low: float | None
    redrawn_high: float | None
    people: int
    stories: int


@dataclass(frozen=True)
class Choices:
    """Counts (P, S, A, A) as `strengths.tally`, the same drawn anew (R, A, A), and the share to cut off at both ends
    of what was drawn for an interval of 95 %.
    """

    counts: Floats
    redraws: Floats
    tail: float

    @property
    def several(self) -> bool:
        """Whether there is more than one person or story, so that drawing anew tells something."""
        return bool(max(self.counts.shape[:2]) > 1)

    def between(self, values: Floats) -> tuple[float, float] | tuple[None, None]:
        """The middle 95 % of redrawn values (R,), those that are no numbers left out."""
        values = values[np.isfinite(values)]
        if not self.several or not len(values):
            return None, None
        low, high = np.quantile(values, (self.tail, 1 - self.tail)).tolist()
        return low, high


def wilson(chosen: int, answers: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share."""
    interval = binomtest(chosen, answers).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def of_pairs(choices: Choices, arms: Sequence[str], compared: Sequence[tuple[str, str]]) -> tuple[Share, ...]:
    """The share of the first of every two arms that were `compared` and judged."""
    shares = []
    for first, second in compared:
        shares += _share(choices, arms, arms.index(first), [arms.index(second)], second)
    return tuple(shares)


def overall(choices: Choices, arms: Sequence[str]) -> tuple[Share, ...]:
    """Every judged arm's share against all others, the largest first."""
    places, shares = range(len(arms)), []
    for i in places:
        shares += _share(choices, arms, i, [j for j in places if j != i], None)
    return tuple(sorted(shares, key=lambda share: -share.share))


def _share(choices: Choices, arms: Sequence[str], i: int, others: list[int], against: str | None) -> list[Share]:
    """The share of arm i against `others`; none where nobody judged."""
    won, lost = _for(choices.counts, i, others), _against(choices.counts, i, others)
    chosen, answers = int(won.sum()), int((won + lost).sum())
    if not answers:
        return []
    redrawn = _for(choices.redraws, i, others)
    games = redrawn + _against(choices.redraws, i, others)
    drawn = np.divide(redrawn, games, out=np.full(len(games), np.nan), where=games > 0)
    seen = won + lost > 0
    (low, high), (below, above) = wilson(chosen, answers), choices.between(drawn)
    people, stories = int(seen.any(1).sum()), int(seen.any(0).sum())
    return [Share(arms[i], against, answers, chosen, chosen / answers, low, high, below, above, people, stories)]


def _for(counts: Floats, i: int, others: list[int]) -> Floats:
    """How often i was chosen over one of the others, of counts (..., A, A)."""
    return np.asarray(counts[..., i, others].sum(-1))


def _against(counts: Floats, i: int, others: list[int]) -> Floats:
    """How often one of the others was chosen over i."""
    return _for(counts.swapaxes(-1, -2), i, others)
