"""What runs are called where they are compared: arms, the shortest names that keep apart what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from evaluation.cards import RunCard
from evaluation.configurations import settings

_SHOWN = ("film", "scores", "seed", "model", "method", "sampling")
"""Parts of a configuration that say how a run is shown and judged, or that stand in its arm already."""
_REVISION = 8


def arms_of(cards: Sequence[RunCard], given: Mapping[str, str]) -> dict[str, str]:
    """An arm for each run, by its id: the name in `given`, or its variant with what else keeps it from another run.

    Settings that all variants have in common are left out.
    Runs of one variant but of several models are told apart by the model. Runs of one variant, story and seed are told
    apart by those settings in which they differ, and by their ids where there are none. Where only seeds differ, each
    is an arm of its own.
    """
    free = [card for card in cards if card.id not in given]
    arms = {**_shortened(free), **{card.id: given[card.id] for card in cards if card.id in given}}
    _split(arms, free, cards, lambda card: card.model, lambda card: f"model={card.model}")
    _split(arms, free, cards, lambda card: card.model_revision, _revision)
    if len(set(arms.values())) == 1 and len({card.story for card in cards}) == 1:
        _split(arms, free, cards, lambda card: card.seed, lambda card: f"seed={card.seed}")
    _tell_doubles_apart(arms, free)
    return arms


def differing(cards: Sequence[RunCard], *, without: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """The settings in which runs differ, by dotted path: what each run has, in order; empty where it has none."""
    leaves = [dict(settings(card.config)) for card in cards]
    names = dict.fromkeys(name for one in leaves for name in one)
    rows = {name: tuple(one.get(name, "") for one in leaves) for name in names}
    hidden = tuple(without)
    return {name: row for name, row in rows.items() if len(set(row)) > 1 and name.partition(".")[0] not in hidden}


def _shortened(cards: Sequence[RunCard]) -> dict[str, str]:
    """Variants by run id, without the settings that several different ones share."""
    words = {card.variant: card.variant.split(" ") for card in cards}
    shared = set.intersection(*(set(one[1:]) for one in words.values())) if len(words) > 1 else set()
    return {
        card.id: " ".join([words[card.variant][0], *(word for word in words[card.variant][1:] if word not in shared)])
        for card in cards
    }


def _split(
    arms: dict[str, str],
    free: Sequence[RunCard],
    cards: Sequence[RunCard],
    by: Callable[[RunCard], Hashable],
    word: Callable[[RunCard], str],
) -> None:
    """Lengthen the names of arms that hold runs with several values of `by`."""
    held: dict[str, set[Hashable]] = defaultdict(set)
    for card in cards:
        held[arms[card.id]].add(by(card))
    for card, arm in [(card, arms[card.id]) for card in free]:
        if len(held[arm]) > 1:
            arms[card.id] = f"{arm} {word(card)}"


def _tell_doubles_apart(arms: dict[str, str], free: Sequence[RunCard]) -> None:
    groups: dict[tuple[str, str, int], list[RunCard]] = defaultdict(list)
    for card in free:
        groups[arms[card.id], card.story, card.seed].append(card)
    # A setting that keeps two runs of a story apart belongs to the arm's name in every story.
    telling: dict[str, dict[str, None]] = defaultdict(dict)
    for (arm, _, _), group in groups.items():
        telling[arm].update(dict.fromkeys(differing(group, without=_SHOWN)) if len(group) > 1 else {})
    for card in free:
        own = dict(settings(card.config))
        words = [f"{name}={own.get(name, '')}" for name in telling[arms[card.id]]]
        arms[card.id] = " ".join([arms[card.id], *words])
    again: dict[tuple[str, str, int], list[RunCard]] = defaultdict(list)
    for card in free:
        again[arms[card.id], card.story, card.seed].append(card)
    for group in again.values():
        for card in group if len(group) > 1 else ():
            arms[card.id] += f" {card.id}"


def _revision(card: RunCard) -> str:
    return f"revision={card.model_revision[:_REVISION]}"
