"""Links: that one picture lies in another, where, and how sure. Found by points that look alike, or by searching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from zoomlib.registration.features import Array, Candidate, Picture, Points, candidates, grey, points_of
from zoomlib.registration.judge import Judgement, judge
from zoomlib.registration.placement import Matrix, Placement, Size, apply, corners, inverse, then
from zoomlib.registration.refine import Errors, refine

SURE_PLACES = 8
"""Candidates on which so many places agree are measured at once; weaker ones where nothing better is found."""
RIVAL = 0.3
"""A place on which this share of the places agree that agree on the best is measured too, be the best never so good."""
MEASURED_PX = 1600
_ONE_PLACE = 0.01  # of the wider picture's longer side, between the corners of two places that are one
_SEARCHED_PX, _SEARCHED_UP_TO, _SEARCHED_STEP = 160, 5.0, 1.02
_SEARCHED_BLUR = 8.0


@dataclass(frozen=True)
class Link:
    """Picture `finer` lies in picture `wider` at `placement`; `matrix` is the same in pixels."""

    wider: int
    finer: int
    placement: Placement
    matrix: Matrix
    errors: Errors
    judgement: Judgement


def reduced(picture: Picture) -> Picture:
    """The picture at most `MEASURED_PX` large: placements are the same, and are measured no worse."""
    scale = MEASURED_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    small: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small


@dataclass
class Album:
    """Pictures with what has been found out about them, so that nothing is computed twice."""

    pictures: list[Picture]
    _points: dict[int, Points] = field(default_factory=dict)
    _candidates: dict[tuple[int, int], list[Candidate]] = field(default_factory=dict)

    def size(self, i: int) -> Size:
        """(width, height) of a picture."""
        return self.pictures[i].shape[1], self.pictures[i].shape[0]

    def points(self, i: int) -> Points:
        """The points of a picture."""
        if i not in self._points:
            self._points[i] = points_of(self.pictures[i])
        return self._points[i]

    def candidates(self, finer: int, wider: int) -> list[Candidate]:
        """Places of one picture in another by points, whichever of the two turns out to be the finer."""
        if (finer, wider) not in self._candidates:
            self._candidates[finer, wider] = candidates(self.points(finer), self.points(wider))
        return self._candidates[finer, wider]

    def measured(self, finer: int, wider: int, matrix: Matrix) -> Link | None:
        """The link near a place, measured and judged; the two change their parts where `finer` shows more."""
        if Placement.of(matrix, self.size(wider), self.size(finer)).p < 1:
            finer, wider, matrix = wider, finer, inverse(matrix)
        refined = refine(self.pictures[finer], self.pictures[wider], matrix)
        judgement = None if refined is None else judge(self.pictures[finer], self.pictures[wider], refined.matrix)
        if refined is None or judgement is None:
            return None
        placement = Placement.of(refined.matrix, self.size(wider), self.size(finer))
        return Link(wider, finer, placement, refined.matrix, refined.errors, judgement)

    def by_points(self, a: int, b: int, *, least_places: int) -> Link | None:
        """The best link between two pictures by points on which at least so many places agree; None without."""
        found = [(a, b, one) for one in self.candidates(a, b)] + [(b, a, one) for one in self.candidates(b, a)]
        found.sort(key=lambda item: -item[2].agreeing)
        links: list[Link] = []
        for finer, wider, one in found:
            passes = any(link.judgement.passes for link in links)
            if one.agreeing < least_places or (passes and one.agreeing < RIVAL * found[0][2].agreeing):
                break
            if not any(self._is_there(link, finer, wider, one.matrix) for link in links):
                link = self.measured(finer, wider, one.matrix)
                links += [] if link is None else [link]
        return max(links, key=lambda link: link.judgement.agreement, default=None)

    def _is_there(self, link: Link, finer: int, wider: int, matrix: Matrix) -> bool:
        """Whether a place is, but for what points err, the one that a link has."""
        told = matrix if (finer, wider) == (link.finer, link.wider) else inverse(matrix)
        frame = corners(self.size(link.finer))
        off = np.abs(apply(told, frame) - apply(link.matrix, frame)).max()
        return bool(off < _ONE_PLACE * max(self.size(link.wider)))

    def by_search(self, a: int, b: int) -> Link | None:
        """The best link between two pictures by trying all places and sizes, unturned; None where nothing fits."""
        return better(
            self.measured(a, b, searched(self.pictures[a], self.pictures[b])),
            self.measured(b, a, searched(self.pictures[b], self.pictures[a])),
        )

    def through(self, first: Link, second: Link) -> Link | None:
        """The link of `second.finer` in `first.finer`, where both lie in one picture, and measured anew."""
        if first.wider != second.wider:
            raise ValueError(f"These links lie in pictures {first.wider} and {second.wider}, not in one.")
        return self.measured(second.finer, first.finer, then(second.matrix, inverse(first.matrix)))


def better(one: Link | None, other: Link | None) -> Link | None:
    """That of two links which agrees better."""
    if one is None or other is None:
        return one or other
    return other if other.judgement.agreement > one.judgement.agreement else one


def searched(finer: Picture, wider: Picture) -> Matrix:
    """Where in the wider picture the finer one fits best, of all places and factors up to 5, unturned."""
    whole, to_wider = _small(wider, _SEARCHED_PX)
    best = (-2.0, np.eye(2, 3))
    for step in range(int(math.log(_SEARCHED_UP_TO) / math.log(_SEARCHED_STEP))):
        p = 1.04 * _SEARCHED_STEP**step
        longer = whole.shape[1] / p * max(finer.shape[:2]) / finer.shape[1]
        inner, to_finer = _small(finer, longer)
        if min(inner.shape) < 8 or inner.shape[0] > whole.shape[0] or inner.shape[1] > whole.shape[1]:
            continue
        scores = cv2.matchTemplate(whole, inner, cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(scores)
        if score > best[0]:
            place = np.array([[1.0, 0, x], [0, 1.0, y]])
            best = (score, then(then(inverse(to_finer), place), to_wider))
    return _as_similarity(best[1])


def _small(picture: Picture, longer: float) -> tuple[Array, Matrix]:
    """The detail of a picture averaged down to about so many pixels, and the matrix from these to its own."""
    height, width = picture.shape[:2]
    scale = longer / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey(picture), size, interpolation=cv2.INTER_AREA)
    sx, sy = width / size[0], height / size[1]
    detail: Array = small - cv2.GaussianBlur(small, (0, 0), _SEARCHED_BLUR)
    return detail, np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5]])


def _as_similarity(matrix: Matrix) -> Matrix:
    """Without what rounding of sides has squeezed."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    return np.column_stack([scale * np.eye(2), matrix[:, 2]])
