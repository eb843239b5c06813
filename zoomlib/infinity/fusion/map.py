"""How much each of several places counts at a pixel: nearest places, averaged over a box, in whole numbers.

The nearest place changes at a few columns of a pixel row only, so that a row is a list of intervals. Counts of pixels
in them are exact integers, wherever on the plane they are asked for and in whichever tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_EXACT = 2**29  # coordinates below it have squares whose sums an int64 holds


class Site(NamedTuple):
    """A place in pixels' and the number of what lies there."""

    y: int
    x: int
    number: int


class Ruler(NamedTuple):
    """Pixels' first, first + step, ..., so many as `places`, along one axis."""

    first: int
    step: int
    places: int

    @property
    def last(self) -> int:
        """The last of them."""
        return self.first + self.step * (self.places - 1)


class Box(NamedTuple):
    """Pixels about each pixel p: rows [p - before, p - before + height), columns [p - before, p - before + width)."""

    before: int
    height: int
    width: int


def sites_near(
    sites: Sequence[Site], rows: tuple[int, int], columns: tuple[int, int], period: int | None
) -> list[Site]:
    """The sites, or their repetitions after `period` columns, that may be nearest to a pixel of the area.

    rows and columns: first and last, both counted. In the order of their places, in which the first of two that are
    equally near counts as the nearer.
    """
    shown = [image for site in sites for image in _images(site, columns, period)]
    within = min(_farthest(site, rows, columns) for site in shown)
    return sorted(site for site in shown if _nearest(site, rows, columns) <= within)


def _images(site: Site, columns: tuple[int, int], period: int | None) -> list[Site]:
    if period is None:
        return [site]
    # The last repetition before the area, those in it, and the first one after it: all others are farther.
    first, stop = (columns[0] - site.x) // period, -((site.x - columns[1]) // period) + 1
    return [site._replace(x=site.x + k * period) for k in range(first, stop)]


def _farthest(site: Site, rows: tuple[int, int], columns: tuple[int, int]) -> int:
    return max((site.y - y) ** 2 for y in rows) + max((site.x - x) ** 2 for x in columns)


def _nearest(site: Site, rows: tuple[int, int], columns: tuple[int, int]) -> int:
    down = max(rows[0] - site.y, site.y - rows[1], 0)
    across = max(columns[0] - site.x, site.x - columns[1], 0)
    return down**2 + across**2


def present(sites: Sequence[Site], rows: tuple[int, int], columns: tuple[int, int]) -> set[int]:
    """The numbers of the sites that are nearest to some pixel of the area. sites: as `sites_near` gives for it."""
    height, width = rows[1] - rows[0] + 1, columns[1] - columns[0] + 1
    near = _seen_from(sites, rows[0], columns[0])
    found = set()
    for place, site in enumerate(near):
        lo, hi = _interval(near, place, height, width)
        if (hi > lo).any():
            found.add(site.number)
    return found


def counted(sites: Sequence[Site], rows: Ruler, columns: Ruler, box: Box, numbers: int) -> Integers:
    """Of each number, how many pixels of a box are nearest to it, for the box of each place: (numbers, rows, columns).

    sites: sorted, such as `sites_near` gives for the area of all boxes.
    """
    top, left = rows.first - box.before, columns.first - box.before
    height, width = rows.last - rows.first + box.height, columns.last - columns.first + box.width
    near = _seen_from(sites, top, left)
    begins = np.arange(columns.places, dtype=np.int64) * columns.step
    tops = np.arange(rows.places, dtype=np.int64) * rows.step
    out = np.zeros((numbers, rows.places, columns.places), dtype=np.int64)
    for place, site in enumerate(near[:-1]):
        lo, hi = _interval(near, place, height, width)
        reached = np.minimum(hi[:, None], begins + box.width)
        reached -= np.maximum(lo[:, None], begins)
        np.maximum(reached, 0, out=reached)
        total = np.zeros((height + 1, columns.places), dtype=np.int64)
        np.cumsum(reached, axis=0, out=total[1:])
        out[site.number] += total[tops + box.height] - total[tops]
    out[near[-1].number] += box.height * box.width - out.sum(0)
    return out


def turns(columns: Ruler, blur_px: int, period: int | None) -> list[tuple[int, Ruler, int]]:
    """Boxes blur_px wide about columns, as parts to be added up: how often, about which columns, how wide.

    A box that is wider than a plane goes around in holds whole turns, which are the same wherever they begin: they are
    counted once, about one column, and not for each of the many repetitions in them.
    """
    whole, rest = (0, blur_px) if period is None else divmod(blur_px, period)
    parts = [] if not whole or period is None else [(whole, columns._replace(places=1), period)]
    return [*parts, (1, columns, rest)] if rest else parts


def _seen_from(sites: Sequence[Site], y: int, x: int) -> list[Site]:
    return [site._replace(y=site.y - y, x=site.x - x) for site in sites]


def _interval(sites: Sequence[Site], place: int, height: int, width: int) -> tuple[Integers, Integers]:
    """The columns [lo, hi) of each row 0 ... height-1 that are nearest to one of the sites, cut to 0 ... width."""
    mine = sites[place]
    small = all(abs(site.y) < _EXACT and abs(site.x) < _EXACT for site in sites)
    y: Any = np.arange(height, dtype=np.int64 if small else object)  # whole numbers of any size where it takes them
    lo, hi = np.zeros(height, dtype=y.dtype), np.full(height, width, dtype=y.dtype)
    for other, site in enumerate(sites):
        if other == place:
            continue
        # |p - mine|^2 <= |p - site|^2, or < where the other one comes first: 2 x across <= bound.
        across = site.x - mine.x
        bound = (site.x**2 - mine.x**2) + (site.y - y) ** 2 - (mine.y - y) ** 2 - (other < place)
        if across > 0:
            hi = np.minimum(hi, bound // (2 * across) + 1)
        elif across < 0:
            lo = np.maximum(lo, -(bound // (-2 * across)))
        else:
            hi = np.where(bound >= 0, hi, 0)
    hi = np.maximum(hi, lo)
    return np.clip(lo, 0, width).astype(np.int64), np.clip(hi, 0, width).astype(np.int64)
