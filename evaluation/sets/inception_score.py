"""The Inception Score: how sure Inception's classes are of each picture, and how many of them the set shows.

IS = exp of the mean over pictures of KL(p(y|x) || p(y))                  (Salimans et al. 2016, arXiv 1606.03498)
"""

from dataclasses import dataclass

import torch
from numpy.random import Generator
from torch import Tensor

SPLITS, SPLITS_FROM = 10, 5000
"""The published number of parts, and the pictures from which on they are large enough to show the classes."""


def inception_score(logits: Tensor, random: Generator, *, splits: int | None = None) -> tuple[float, float]:
    """Mean and standard deviation (NaN for one) over `splits` random parts of (N, K) logits.

    None takes 10 parts from 5,000 pictures on, one below.
    """
    splits = splits or (SPLITS if len(logits) >= SPLITS_FROM else 1)
    order = torch.from_numpy(random.permutation(len(logits)))
    parts = logits[order].chunk(splits)
    found = torch.tensor([Weighted.of(part).score(torch.ones(len(part))) for part in parts], dtype=torch.float64)
    return float(found.mean()), float(found.std()) if len(found) > 1 else float("nan")


@dataclass(frozen=True)
class Weighted:
    """The score when pictures count differently: exp of the mixture's entropy less the mean entropy."""

    chances: Tensor  # (N, K)
    entropies: Tensor  # (N,)

    @classmethod
    def of(cls, logits: Tensor) -> "Weighted":
        """Ready for `score`, from logits (N, K)."""
        log = logits.double().log_softmax(1)
        return cls(log.exp(), -(log.exp() * log).sum(1))

    def score(self, weights: Tensor) -> float:
        """With picture i there `weights[i]` times, (N,)."""
        w = weights.double() / float(weights.sum())
        mixture = w @ self.chances
        return float((torch.special.entr(mixture).sum() - w @ self.entropies).exp())
