"""All scores of a set of pictures against a reference, from their features, with intervals and what limits them."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from torch import Tensor

from evaluation.sets import frechet, inception_score, kernel
from evaluation.sets.extractors import Extractor
from evaluation.sets.features import Features
from evaluation.sets.intervals import RESAMPLES, draws, interval, numbered
from evaluation.table import Score

ENOUGH = 2048
"""Pictures below which FID's covariance has not full rank: its value then depends mostly on their number."""


@dataclass(frozen=True)
class Reference:
    """The set that others are compared with; what follows from it alone is computed once."""

    features: Features

    @cached_property
    def gaussian(self) -> frechet.Gaussian:
        """Its mean and covariance."""
        return frechet.fit(self.features.values)


@dataclass(frozen=True)
class Settings:
    """How scores are drawn. splits: of IS; None takes the published 10 from 5,000 pictures on, 1 below.

    resamples: draws of stories for each interval; 0 for none.
    """

    subsets: int = kernel.SUBSETS
    subset_size: int = kernel.SUBSET_SIZE
    splits: int | None = None
    resamples: int = RESAMPLES
    seed: int = 0


def is_deficient(pictures: Features, reference: Features) -> bool:
    """Whether either side has too few pictures for a Fréchet distance to be trusted."""
    return min(len(pictures), len(reference)) < max(ENOUGH, pictures.values.shape[1] + 1)


def score_set(
    pictures: Features,
    reference: Reference,
    extractor: Extractor,
    *,
    groups: Sequence[Hashable] | None = None,
    settings: Settings | None = None,
) -> list[Score]:
    """Kernel and Fréchet distance, IS of Inception, each with `_low` and `_high`, and the sizes of both sets.

    groups: for each picture the story that it is of; pictures of one group are not independent. None: all are.
    What is to be read first stands first: with few pictures the kernel distance, else FID. Random parts follow from
    `settings.seed`. Raises InvalidInputError for fewer than two pictures on either side.
    """
    settings = settings or Settings()
    deficient = is_deficient(pictures, reference.features)
    draw = _Draw.of(groups, len(pictures), settings)
    names = [extractor.kernel, extractor.frechet]
    values = {
        extractor.kernel: _kernel(pictures, reference, draw, settings),
        extractor.frechet: _frechet(pictures, reference, draw),
    }
    order = names if deficient else names[::-1]
    if extractor.is_inception and pictures.logits is not None:
        values["inception_score"] = _inception_score(pictures.logits, draw, settings)
        order.append("inception_score")
    found = [(name + suffix, value) for name in order for suffix, value in values[name].items()]
    found += [
        ("set_images", len(pictures)),
        ("set_stories", len(pictures) if groups is None else len(set(groups))),
        ("reference_images", len(reference.features)),
        ("rank_deficient", int(deficient)),
    ]
    return [
        Score(name, float(value), "set", None, extractor.name, extractor.revision)
        for name, value in found
        if not math.isnan(value)
    ]


@dataclass(frozen=True)
class _Draw:
    """The group of each picture (N,), and how often each group is there in each draw (resamples, S)."""

    number: Tensor
    counts: Tensor

    @classmethod
    def of(cls, groups: Sequence[Hashable] | None, count: int, settings: Settings) -> "_Draw":
        number = numbered(groups, count, _random(settings, 0))
        return cls(number, draws(int(number.max()) + 1, settings.resamples, _random(settings, 1)))

    def by_picture(self, value: float, distance: Callable[[Tensor], float], least: float) -> "Values":
        """`value` and its interval, by a `distance` that takes how often each picture is there; `least`: its bound."""
        low, high = interval(value, lambda counts: distance(counts[self.number]), self.counts)
        return {"": value, "_low": max(low, least), "_high": high}


Values = dict[str, float]
"""A score's value under "", and what belongs to it by suffix."""


def _random(settings: Settings, stream: int) -> Generator:
    return np.random.default_rng([settings.seed, stream])


def _kernel(pictures: Features, reference: Reference, draw: _Draw, settings: Settings) -> Values:
    seen, known = pictures.values, reference.features.values
    random = _random(settings, 2)
    value, spread = kernel.kernel_distance(seen, known, random, subsets=settings.subsets, size=settings.subset_size)
    low, high = math.nan, math.nan
    if len(draw.counts):
        low, high = interval(value, kernel.Weighted.of(seen, known, draw.number).distance, draw.counts)
    return {"": value, "_low": low, "_high": high, "_sd": spread}


def _frechet(pictures: Features, reference: Reference, draw: _Draw) -> Values:
    value = frechet.frechet_distance(frechet.fit(pictures.values), reference.gaussian)
    weighted = frechet.Weighted.of(pictures.values, reference.gaussian)
    return draw.by_picture(value, weighted.distance, 0.0)


def _inception_score(logits: Tensor, draw: _Draw, settings: Settings) -> Values:
    value, spread = inception_score.inception_score(logits, _random(settings, 3), splits=settings.splits)
    return {**draw.by_picture(value, inception_score.Weighted.of(logits).score, 1.0), "_sd": spread}
