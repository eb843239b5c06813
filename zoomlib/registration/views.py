"""The levels that placed pictures can make: upright views of one shape, each inside the one before it.

A picture that is turned, moved beyond the wider one's border or of another shape gives the largest view that it holds:
a linear programme in three numbers, the middle of the view and its size. Plain numbers; nothing is drawn here.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.registration.placement import Matrix, Placement, Size, apply, corners, inverse, then

MAX_LEVEL_PX = 2048
"""Longer side of a level at most, unless more is asked for: a stack of photographs would not fit into memory."""
SMALLEST = 1.02
"""Least factor of a step: below it two pictures show the same."""

Array = NDArray[np.float64]
_UPRIGHT_PX = 1e-3


@dataclass(frozen=True)
class Views:
    """What the levels show of their pictures.

    size: (width, height) of every level in pixels. factors and focus: of the stack, as in `zoomlib.geometry`.
    crops: for each level the matrix from its pixels to those of its picture.
    """

    size: Size
    factors: tuple[float, ...]
    focus: tuple[tuple[float, float] | None, ...]
    crops: tuple[Matrix, ...]


def level_size(sizes: Sequence[Size], largest_px: int = MAX_LEVEL_PX) -> Size:
    """The size that most pictures have, the widest one's among equals, its longer side at most `largest_px`."""
    counts = Counter(sizes)
    width, height = max(sizes, key=lambda size: counts[size])  # the first of the most frequent
    scale = min(1.0, largest_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def upright_views(sizes: Sequence[Size], placements: Sequence[Placement], largest_px: int = MAX_LEVEL_PX) -> Views:
    """The views of pictures of these sizes, from the widest on; `placements[i]` is where picture i+1 lies in i.

    The widest picture stays as it stands. Raises InvalidInputError where a view would not be inside the one before it.
    """
    if len(placements) != len(sizes) - 1 or not sizes:
        raise InvalidInputError(f"{len(sizes)} pictures have {len(sizes) - 1} steps, not {len(placements)}.")
    size = level_size(sizes, largest_px)
    crops = [_largest(sizes[0], np.eye(2), size, None)]
    factors: list[float] = []
    focus: list[tuple[float, float] | None] = []
    for i, placement in enumerate(placements):
        to_wider = placement.matrix(sizes[i], sizes[i + 1])
        upright = _turn_of(then(to_wider, inverse(crops[i])))
        to_view = then(to_wider, inverse(crops[i]))  # from the picture's pixels to those of the level before
        crop = _largest(sizes[i + 1], upright, size, inverse(to_view))
        window = apply(then(crop, to_view), corners(size))
        factor = size[0] / (window[1, 0] - window[0, 0])
        if not factor > SMALLEST:
            raise InvalidInputError(
                f"Picture {i + 1} shows as much as the one before it (a zoom of {factor:.3f}). Leave one of them out."
            )
        middle = (window[0] + window[2]) / 2 + 0.5
        factors.append(float(factor))
        focus.append((_fraction(middle[0] / size[0]), _fraction(middle[1] / size[1])))
        crops.append(crop)
    return Views(size, tuple(factors), (*focus, None), tuple(crops))


def _fraction(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _turn_of(matrix: Matrix) -> Array:
    """The rotation in a similarity."""
    linear: Array = matrix[:, :2] / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return linear


def _largest(picture: Size, turn: Array, size: Size, outer: Matrix | None) -> Matrix:
    """From the pixels of a level to those of `picture`: the largest view of the level's shape in it.

    turn: from the picture's axes to upright ones. outer: from pixels of the level before to the picture's; the view
    stays inside that level too.
    """
    around = [corners(picture)] if outer is None else [corners(picture), apply(outer, corners(size))]
    normals, offsets = _sides([polygon @ turn.T for polygon in around])
    aspect = size[1] / size[0]
    reach = np.abs(normals[:, 0]) + aspect * np.abs(normals[:, 1])
    wanted = corners(picture).mean(0) @ turn.T
    half = _largest_half(normals, offsets, reach)
    middle = _nearest(normals, offsets - half * reach, wanted)
    scale = 2 * half / size[0]
    linear = scale * turn.T
    crop = np.column_stack([linear, turn.T @ middle - linear @ np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])])
    whole = np.column_stack([np.eye(2), np.zeros(2)])
    return whole if picture == size and np.abs(apply(crop, corners(size)) - corners(size)).max() < _UPRIGHT_PX else crop


def _sides(polygons: Sequence[Array]) -> tuple[Array, Array]:
    """The half-planes n . x <= d of convex polygons, given clockwise as pictures count (y downwards)."""
    along = np.concatenate([np.roll(polygon, -1, 0) - polygon for polygon in polygons])
    normals = np.stack([along[:, 1], -along[:, 0]], 1) / np.hypot(along[:, 0], along[:, 1])[:, None]
    return normals, (normals * np.concatenate(list(polygons))).sum(1)


def _largest_half(normals: Array, offsets: Array, reach: Array) -> float:
    """Half the width of the largest view: the best vertex of the programme, of which three sides are tight."""
    rows = np.column_stack([normals, reach])
    triples = np.array(list(itertools.combinations(range(len(rows)), 3)))
    systems = rows[triples]
    regular = np.abs(np.linalg.det(systems)) > 1e-9
    points = np.linalg.solve(systems[regular], offsets[triples[regular]][..., None])[..., 0]
    slack = 1e-9 * max(1.0, float(np.abs(offsets).max()))
    inside = (points @ rows.T <= offsets + slack).all(1)
    if not inside.any() or not points[inside, 2].max() > 0:
        raise InvalidInputError("A picture lies outside the one before it, so that no level can be made of it.")
    return float(points[inside, 2].max())


def _nearest(normals: Array, offsets: Array, wanted: Array) -> Array:
    """The point nearest to `wanted` with n . x <= d for all sides: inside, on a side, or where two meet."""
    slack = 1e-7 * max(1.0, float(np.abs(offsets).max()))
    beyond = normals @ wanted - offsets
    candidates = [wanted, *(wanted - beyond[:, None] * normals)]
    for i, j in itertools.combinations(range(len(normals)), 2):
        pair = normals[[i, j]]
        if abs(np.linalg.det(pair)) > 1e-9:
            candidates.append(np.linalg.solve(pair, offsets[[i, j]]))
    points = np.stack(candidates)
    inside = (points @ normals.T <= offsets + slack).all(1)
    found: Array = min(points[inside], key=lambda point: float(np.hypot(*(point - wanted))))
    return found
