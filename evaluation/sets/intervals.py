"""Intervals of scores of sets, by drawing stories anew.

The levels of one stack show one zoom: they are not independent pictures. So whole groups (stories) are drawn with
replacement, never single pictures. A draw holds some stories twice, which by itself raises a Fréchet distance; so only
the spread of the draws is used, not their place. The reference stays as it is.
"""

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

RESAMPLES = 200
SHARE = 0.95
MOST_GROUPS = 1000
"""More groups are joined at random to so many: the spread stays, and the sums by pairs of groups stay small."""


def numbered(groups: Sequence[Hashable] | None, count: int, random: Generator) -> Tensor:
    """The group of each of `count` pictures as a number from 0, (N,). Without `groups` each is one of its own."""
    told: Sequence[Hashable] = range(count) if groups is None else groups
    number = {name: k for k, name in enumerate(dict.fromkeys(told))}
    found = torch.tensor([number[name] for name in told])
    if len(number) > MOST_GROUPS:
        found = torch.from_numpy(random.permutation(len(number)) % MOST_GROUPS)[found]
    return found


def draws(groups: int, resamples: int, random: Generator) -> Tensor:
    """How often each of `groups` is there in each draw with replacement: (resamples, groups) whole numbers."""
    return torch.from_numpy(random.multinomial(groups, np.full(groups, 1 / groups), resamples))


def interval(score: float, distance: Callable[[Tensor], float], drawn: Tensor) -> tuple[float, float]:
    """95 % interval of `score`: t sqrt(S / (S - 1)) standard deviations of `distance` over the rows of `drawn`.

    t is Student's for S - 1 degrees of freedom, S the number of groups; the root makes up for the draws' spread, which
    is that much too small. Both ends are NaN for one story, of which nothing follows for others, and without draws.
    """
    groups = drawn.shape[1]
    if groups < 2 or len(drawn) < 2:
        return math.nan, math.nan
    found = torch.tensor([distance(row) for row in drawn], dtype=torch.float64)
    half = _student(groups - 1) * math.sqrt(groups / (groups - 1)) * float(found.std())
    return score - half, score + half


def _student(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + SHARE) / 2))
