"""Who sees which pairs, in which order, on which side: pure functions of the seed and the participant's number.

Participants are dealt hands from decks: a deck holds every pair once, and the next one is begun when it is used up. So
after any number of participants every pair was shown equally often, up to one, and from deck to deck its films change
sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from random import Random

from evaluation.study.plan import Design, Kind, Pair, Study


@dataclass(frozen=True)
class Trial:
    """One question: the pair, why it is asked, and whether the pair's second film is on the left."""

    pair: str
    kind: Kind
    swapped: bool


def trials(study: Study, slot: int) -> tuple[Trial, ...]:
    """What participant number `slot` (from 0) is asked, in order: random, but the same whenever it is asked for.

    Repeats come in the last third, after other pairs; catch trials anywhere but first.
    """
    design = study.design
    rng = Random(f"{design.seed}/order/{slot}")
    hand = next(islice(hands(study.pairs, design), slot, None))
    return _with_catches(_with_repeats(hand, design.repeats, rng), study.catches, slot, rng)


def hands(pairs: Sequence[Pair], design: Design) -> Iterator[list[Trial]]:
    """The pairs of one participant after the other, without end. A participant never gets a pair twice.

    The design must not ask for more pairs than there are.
    """
    each, sides = design.pairs, _sides(pairs, Random(f"{design.seed}/sides"))
    rest: list[Trial] = []
    for turn in count():
        deck = [
            Trial(pair.id, "pair", sides[pair.id] ^ bool(turn % 2))
            for pair in _shuffled(pairs, Random(f"{design.seed}/deck/{turn}"))
        ]
        if rest:  # whoever takes the last cards of a deck gets none of them again from the next one
            held = {trial.pair for trial in rest}
            more = [trial for trial in deck if trial.pair not in held][: each - len(rest)]
            yield rest + more
            deck = [trial for trial in deck if trial not in more]
        while len(deck) >= each:
            yield deck[:each]
            deck = deck[each:]
        rest = deck


def _shuffled(pairs: Sequence[Pair], rng: Random) -> list[Pair]:
    """The pairs in random order, such that any stretch has its share of every two arms."""
    placed = []
    for group in _by_arms(pairs):
        rng.shuffle(group)
        offset = rng.random()
        placed += [((place + offset) / len(group), pair.id, pair) for place, pair in enumerate(group)]
    return [pair for _, _, pair in sorted(placed, key=lambda item: item[:2])]


def _sides(pairs: Sequence[Pair], rng: Random) -> dict[str, bool]:
    """Which pairs begin with their second film on the left: half of those of the same two arms."""
    sides: dict[str, bool] = {}
    for group in _by_arms(pairs):
        rng.shuffle(group)
        first = rng.random() < 0.5
        sides |= {pair.id: bool(place % 2) ^ first for place, pair in enumerate(group)}
    return sides


def _by_arms(pairs: Sequence[Pair]) -> list[list[Pair]]:
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.arms].append(pair)
    return list(groups.values())


def _with_repeats(hand: Sequence[Trial], repeats: int, rng: Random) -> list[Trial]:
    """The hand in random order; some trials of its first half come again near the end, their sides swapped."""
    order = list(hand)
    rng.shuffle(order)
    early = max(repeats, (len(order) + 1) // 2)
    again = [Trial(trial.pair, "repeat", not trial.swapped) for trial in rng.sample(order[:early], repeats)]
    late = max(len(order) - len(order) // 3, early)
    end = order[late:] + again
    rng.shuffle(end)
    return order[:late] + end


def _with_catches(order: Sequence[Trial], catches: Sequence[Pair], slot: int, rng: Random) -> tuple[Trial, ...]:
    """The trials with those whose answer is known among them; their sides change from participant to participant."""
    asked = list(order)
    for number, pair in enumerate(catches):
        asked.insert(rng.randint(1, len(asked)), Trial(pair.id, "catch", bool((slot + number) % 2)))
    return tuple(asked)
