"""What was asked for to a way through the ladder with a width per level: everything of a story but its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from prompts.offline.lengths import DEEPEST, EXACT, SLACK, WIDEST, Lengths, Room, around, fit
from prompts.offline.path import Way, from_root, join, of_width, to_end
from prompts.offline.stops import FILLS, Stop
from prompts.offline.understanding import SAME, Wish
from prompts.offline.views import View, spread_views, views
from prompts.request import PlanRequest
from prompts.scales.ladder import root
from prompts.scales.thing import Thing

LEAST_ROOM = 1.5  # factor by which the view of any thing may be wider or narrower than usual
BELOW = 64.0  # how far below a thing without insides its parts are shown


@dataclass(frozen=True)
class Outline:
    """A way, the grid of its levels, and what each level shows. ends: names of the two, for the title."""

    way: tuple[Thing, ...]
    lengths: Lengths
    views: tuple[View, ...]
    ends: tuple[str, ...]
    notes: tuple[str, ...]


def outline(request: PlanRequest, wish: Wish, rng: Random) -> Outline:
    """The outline of a wish; every choice is drawn from `rng`. Raises PlanError for lengths that cannot be."""
    apart = _apart(wish)
    if len(apart.stops) == 1:
        return _single(request, apart, rng)
    wide, deep = apart.stops[0], apart.stops[-1]
    inner = deep.thing or of_width(deep.size_m / FILLS, _last_thing(apart.stops), rng)
    named = [s.thing for s in apart.stops[:-1] if s.thing]
    way = join([*named, inner], rng) if named else Way((inner,))
    if wide.thing is None and not apart.photograph:
        way = replace(way, things=(*_from(wide.size_m, way.things[0], rng), *way.things))
    ends = wide.view_m, deep.view_m
    room = Room(_room(wide, True), _room(deep, False), exact=deep.thing is None and not apart.photograph)
    lengths = fit(ends, request.levels, request.p, room=room)
    kept = {s.thing.id for s in apart.stops if s.thing}
    shown = _shown(way.things, lengths, kept)
    return Outline(
        way.things, lengths, shown, (wide.name, deep.name), (*apart.notes, *lengths.notes, *_bridges(way, shown))
    )


def _apart(wish: Wish) -> Wish:
    """The wish without ends that are as large as each other: the smallest thing alone where nothing else is left."""
    first, last = wish.stops[0], wish.stops[-1]
    if len(wish.stops) == 1 or first.size_m > last.size_m * SAME:
        return wish
    note = f"{first.name} and {last.name} are about as large as each other, so the zoom is around the latter."
    return Wish((last,), (*wish.notes, note))


def _last_thing(stops: Sequence[Stop]) -> Thing | None:
    return next((s.thing for s in reversed(stops) if s.thing), None)


def _single(request: PlanRequest, wish: Wish, rng: Random) -> Outline:
    """One thing, from its surroundings to its insides."""
    stop = wish.stops[0]
    thing = stop.thing or of_width(stop.size_m / FILLS, None, rng)
    above = from_root(thing, rng)
    if stop.within is not None and stop.within.size_m > thing.size_m:
        above = (*from_root(stop.within, rng), *join([stop.within, thing], rng).things[:-1])
    below = to_end(thing, rng)
    larger, smaller = (t for t in above if t.size_m > thing.size_m), (t for t in below if t.size_m < thing.size_m)
    way = (*larger, thing, *smaller)
    smallest = way[-1].size_m if below else thing.size_m / BELOW
    lengths = around(
        FILLS * thing.size_m, request.levels, request.p, (smallest, max(FILLS * root().size_m, FILLS * thing.size_m))
    )
    way = _cut(way, lengths) if not lengths.schematic else way
    shown = _shown(way, lengths, {thing.id})
    return Outline(way, lengths, shown, (stop.name,), (*wish.notes, *lengths.notes))


def _shown(way: tuple[Thing, ...], lengths: Lengths, kept: set[str]) -> tuple[View, ...]:
    widths = lengths.widths()
    return (spread_views if lengths.schematic else views)(way, widths, lengths.step, kept)


def _cut(way: tuple[Thing, ...], lengths: Lengths) -> tuple[Thing, ...]:
    """The things that come into view, and one that is larger than all views, one that is smaller."""
    widths = lengths.widths()
    larger = max((i for i, t in enumerate(way) if t.size_m > widths[0] * 1.5), default=0)
    smaller = min((i for i, t in enumerate(way) if t.size_m * 4 < widths[-1]), default=len(way) - 1)
    return way[larger : max(smaller, larger) + 1]


def _from(width_m: float, thing: Thing, rng: Random) -> tuple[Thing, ...]:
    """A way to a thing from what fills a view of this width, or is a little larger."""
    above = [t for t in from_root(thing, rng) if t.size_m > thing.size_m]
    fitting = [t for t in above if t.size_m <= width_m]
    larger = [t for t in above if t.size_m > width_m]
    if larger and (not fitting or fitting[0].size_m * 2 * SLACK < width_m):
        return (larger[-1], *fitting)
    return tuple(fitting)


def _room(stop: Stop, wide: bool) -> tuple[float, float]:
    """How narrow and how wide the view of an end may be."""
    if stop.thing is None:
        return (stop.size_m, stop.size_m) if wide else (max(DEEPEST, stop.size_m / EXACT), stop.size_m * EXACT)
    size, (low, high) = stop.thing.size_m, stop.thing.range_m
    return (
        max(DEEPEST, FILLS * min(size / LEAST_ROOM, max(low, size / SLACK))),
        min(WIDEST, FILLS * max(size * LEAST_ROOM, min(high, size * SLACK))),
    )


def _bridges(way: Way, shown: Sequence[View]) -> tuple[str, ...]:
    """Notes on things that are placed where they are not met."""
    notes = []
    for outer, inner in way.bridges:
        index = next(i for i, t in enumerate(way.things) if t.id == inner.id)
        level = next((i for i, v in enumerate(shown) if v.thing >= index), len(shown) - 1)
        where = f"level {level} places it there" if level else "it is placed there"
        what, place = inner.centre, outer.centre
        notes.append(f"{what[:1].upper()}{what[1:]} is not usually met in {place}; {where}.")
    return tuple(notes)
