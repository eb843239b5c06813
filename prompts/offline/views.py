"""Which thing of a way each level shows, and as what: it fills the view, a part of it does, or it is small in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from prompts.offline.stops import FILLS
from prompts.scales.thing import Thing

SMALLEST, LARGEST = 0.45, 4.0  # how wide a view is at least and at most, in sizes of what fills it
NEAR = math.log(20)  # from this much wider than a thing on, its surroundings are worth showing
FAR = math.log(300)  # and parts of a thing this much larger than the view no longer are
PART = math.log(10)  # in the void between things far apart, parts of the larger one are shown this far down
VOID = math.log(60)  # a thing this much smaller than the view cannot be seen
EDGE = 1e-6  # so that of two views on the edges of a thing's range one shows it
SPACE_M, HAZE_M = 1e8, 2e-11  # from this width upwards, and downwards, what lies between things is empty

Kind = Literal["looks", "detail", "around", "empty"]


@dataclass(frozen=True)
class View:
    """What a level shows. thing: index in the way of what fills the view (looks), of which a part does (detail), or
    which is small in it (around, empty)."""

    kind: Kind
    thing: int
    width_m: float


def views(way: Sequence[Thing], widths: Sequence[float], step: float, kept: Collection[str] = ()) -> tuple[View, ...]:
    """What of a way is seen at each width, true to scale.

    kept: ids of things that were asked for, which go before others that would fill a view as well.
    """
    return tuple(_view(way, w, step, kept) for w in widths)


def spread_views(
    way: Sequence[Thing], widths: Sequence[float], step: float, kept: Collection[str] = ()
) -> tuple[View, ...]:
    """A new thing for every level of a schematic story where the way has as many, else as if true to scale.

    kept: ids of things that must be shown where others are left out.
    """
    if len(way) < len(widths):
        return views(way, widths, step, kept)
    return tuple(View("looks", i, w) for i, w in zip(_spread(way, widths, kept), widths, strict=True))


def _view(way: Sequence[Thing], width_m: float, step: float, kept: Collection[str]) -> View:
    reach = max(math.log(2), math.log(step)) / 2
    fills = [
        i
        for i, thing in enumerate(way)
        if -reach + EDGE < _off(thing, width_m) <= reach + EDGE and SMALLEST <= width_m / thing.size_m <= LARGEST
    ]
    if fills:
        best = min(fills, key=lambda i: (way[i].id not in kept, abs(_off(way[i], width_m))))
        return View("looks", best, width_m)
    larger = max((i for i, t in enumerate(way) if _off(t, width_m) < 0), default=None)
    smaller = min((i for i, t in enumerate(way) if _off(t, width_m) >= 0), default=None)
    if larger is None:
        return _outside(way, 0, width_m)
    if smaller is None:
        return _within(way, len(way) - 1, width_m)
    return _gap(way, larger, smaller, width_m)


def _off(thing: Thing, width_m: float) -> float:
    """How much wider the view is than one that the thing fills, in natural log."""
    return math.log(width_m / (FILLS * thing.size_m))


def _gap(way: Sequence[Thing], larger: int, smaller: int, width_m: float) -> View:
    """Between two things: a part of the larger one, or what is around the smaller one."""
    inside, outside = -_off(way[larger], width_m), _off(way[smaller], width_m)
    if _void(width_m):
        return View("detail", larger, width_m) if inside <= min(outside, PART) else _outside(way, smaller, width_m)
    part = inside <= outside or (outside > NEAR and inside < FAR)
    return View("detail", larger, width_m) if part else _outside(way, smaller, width_m)


def _void(width_m: float) -> bool:
    return not HAZE_M <= width_m <= SPACE_M


def _outside(way: Sequence[Thing], index: int, width_m: float) -> View:
    return View("empty" if _void(width_m) and _off(way[index], width_m) > VOID else "around", index, width_m)


def _within(way: Sequence[Thing], index: int, width_m: float) -> View:
    """Deeper than the last thing of the way."""
    return View("empty" if _void(width_m) and -_off(way[index], width_m) > VOID else "detail", index, width_m)


def _spread(way: Sequence[Thing], widths: Sequence[float], kept: Collection[str]) -> list[int]:
    """One thing per width, falling, the first and the last of the way included: nearest in size, kept ones first."""
    count, last = len(widths), len(way) - 1
    cost = [[_cost(t, w, kept) for t in way] for w in widths]
    best: list[dict[int, tuple[float, int]]] = [{0: (cost[0][0], -1)}]
    for level in range(1, count):
        row: dict[int, tuple[float, int]] = {}
        for i in range(level, last - (count - 1 - level) + 1):
            before = min(((c, j) for j, (c, _) in best[-1].items() if j < i), default=None)
            if before is not None:
                row[i] = (before[0] + cost[level][i], before[1])
        best.append(row)
    chosen = [last] if count > 1 else [0]
    for level in range(count - 1, 0, -1):
        chosen.insert(0, best[level][chosen[0]][1])
    return chosen


def _cost(thing: Thing, width_m: float, kept: Collection[str]) -> float:
    return _off(thing, width_m) ** 2 - (1e6 if thing.id in kept else 0.0)
