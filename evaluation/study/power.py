"""How many people a study needs: the chance that it finds a preference that is there."""

from __future__ import annotations

from scipy.stats import binom

from zoomlib.errors import InvalidInputError

SHARES = (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
LEVEL = 0.05
GOAL = 0.8
MOST = 100_000


def power(share: float, answers: int) -> float:
    """The chance that a two-sided binomial test at 5 % finds `share` to differ from one half in so many answers.

    Exact: the sum over all outcomes that are significant. Answers are taken as independent.
    """
    edge = _edge(answers)
    return float(binom.cdf(edge, answers, share) + binom.sf(answers - edge - 1, answers, share))


def people_needed(share: float, answers_each: int, alike: float = 0.0) -> int:
    """The fewest people of `answers_each` answers about the same two arms with whom `power` reaches 80 % for good.

    alike: correlation of one person's answers (0 to 1); n answers then tell as much as n / (1 + (m - 1) alike) of
    different people, with m a person (Kish's design effect). Raises InvalidInputError for numbers that are none.
    """
    if not (0.5 < share <= 1 and answers_each > 0 and 0 <= alike <= 1):
        raise InvalidInputError(
            f"Expected a share above 0.5, one answer or more, and a correlation from 0 to 1; got {share}, "
            f"{answers_each}, {alike}."
        )
    effective = answers_each / (1 + (answers_each - 1) * alike)
    low, high = 0, 1
    while not _enough(share, high, effective):
        low, high = high, 2 * high
        if high > MOST:
            raise InvalidInputError(f"A share of {share} is too near to one half for any study.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(share, middle, effective) else (middle, high)
    return high


def _enough(share: float, people: int, effective: float) -> bool:
    """Whether so many people suffice; as power rises in teeth, those with a few answers more must suffice as well."""
    answers = round(people * effective)
    return answers > 0 and all(power(share, answers + more) >= GOAL for more in (0, 1, 2))


def _edge(answers: int) -> int:
    """The largest number of choices that is significantly few; -1 where none is."""
    return int(binom.ppf(LEVEL / 2, answers, 0.5)) - 1
