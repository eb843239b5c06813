"""Strengths of arms from choices between two of them: the model of Bradley and Terry, and its uncertainty.

The model (Biometrika 39, 1952): arm i is chosen over arm j with probability 1 / (1 + exp(s_j - s_i)). Choices of one
person, and about one story, resemble each other, so that uncertainty comes from drawing persons and stories anew, both
with replacement.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]
HALF = 0.5
"""Choices added to both sides of every two arms that were compared, where no finite strengths explain the choices."""
STEPS, SMALLEST, LARGEST = 200, 1e-10, 1.0
AT_ONCE = 200


def fit(wins: Floats, compared: Bools | None = None) -> tuple[Floats, Bools]:
    """Most likely log-strengths (..., A) for choices `wins` (..., A, A), and whether help was needed (...).

    wins[..., i, j]: how often i was chosen over j; any numbers from 0. Two strengths differ by the log-odds of a choice
    between them. They are centred: the mean of arms that were compared, directly or by way of others, is 0; between
    arms that were not, a difference says nothing.
    There are finite ones only if among such arms no group always won (Ford, American Mathematical Monthly 64, 1957).
    Otherwise HALF is added to both sides of all `compared` arms (by default, those of which there are choices).
    """
    wins = np.asarray(wins, np.float64)
    compared = wins + wins.swapaxes(-1, -2) > 0 if compared is None else compared
    helped = np.asarray((linked(compared) & ~_reach(wins > 0)).any((-1, -2)))
    wins = wins + HALF * (compared & helped[..., None, None])
    return _newton(wins), helped


def linked(compared: Bools) -> Bools:
    """Which arms (..., A, A) were compared with which, directly or by way of others; each with itself."""
    return _reach(compared | compared.swapaxes(-1, -2))


def _reach(steps: Bools) -> Bools:
    """Which arms (..., A, A) can be reached from which, over any number of steps; each from itself."""
    A = steps.shape[-1]
    reached: Bools = steps | np.eye(A, dtype=bool)
    for _ in range(max(1, A.bit_length())):
        reached = reached @ reached
    return reached


def _newton(wins: Floats) -> Floats:
    """Where the likelihood is largest: it is concave, and no step is long enough to leave the region of its bend."""
    games = wins + wins.swapaxes(-1, -2)
    found = np.zeros(wins.shape[:-1])
    for _ in range(STEPS):
        odds = found[..., :, None] - found[..., None, :]
        chance = 1 / (1 + np.exp(-odds))
        slope = (wins - games * chance).sum(-1)
        bend = games * chance * (1 - chance)
        laplacian = np.eye(wins.shape[-1]) * bend.sum(-1)[..., None] - bend
        # The pseudo-inverse leaves each linked group's mean where it is, at 0.
        step = (np.linalg.pinv(laplacian, rcond=1e-9, hermitian=True) @ slope[..., None])[..., 0]
        longest = np.abs(step).max(-1, keepdims=True)
        found = found + step * np.minimum(1, LARGEST / np.maximum(longest, SMALLEST))
        if longest.max() < SMALLEST:
            break
    return found


def tally(persons: Codes, stories: Codes, won: Codes, lost: Codes, arms: int) -> Floats:
    """Counts (P, S, A, A) of choices: by person and story, how often the first arm was chosen over the second."""
    shape = persons.max(initial=-1) + 1, stories.max(initial=-1) + 1, arms, arms
    counts = np.zeros(shape)
    np.add.at(counts, (persons, stories, won, lost), 1)
    return counts


def redrawn(counts: Floats, resamples: int, seed: int) -> Floats:
    """Choices (R, A, A) of other persons about other stories: both drawn anew with replacement, `resamples` times.

    Randomness: follows from `seed`.
    """
    P, S, A, _ = counts.shape
    if not P:
        return np.zeros((resamples, A, A))
    rng = np.random.default_rng(seed)
    persons = rng.multinomial(P, np.full(P, 1 / P), resamples)
    stories = rng.multinomial(S, np.full(S, 1 / S), resamples)
    flat, drawn = counts.reshape(P, -1), []
    for start in range(0, resamples, AT_ONCE):
        stop = min(start + AT_ONCE, resamples)
        told = (persons[start:stop] @ flat).reshape(-1, S, A * A)
        drawn.append(np.einsum("rs,rsk->rk", stories[start:stop].astype(float), told))
    return np.concatenate(drawn).reshape(-1, A, A)
