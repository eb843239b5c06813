"""Intervals and tests of means over a few independent units, from NumPy arrays: here the units are stories.

All functions take values (K, S): K quantities of S stories, NaN where a story has none. Seeds of a story have been
averaged before, so that resampling stories takes all seeds of a story together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHARE = 0.95
FEWEST = 6
"""Stories for a bootstrap of 95 %: no resampled mean leaves the range of S values, which holds the truth with
1 - 2^(1-S) at most for symmetric values: 0.94 for five."""
FEW = 8
"""Below this many stories, an interval of any kind leans on its assumptions; tables say so."""
EXACT = 12
"""Up to this many stories all 2^S sign flips are tried."""
BLOCK = 2**24
"""Resampled numbers held at a time."""
TINY = 1e-12


def intervals(values: Array, *, resamples: int = 10_000, seed: int = 0) -> tuple[Array, Array]:
    """Lower and upper ends (K,) of the 95 % intervals of the rows' means; NaN where a row has one story or none.

    From six stories on: percentiles of a bootstrap over stories, with levels widened for few stories ("expanded
    percentile", Hesterberg 2015, arXiv 1411.5279, section 4.2): of values without skew they hold the truth in 93 to
    94 % of cases for six stories, where plain percentiles hold it in 87 (`benchmarks/coverage.py`). For two to five:
    Student's t. Randomness: resamples follow from `seed` alone and are the
    same for all rows of as many stories.
    """
    low, high = _by_count(values, lambda rows: _interval(rows, resamples, seed))
    return low, high


def _interval(rows: Array, resamples: int, seed: int) -> tuple[Array, Array]:
    stories = rows.shape[1]
    if stories < 2:
        nothing = np.full(len(rows), np.nan)
        return nothing, nothing
    if stories < FEWEST:
        half = _student(stories - 1) * rows.std(1, ddof=1) / math.sqrt(stories)
        return rows.mean(1) - half, rows.mean(1) + half
    means = bootstrap_means(rows, resamples, seed)
    tail = expanded_tail(stories)
    low, high = quantile(means, tail), quantile(means, 1 - tail)
    constant = _spread(rows) == 0  # sums of rounded weights would give it a width
    return np.where(constant, rows.mean(1), low), np.where(constant, rows.mean(1), high)


def expanded_tail(stories: int) -> float:
    """The share to cut off at either end, so that percentiles of a bootstrap are as wide as Student's t for values
    without skew: Phi(-sqrt(S / (S - 1)) t)."""
    return NormalDist().cdf(-math.sqrt(stories / (stories - 1)) * _student(stories - 1))


def bootstrap_means(rows: Array, resamples: int, seed: int) -> Array:
    """Means (K, resamples) of stories (K, S) drawn with replacement; the same draws for every row."""
    weights = _weights(rows.shape[1], resamples, seed)
    block = max(1, BLOCK // resamples)
    return np.concatenate([rows[start : start + block] @ weights for start in range(0, len(rows), block)])


@lru_cache(maxsize=8)
def _weights(stories: int, resamples: int, seed: int) -> Array:
    """How often each story is drawn, over S: (S, resamples). Kept, as a page asks for many tables of the same runs."""
    drawn = np.random.default_rng([seed, stories, resamples]).integers(stories, size=(resamples, stories))
    places = drawn + stories * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=stories * resamples).reshape(resamples, stories)
    return np.ascontiguousarray(counts.T / stories)


def quantile(rows: Array, share: float) -> Array:
    """The quantile of each row, between its neighbours in proportion (as `numpy.quantile`, without its sorting)."""
    place = share * (rows.shape[1] - 1)
    below = min(int(place), rows.shape[1] - 2)
    found = np.partition(rows, (below, below + 1), axis=1)[:, below : below + 2]
    return np.asarray(found[:, 0] + (place - below) * (found[:, 1] - found[:, 0]))


def sign_flip(values: Array, *, samples: int = 10_000, seed: int = 0) -> Array:
    """Two-sided p-values (K,) of "the rows' means are 0", by flipping the signs of stories; NaN for a row of none.

    Exact over all 2^S flips up to twelve stories, otherwise of random flips with the observed one among them (Phipson
    and Smyth 2010). The smallest possible value of S stories is 2^(1-S).
    """
    return _by_count(values, lambda rows: (_flipped(rows, samples, seed),))[0]


def _flipped(rows: Array, samples: int, seed: int) -> Array:
    stories = rows.shape[1]
    if stories == 0:
        return np.full(len(rows), np.nan)
    signs = _signs(stories, samples, seed)
    block = max(1, BLOCK // signs.shape[1])
    starts = range(0, len(rows), block)
    reached = np.concatenate([_reached(rows[start : start + block], signs) for start in starts])
    observed = int(stories > EXACT)
    return np.asarray((reached + observed) / (signs.shape[1] + observed))


def _reached(rows: Array, signs: Array) -> Array:
    """In how many flips a row's sum is as far from 0 as without; differences of rounding count as equal."""
    far = np.abs(rows.sum(1))[:, None] - TINY * np.abs(rows).sum(1)[:, None]
    return np.asarray((np.abs(rows @ signs) >= far).sum(1), np.float64)


@lru_cache(maxsize=8)
def _signs(stories: int, samples: int, seed: int) -> Array:
    if stories <= EXACT:
        return np.array([*itertools.product((1.0, -1.0), repeat=stories)]).T
    return np.random.default_rng([seed, stories, samples]).choice([1.0, -1.0], (stories, samples))


def holm(p_values: Array) -> Array:
    """Holm's adjustment of the p-values of one family; NaN stays and does not count."""
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    adjusted = np.full(len(p_values), np.nan)
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted


def standardised(values: Array) -> Array:
    """Means over standard deviations of the rows (K,): 0 for rows of zeros, NaN where there is no other spread."""

    def effect(rows: Array) -> tuple[Array]:
        means, spread = _means(rows), _spread(rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (np.where(means == 0, 0.0, np.where(spread > 0, means / spread, np.nan)),)

    return _by_count(values, lambda rows: effect(rows) if rows.shape[1] > 1 else (np.full(len(rows), np.nan),))[0]


def _means(rows: Array) -> Array:
    return np.asarray(rows.mean(1))


def _spread(rows: Array) -> Array:
    """Standard deviation of each row; 0 where it is nothing but rounding."""
    spread = rows.std(1, ddof=1)
    return np.where(spread <= TINY * np.abs(rows).max(1), 0.0, spread)


def _student(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + SHARE) / 2))


def _by_count(values: Array, of: Callable[[Array], tuple[Array, ...]]) -> tuple[Array, ...]:
    """Apply `of` to the rows of equally many stories together, each row without its empty places."""
    there = ~np.isnan(values)
    counts = there.sum(1)
    found: list[Array] = []
    for count in np.unique(counts):
        chosen = counts == count
        results = of(values[chosen][there[chosen]].reshape(int(chosen.sum()), count))
        found = found or [np.full(len(values), np.nan) for _ in results]
        for whole, part in zip(found, results, strict=True):
            whole[chosen] = part
    return tuple(found)
