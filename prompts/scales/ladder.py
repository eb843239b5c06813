"""The ladder: every thing by its id, what is met in what, from the observable universe down to a quark.

Surroundings are larger than the things in them, so that no way goes round, and every way up ends at the root.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prompts.scales.reading import ROOT, LadderError, Source, read_folder
from prompts.scales.thing import Thing

__all__ = ["Ladder", "LadderError", "Source", "inside", "ladder", "path_exists", "read", "root", "thing", "things"]

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Ladder:
    """Things, largest first, with what follows from their surroundings.

    by_id: every thing. inside: things met directly in one, largest first. above: ids of everything in which one lies,
    at any depth. sources: the works in which sizes can be looked up, by their keys.
    """

    things: tuple[Thing, ...]
    by_id: Mapping[str, Thing]
    inside: Mapping[str, tuple[Thing, ...]]
    above: Mapping[str, frozenset[str]]
    sources: Mapping[str, Source]


def read(folder: Path) -> Ladder:
    """The ladder of the data files in a folder. Raises LadderError for faulty data."""
    found, sources = read_folder(folder)
    within: dict[str, list[Thing]] = {t.id: [] for t in found}
    above: dict[str, frozenset[str]] = {}
    for t in found:  # surroundings are larger, so they come first
        for outer in t.surroundings:
            within[outer].append(t)
        above[t.id] = frozenset(t.surroundings).union(*(above[outer] for outer in t.surroundings))
    return Ladder(found, {t.id: t for t in found}, {id: tuple(ts) for id, ts in within.items()}, above, sources)


@functools.cache
def ladder() -> Ladder:
    """The ladder that is shipped, read once."""
    return read(DATA)


def things() -> tuple[Thing, ...]:
    """All things, largest first."""
    return ladder().things


def thing(id: str) -> Thing:
    """The thing of an id. Raises KeyError where there is none."""
    return ladder().by_id[id]


def root() -> Thing:
    """The largest thing, in which all others lie."""
    return thing(ROOT)


def inside(id: str) -> tuple[Thing, ...]:
    """The things met directly in one, largest first."""
    return ladder().inside[id]


def path_exists(outer: str, inner: str) -> bool:
    """Whether a way leads from `outer` down to `inner` through things met in each other; not from one to itself."""
    return outer in ladder().above[inner]
