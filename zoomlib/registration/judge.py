"""How well two placed pictures agree, and how sure it is that they belong there.

Agreement is the correlation of their detail. Sureness compares it with the best place elsewhere in the wider picture: a
texture that repeats, a clear sky or an unrelated picture agree as well somewhere else, and the right place does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.registration.features import Picture
from zoomlib.registration.placement import Matrix
from zoomlib.registration.refine import Overlay, overlaid

Array = NDArray[np.float32]

LEAST_AGREEMENT = 0.25
LEAST_SURENESS = 0.99999
"""What pictures of nothing in common reach now and then lies well below these; neighbours in a zoom, far above."""
JUDGED_PX = 400
"""Longer side of the window that is judged."""
_DETAIL_PX = 4.0
_NOISE = 1.0  # of 255: fainter detail is noise


@dataclass(frozen=True)
class Judgement:
    """agreement: -1 .. 1, 1 for the same picture. sureness: 0 .. 1, the chance that no other place agrees better."""

    agreement: float
    sureness: float

    @property
    def passes(self) -> bool:
        """Whether the place can be relied on."""
        return self.agreement >= LEAST_AGREEMENT and self.sureness >= LEAST_SURENESS


def judge(finer: Picture, wider: Picture, matrix: Matrix) -> Judgement | None:
    """The judgement of a place; None where too little of the finer picture is in sight."""
    over = overlaid(finer, wider, matrix, JUDGED_PX)
    if over is None:
        return None
    rows, columns = (np.flatnonzero(over.inside.any(axis)) for axis in (1, 0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    mask = over.inside[window].astype(np.float32)
    inner = _detail(over.finer)[window] * mask
    whole = _detail(over.whole)
    scores = _scores(whole, inner, mask)
    y, x = over.corner[1] + rows[0], over.corner[0] + columns[0]
    here = scores[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max()
    elsewhere = _elsewhere(scores, (y, x), mask.shape)
    outer = whole[y : y + mask.shape[0], x : x + mask.shape[1]] * mask
    margin = math.atanh(_below_one(here)) - math.atanh(_below_one(elsewhere))
    deviations = margin * math.sqrt(max(_independent(inner, outer, mask) - 3, 0) / 2)
    return Judgement(agreement(over), 0.5 * math.erfc(-deviations / math.sqrt(2)))


def agreement(over: Overlay) -> float:
    """Correlation of detail in small windows, weighted by how much detail is there."""
    one, two = over.wider.astype(np.float64), over.finer.astype(np.float64)
    mean_one, mean_two = _mean(one), _mean(two)
    both = _mean(one * two) - mean_one * mean_two
    spread_one = np.sqrt(np.maximum(_mean(one * one) - mean_one**2, 0))
    spread_two = np.sqrt(np.maximum(_mean(two * two) - mean_two**2, 0))
    inside = over.inside
    weight = (spread_one * spread_two)[inside].sum() + _NOISE**2 * inside.sum()
    return float(np.clip(both[inside].sum() / weight, -1, 1))


def _mean(field: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = cv2.GaussianBlur(field, (0, 0), _DETAIL_PX)
    return mean


def _detail(picture: Array) -> Array:
    detail: Array = picture - cv2.GaussianBlur(picture, (0, 0), _DETAIL_PX)
    return detail


def _below_one(value: float) -> float:
    return min(max(float(value), 0.0), 0.9999)


def _scores(whole: Array, inner: Array, mask: Array) -> Array:
    """Normalised correlation of the window with every part of the whole of its size."""
    products = cv2.matchTemplate(whole, inner, cv2.TM_CCORR)
    energy = cv2.matchTemplate(whole**2, mask, cv2.TM_CCORR)
    floor = float((mask * _NOISE**2).sum())
    norm = np.sqrt((np.maximum(energy, 0) + floor) * (float((inner**2).sum()) + floor))
    scores: Array = products / norm
    return scores


def _elsewhere(scores: Array, place: tuple[int, int], shape: tuple[int, ...]) -> float:
    """The best score away from the place; 0 where the window cannot be anywhere else."""
    rows, columns = np.ogrid[: scores.shape[0], : scores.shape[1]]
    away = (np.abs(rows - place[0]) > max(4, shape[0] // 12)) | (np.abs(columns - place[1]) > max(4, shape[1] // 12))
    return float(scores[away].max()) if away.any() else 0.0


def _independent(inner: Array, outer: Array, mask: Array) -> float:
    """How many independent samples the correlation of two textures rests on (Bartlett 1946), from their spectra."""
    one, two = (np.abs(np.fft.rfft2(field)) ** 2 for field in (inner, outer))
    overlap = float((one * two).sum())
    return float(one.sum() * two.sum() / overlap) * 2 * float(mask.mean()) if overlap > 0 else 0.0
