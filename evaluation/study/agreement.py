"""How far people agree in their choices, beyond what chance would have them agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """Of questions that several people answered: alpha, the share of pairs of answers that agree, and their number.

    alpha: 1 full agreement, 0 as by chance; None where nothing is defined: nobody shares a question, or all answers
    are alike. observed: None in the first case.
    """

    alpha: float | None
    observed: float | None
    questions: int
    answers: int


def agreement(choices: Iterable[tuple[Hashable, Hashable, str]]) -> Agreement:
    """Krippendorff's alpha for nominal values (Computing Krippendorff's Alpha-Reliability, 2011) of (group, question,
    choice), each by another person.

    Choices of one group are from the same values, the names of two arms. What chance would do is found in each group
    and added up, so that choices that nobody could have made are not expected; for one group it is the textbook's.
    """
    counts: dict[Hashable, dict[Hashable, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for group, question, choice in choices:
        counts[group][question][choice] += 1
    kept = [[one for one in group.values() if sum(one.values()) > 1] for group in counts.values()]
    kept = [group for group in kept if group]
    answers = sum(sum(one.values()) for group in kept for one in group)
    apart = sum(_apart(one) / (sum(one.values()) - 1) for group in kept for one in group)
    expected = sum(_apart(_total(group)) / (sum(_total(group).values()) - 1) for group in kept)
    together = sum(sum(one.values()) * (sum(one.values()) - 1) for group in kept for one in group)
    differing = sum(_apart(one) for group in kept for one in group)
    return Agreement(
        alpha=1 - apart / expected if expected else None,
        observed=1 - differing / together if together else None,
        questions=sum(map(len, kept)),
        answers=answers,
    )


def _apart(counts: Mapping[str, int]) -> int:
    """Ordered pairs of different choices."""
    total = sum(counts.values())
    return total * total - sum(count * count for count in counts.values())


def _total(questions: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for question in questions:
        for choice, count in question.items():
            total[choice] += count
    return total
