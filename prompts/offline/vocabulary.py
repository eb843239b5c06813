"""The words that the bundled model was taught: classes of things, colours, far and near views."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from prompts.offline.data import read

WHITE = "white"
CHANCE = 1.5  # how much of the difference of two colours chance may outweigh
ORDER = ("plain", "near", "far", "near", "far", "plain")  # which views of a class are added as levels become more


@dataclass(frozen=True)
class Class:
    """A rung of the bundled model's world. colours: in which it looks natural. phrases: with {} for the colour."""

    name: str
    size_m: float
    colours: tuple[str, ...]
    phrases: tuple[str, ...]


@functools.cache
def classes() -> tuple[Class, ...]:
    """All classes, largest first."""
    return tuple(
        Class(c["name"], float(c["size_m"]), tuple(c["colours"]), tuple(c["phrases"]))
        for c in read("bundled.yaml")["classes"]
    )


def most() -> int:
    """How many different levels one class can fill."""
    return sum(len(forms) for forms in _forms(classes()[0]).values())


def nearest(size_m: float) -> int:
    """The class whose size is nearest."""
    return min(range(len(classes())), key=lambda i: abs(math.log(classes()[i].size_m / size_m)))


def index_of(name: str) -> int:
    """The place of a class of this name. Raises ValueError where there is none."""
    return [c.name for c in classes()].index(name)


def phrases(kind: Class, colour: str, count: int, rng: Random) -> list[str]:
    """Different phrases for a class, from far to near."""
    forms, rounds = _forms(kind), itertools.cycle(ORDER)
    chosen = dict.fromkeys(forms, 0)
    while sum(chosen.values()) < count:
        view = next(rounds)
        chosen[view] += chosen[view] < len(forms[view])
    said = []
    for view in ("far", "plain", "near"):
        start = rng.randrange(len(kind.phrases))
        said += [forms[view][(start + i) % len(forms[view])] for i in range(chosen[view])]
    return [coloured(form, colour) for form in said]


def _forms(kind: Class) -> dict[str, list[str]]:
    """Every way to say a class, by how near it is; the same phrase in another view comes last."""
    words = read("bundled.yaml")
    views = {view: [form.format(phrase) for form in words[view] for phrase in kind.phrases] for view in ("far", "near")}
    return {**views, "plain": list(kind.phrases)}


def coloured(form: str, colour: str) -> str:
    """A phrase with its colour word, and the article that fits it."""
    return form.replace("{}", colour).replace("a orange", "an orange")


def colours(places: Sequence[int], wanted: Mapping[int, str], rng: Random) -> list[str]:
    """A colour per class: the wanted one, else a natural one, so that hues change little from class to class.

    Squares of the deeper levels show where neighbours differ in colour. Chance has a say among ways that are alike.
    """
    ways: dict[str, tuple[float, list[str]]] = {"": (0.0, [])}
    for place in places:
        choices = [wanted[place]] if place in wanted else classes()[place].colours
        ways = {
            colour: min(
                (cost + _apart(before, colour) + CHANCE * rng.random(), [*way, colour])
                for before, (cost, way) in ways.items()
            )
            for colour in choices
        }
    return min(ways.values())[1]


def colour_in(text: str) -> str | None:
    """The first colour word of a text, None where it has none that the model knows."""
    known = {*read("bundled.yaml")["hues"], WHITE}
    return next((word for word in text.lower().split() if word in known), None)


def _apart(one: str, other: str) -> float:
    """How different two colours are: steps around the ring of hues, squared; white is two from each, "" none."""
    hues = read("bundled.yaml")["hues"]
    if not one or one == other:
        return 0.0
    if WHITE in (one, other):
        return 4.0
    steps = abs(hues.index(one) - hues.index(other))
    return float(min(steps, len(hues) - steps) ** 2)
