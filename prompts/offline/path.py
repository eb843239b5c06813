"""Ways through the ladder: from a larger thing to a smaller one, through what each is met in, chosen by seed."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from prompts.scales.ladder import inside, ladder, root, things
from prompts.scales.thing import Thing

HOME = "earth"  # what is met there as well as elsewhere is sought there
TRIES = 10  # ways drawn, of which the one with the most even sizes is taken
FIRST = 3.0  # how much more the first step inwards counts than others
NEAR = math.log(3)  # how far in log size a thing may be from a width that it stands for
ROOM = 0.7  # a thing that is placed in another is at most this much of its size
PLACE, PLACED = 100.0, 3.0  # how much larger than what is placed its own surroundings may be, and what holds it is
OPEN = ("cosmos", "earth", "city", "matter")  # domains whose things have room for others
LIVING, MADE = ("plants", "animals", "body"), ("city", "machines")


@dataclass(frozen=True)
class Way:
    """Things from the largest to the smallest, each met in the one before.

    bridges: pairs (outer, inner) of neighbours that are not met in each other and are placed so.
    """

    things: tuple[Thing, ...]
    bridges: tuple[tuple[Thing, Thing], ...] = ()


def join(stops: Sequence[Thing], rng: random.Random) -> Way:
    """The way through all stops, which come largest first."""
    chain, bridges = [stops[0]], []
    for outer, inner in itertools.pairwise(stops):
        between, bridge = _between(outer, inner, rng)
        chain += [*between, inner]
        bridges += bridge
    return Way(_falling(chain, {id(stop) for stop in stops}), tuple(bridges))


def from_root(thing: Thing, rng: random.Random) -> tuple[Thing, ...]:
    """A way from the largest thing to this one, which comes last."""
    return () if thing.id == root().id else (root(), *_between(root(), thing, rng)[0])


def to_end(thing: Thing, rng: random.Random) -> tuple[Thing, ...]:
    """A way from a thing, which is left out, to a smallest one; what it begins with is not far smaller, if possible."""

    def unevenness(chain: list[Thing]) -> tuple[int, float]:
        return _strays(chain, chain[-1]), _roughness(chain) + FIRST * _roughness(chain[:2])

    return tuple(min((_down(thing, rng) for _ in range(TRIES)), key=unevenness)[1:])


def _down(thing: Thing, rng: random.Random) -> list[Thing]:
    chain = [thing]
    while within := _inside(chain[-1]):
        chain.append(rng.choice(_seen(within)))
    return chain


def of_width(width_m: float, within: Thing | None, rng: random.Random) -> Thing:
    """A thing that fills a view of this width; one that is met in `within` where there is any near the width."""
    pool = [t for t in things() if within is None or _leads(within, t)] or list(things())
    near = [t for t in pool if abs(math.log(t.size_m / width_m)) <= NEAR]
    near = [t for t in near if HOME in (t.id, *ladder().above[t.id])] or near
    return rng.choice(near) if near else min(pool, key=lambda t: abs(math.log(t.size_m / width_m)))


def _inside(thing: Thing) -> tuple[Thing, ...]:
    return inside(thing.id) if thing.id in ladder().by_id else ()


def _leads(outer: Thing, inner: Thing) -> bool:
    return inner.id in ladder().by_id and outer.id in ladder().above[inner.id]


def _between(outer: Thing, inner: Thing, rng: random.Random) -> tuple[list[Thing], list[tuple[Thing, Thing]]]:
    """What lies between two things, and where a bridge was needed."""
    if _leads(outer, inner):
        home = ladder().by_id[HOME]
        stops = (outer, home, inner) if _leads(outer, home) and _leads(home, inner) else (outer, inner)
        legs = [_most_even([_walk(a, b, rng) for _ in range(TRIES)])[1:] for a, b in itertools.pairwise(stops)]
        return [t for leg in legs for t in leg][:-1], []
    if inner.id not in ladder().by_id:
        return _to_own(outer, inner, rng), []
    above = [t for t in things() if _leads(t, inner) and inner.size_m < t.size_m <= outer.size_m * ROOM]
    above = [t for t in above if not _aside(outer.domain, t.domain, outer.domain)]
    near = [t for t in above if t.size_m <= inner.size_m * PLACE] or above[-1:]
    kin = [t for t in near if t.domain == outer.domain] or (near if outer.size_m > inner.size_m * PLACE else [])
    bridge = rng.choice(kin) if kin else inner
    inwards = [t for t in to_end(outer, rng) if t.size_m * ROOM > bridge.size_m * PLACED]
    onwards = [bridge, *_between(bridge, inner, rng)[0]] if kin else []
    return [*inwards, *onwards], [(inwards[-1] if inwards else outer, bridge)]


def _to_own(outer: Thing, own: Thing, rng: random.Random) -> list[Thing]:
    """A way to a thing that is not on the ladder: to a place of the right size in the outer one."""
    places = [t for t in things() if _leads(outer, t) and own.size_m * PLACED < t.size_m]
    open_ones = [t for t in places if t.domain in OPEN] or places
    if not open_ones:
        return []
    place = rng.choice([t for t in open_ones if t.size_m <= open_ones[-1].size_m * PLACED])
    return [*_between(outer, place, rng)[0], place]


def _walk(outer: Thing, inner: Thing, rng: random.Random) -> list[Thing]:
    chain = [outer]
    while chain[-1].id != inner.id:
        onwards = [t for t in inside(chain[-1].id) if t.id == inner.id or _leads(t, inner)]
        chain.append(rng.choice(_seen(onwards, inner)))
    return chain


def _seen(within: Sequence[Thing], asked: Thing | None = None) -> Sequence[Thing]:
    """Those of the things that are seen from outside, all where none is; the one that was asked for is."""
    return [t for t in within if not t.hidden or (asked and t.id == asked.id)] or within


def _most_even(chains: list[list[Thing]]) -> list[Thing]:
    """The chain with the fewest steps aside, and of those the one whose steps in log size are smallest, large ones
    counting most."""
    return min(chains, key=lambda chain: (_strays(chain[:-1], chain[-1]), _roughness(chain)))


def _strays(chain: list[Thing], end: Thing) -> int:
    """Steps aside: into a body; from a living thing to another or to a made one, as a person's watch or a snail on a
    leaf on the way to an atom; from nature to what people made and back to nature."""
    return sum(b.hidden or _aside(a.domain, b.domain, end.domain) for a, b in itertools.pairwise(chain))


def _aside(before: str, domain: str, end: str) -> bool:
    if domain in (before, end):
        return False
    if before in LIVING:
        return domain in LIVING or domain in MADE
    return domain in MADE and before not in MADE and end not in (*MADE, "body")


def _roughness(chain: list[Thing]) -> float:
    return sum(math.log(a.size_m / b.size_m) ** 2 for a, b in itertools.pairwise(chain))


def _falling(chain: list[Thing], kept: set[int]) -> tuple[Thing, ...]:
    """The chain without things that are not clearly smaller than the one before; stops that were named stay."""
    falling: list[Thing] = []
    for thing in chain:
        if id(thing) in kept:
            while falling and id(falling[-1]) not in kept and falling[-1].size_m <= thing.size_m * 1.05:
                falling.pop()
            falling.append(thing)
        elif not falling or thing.size_m < falling[-1].size_m * 0.95:
            falling.append(thing)
    return tuple(falling)
