"""Where two pictures may show the same: points that look alike at any size and turn, and what many of them agree on.

Points: SIFT (Lowe, IJCV 2004), compared as RootSIFT (Arandjelovic and Zisserman, CVPR 2012). As a pair of points tells
size and turn too, each proposes a whole similarity, and the rest vote (section 7.3 of Lowe): no chance is in it. This
finds places to within a pixel or two, some of them wrong; `refine` measures and judges them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zoomlib.registration.placement import Matrix, Size, apply

Picture = NDArray[np.uint8]
"""(H, W, 3), sRGB."""
Array = NDArray[np.float32]

WORKING_PX = 640
"""Longer side that points are sought at: smaller pictures are enlarged to it, larger ones averaged down."""
_MOST_AT_A_SIZE = 700
_RATIO = 0.88
_LOOSE_TURN, _LOOSE_SIZE, _LOOSE_WAY = 0.35, 0.35, 0.15  # radians, natural log, share of the distance
_OFF = 2.0 / WORKING_PX  # of the picture's longer side
_HYPOTHESES = 8


@dataclass(frozen=True)
class Points:
    """What stands out in a picture of `size`.

    at: places (N, 2) in its pixels. extent (N,): their sizes in pixels. angle (N,): their directions in radians,
    clockwise. looks: descriptors (N, 128) of length 1.
    """

    size: Size
    at: Array
    extent: Array
    angle: Array
    looks: Array


@dataclass(frozen=True)
class Candidate:
    """A place that points agree on: `matrix` leads from the first picture's pixels to the second's.

    agreeing of matched: places whose pairs of points lie so, and pairs that were compared.
    """

    matrix: Matrix
    agreeing: int
    matched: int


def grey(picture: Picture) -> Array:
    """The luma of a picture, float32 (H, W), 0..255."""
    luma: Array = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma


def points_of(picture: Picture) -> Points:
    """The points of a picture; contrast that colours or a haze have taken away is brought back before."""
    height, width = picture.shape[:2]
    scale = WORKING_PX / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    low, high = np.percentile(grey(picture), (1, 99))
    spread = np.clip((grey(picture) - low) / max(high - low, 1.0) * 255, 0, 255)
    working = cv2.resize(spread, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    sift = cv2.SIFT.create(contrastThreshold=0.02)
    found, looks = sift.detectAndCompute(np.clip(working.round(), 0, 255).astype(np.uint8), None)
    if looks is None:
        found, looks = (), np.zeros((0, 128), np.float32)
    table = np.array([(*k.pt, k.size, k.angle, k.response) for k in found], np.float32).reshape(-1, 5)
    kept = _strongest(table)
    root = np.sqrt(looks[kept] / np.maximum(looks[kept].sum(1, keepdims=True), 1e-6))
    at = (table[kept, :2] + 0.5) / scale - 0.5
    return Points((width, height), at, table[kept, 2] / scale, np.radians(table[kept, 3]), root.astype(np.float32))


def _strongest(table: Array) -> NDArray[np.int64]:
    """Rows of the strongest points at each octave of size: of a finer picture only the large ones can be matched."""
    octave = np.floor(np.log2(np.maximum(table[:, 2], 1e-3)))
    order = np.argsort(-table[:, 4], kind="stable")
    rows = [order[octave[order] == size][:_MOST_AT_A_SIZE] for size in np.unique(octave)]
    return np.concatenate([np.zeros(0, np.int64), *rows])


def candidates(first: Points, second: Points, most: int = 3) -> list[Candidate]:
    """Up to `most` places of the first picture in the second that at least three points agree on, best first.

    Each is found among the points that no place before it explains: in pictures that resemble their own parts (spirals,
    branches) the right place may have the second most.
    """
    rows = _alike(first.looks, second.looks)
    if len(rows) < 3:
        return []
    source, target = first.at[rows[:, 0]].astype(float), second.at[rows[:, 1]].astype(float)
    size = np.log(second.extent[rows[:, 1]] / first.extent[rows[:, 0]]).astype(float)
    turn = (second.angle[rows[:, 1]] - first.angle[rows[:, 0]]).astype(float)
    off = _OFF * max(second.size)
    votes = _votes(source, target, size, turn, off)
    found: list[Candidate] = []
    left = np.ones(len(rows), bool)
    for _ in range(most):
        proposers = np.argsort(-(votes[:, left].sum(1) * left), kind="stable")[:_HYPOTHESES]
        fits = [_fitted(source, target, votes[proposer], left, off) for proposer in proposers if left[proposer]]
        if not fits:
            break
        matrix, agreeing, explained = max(fits, key=lambda fit: fit[1])
        if agreeing < 3:
            break
        found.append(Candidate(matrix, agreeing, len(rows)))
        left &= ~explained
    return _different(sorted(found, key=lambda one: -one.agreeing), first.size, second.size)


def _alike(first: Array, second: Array) -> NDArray[np.int64]:
    """Pairs of descriptors (M, 2): for each of the first the nearest of the second, where it clearly is."""
    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), np.int64)
    likeness = first @ second.T
    rows = np.arange(len(first))
    best = likeness.argmax(1)
    nearest = likeness[rows, best].copy()
    likeness[rows, best] = -1
    near, next_near = (np.sqrt(np.maximum(2 - 2 * value, 0)) for value in (nearest, likeness.max(1)))
    clear = near < _RATIO * next_near
    return np.stack([rows[clear], best[clear]], 1)


def _votes(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    size: NDArray[np.float64],
    turn: NDArray[np.float64],
    off: float,
) -> NDArray[np.bool_]:
    """(M, M): whether pair n lies roughly where the similarity that pair m proposes puts it."""
    linear = np.exp(size) * np.exp(1j * turn)  # a similarity without shift is a complex number
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    way = linear[:, None] * (z[None] - z[:, None])
    near = np.abs(w[None] - w[:, None] - way) < 3 * off + _LOOSE_WAY * np.abs(way)
    turned = np.abs(np.angle(linear[None] / linear[:, None])) < _LOOSE_TURN
    votes: NDArray[np.bool_] = near & turned & (np.abs(size[None] - size[:, None]) < _LOOSE_SIZE)
    return votes


def _fitted(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    votes: NDArray[np.bool_],
    left: NDArray[np.bool_],
    off: float,
) -> tuple[Matrix, int, NDArray[np.bool_]]:
    """The similarity of the pairs that voted, drawn tighter in a few rounds among those that are left.

    With at how many places pairs lie so, and which pairs.
    """
    matrix, kept = np.eye(2, 3), votes & left
    for tolerance in (8 * off, 4 * off, 2 * off, off, off):
        if kept.sum() < 2:
            return matrix, 0, kept
        matrix = _similarity(source[kept], target[kept])
        kept = left & (np.hypot(*(apply(matrix, source) - target).T) < tolerance)
    # One place found several times is one witness, and so are several that became one.
    places = min(len(np.unique(np.round(at[kept] / (2 * off)), axis=0)) for at in (source, target))
    return matrix, places, kept


def _similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> Matrix:
    """Least squares: w = a z + b in complex numbers."""
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    dz, dw = z - z.mean(), w - w.mean()
    a = complex((dz.conj() * dw).sum() / max((np.abs(dz) ** 2).sum(), 1e-9))
    b = complex(w.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def _different(found: list[Candidate], first: Size, second: Size) -> list[Candidate]:
    """Without those that put the first picture where a better one has put it."""
    kept: list[Candidate] = []
    frame = np.array([[0, 0], [first[0], first[1]]], dtype=float)
    for one in found:
        places = apply(one.matrix, frame)
        if all(np.abs(places - apply(other.matrix, frame)).max() > 0.03 * max(second) for other in kept):
            kept.append(one)
    return kept
