"""The scale ladder in a terminal: all things by size, or one with its surroundings and insides."""

from __future__ import annotations

from collections.abc import Iterable

from flows.terminal import plain, table
from prompts.scales.ladder import inside, ladder, thing, things
from prompts.scales.naming import find, nearest
from prompts.scales.thing import Thing
from prompts.scales.units import say_length
from tasks.errors import RefusedError


def show_all() -> None:
    """Print every thing, the largest first."""
    rows = [
        (say_length(one.size_m), one.names[0], one.domain, _names(map(thing, one.surroundings))) for one in things()
    ]
    table(("size", "thing", "domain", "met in"), rows, folding="met in")
    print(f'\n{len(rows)} things. More of one: tenfold ladder NAME. A zoom: tenfold zoom "from a galaxy to a leaf"')


def show_one(name: str) -> None:
    """Print a thing's size, wording, surroundings and insides. Raises RefusedError where no thing is called so."""
    one = _named(name)
    low, high = map(say_length, one.range_m)
    print(f"{one.names[0]}: {say_length(one.size_m)} across, usually {low} to {high}")
    facts = {
        "Also called": ", ".join(one.names[1:]),
        "Met in": _names(map(thing, one.surroundings)),
        "In it": _names(inside(one.id)),
        "Looks like": one.looks,
        "Nearer": one.detail,
        "Around it": one.around,
        "Size from": str(ladder().sources[one.source]),
    }
    for head, words in facts.items():
        if words:
            print(f"{head:<12} {plain(words)}")


def _named(name: str) -> Thing:
    ids = {one.id: one for one in things()}
    if name in ids:
        return ids[name]
    found = find(name)
    if found:
        return found[0].thing
    close = nearest(name, 3)
    mean = f"Did you mean {' or '.join(close)}? " if close else ""
    raise RefusedError(f"The ladder has no thing called {name!r}. {mean}`tenfold ladder` lists all.")


def _names(several: Iterable[Thing]) -> str:
    return ", ".join(one.names[0] for one in several)
