"""Which runs are shown beside each other: two arms on the same story and seed, in all else as alike as possible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from evaluation.cards import RunCard
from zoomlib.errors import InvalidInputError

Arms = tuple[str, str]


@dataclass(frozen=True)
class Match:
    """Two runs of the two `arms`, in this order. unlike: in what else they differ, empty if in nothing."""

    arms: Arms
    runs: tuple[RunCard, RunCard]
    unlike: str = ""


def compared(arms: Sequence[str], chosen: Sequence[str] = (), baseline: str | None = None) -> tuple[Arms, ...]:
    """Which two arms of `arms` are compared: all, those `chosen`, or each with the `baseline` alone.

    Raises InvalidInputError for arms that there are not, and for fewer than two.
    """
    for name in (*chosen, *([] if baseline is None else [baseline])):
        if name not in arms:
            raise InvalidInputError(f"There is no arm {name!r} among these runs. Choose from: {', '.join(arms)}.")
    kept = [arm for arm in arms if not chosen or arm in chosen or arm == baseline]
    if len(kept) < 2:
        raise InvalidInputError(
            f"A study compares at least two arms, here is {' and '.join(kept) or 'none'}. Name more runs, or a sweep."
        )
    if baseline is None:
        return tuple(combinations(kept, 2))
    return tuple((arm, baseline) for arm in kept if arm != baseline)


def matches(
    cards: Iterable[RunCard], arm_of: Mapping[str, str], arms: Sequence[Arms]
) -> tuple[tuple[Match, ...], tuple[str, ...]]:
    """Pairs of runs for every two `arms` to be compared, by story and seed; and notes on what could not be paired well.

    Where a story and seed was run in several ways (models, factors), runs of the same way are paired; runs that differ
    only where there is nothing else. Raises InvalidInputError where nothing can be paired.
    """
    spots: dict[tuple[str, int], dict[str, list[RunCard]]] = defaultdict(lambda: defaultdict(list))
    for card in sorted(cards, key=lambda card: (card.story, card.seed, card.id)):
        spots[card.story, card.seed][arm_of[card.id]].append(card)
    found, alone = [], 0
    for here in spots.values():
        for two in arms:
            found += _paired(two, here[two[0]], here[two[1]])
            alone += bool(here[two[0]]) != bool(here[two[1]])
    if not found:
        told = ", ".join(f"{first} and {second}" for first, second in arms)
        raise InvalidInputError(
            f"No story was run with the same seed by both of two arms ({told}). Run both of them on the same stories "
            "and seeds: tenfold sweep does."
        )
    return tuple(found), tuple(_notes(found, alone))


def _paired(arms: Arms, first: Sequence[RunCard], second: Sequence[RunCard]) -> list[Match]:
    ways = {_way(card): card for card in reversed(first)}
    others = {_way(card): card for card in reversed(second)}
    same = [Match(arms, (ways[way], others[way])) for way in sorted(ways.keys() & others.keys())]
    if same or not first or not second:
        return same
    one, other = min(product(first, second), key=lambda two: len(_unlike(*two)))
    return [Match(arms, (one, other), ", ".join(_unlike(one, other)))]


def _way(card: RunCard) -> tuple[str, ...]:
    """What two films should share besides story and seed."""
    return card.model, card.model_revision, repr(card.p), "\n".join(card.prompts)


def _unlike(one: RunCard, other: RunCard) -> list[str]:
    told = {
        "model": (one.model, other.model),
        "revision of the model": (one.model_revision, other.model_revision),
        "p": (_factor(one.p), _factor(other.p)),
        "levels": (len(one.prompts), len(other.prompts)),
    }
    differing = [f"{name} {a} and {b}" for name, (a, b) in told.items() if a != b]
    return differing + ["prompts"] * (one.prompts != other.prompts and "levels" not in "".join(differing))


def _factor(p: float | tuple[float, ...]) -> str:
    return f"{p:g}" if isinstance(p, float) else "by step"


def _notes(found: Sequence[Match], alone: int) -> Iterable[str]:
    unlike = [match for match in found if match.unlike]
    if unlike:
        one = unlike[0]
        yield (
            f"{len(unlike)} of {len(found)} pairs differ in more than their arms, as "
            f"{one.runs[0].story}, seed {one.runs[0].seed}: {one.unlike}."
        )
    if alone:
        yield f"{alone} more pairs would be there if both of their arms had been run on the same stories and seeds."
