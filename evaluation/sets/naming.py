"""Names of scores of sets that were drawn or seen in a special way: the plain name with words before and after it."""

from collections.abc import Iterable
from dataclasses import replace

from evaluation.table import Score

ANTIALIASED = "_antialiased"
_CLASSES = "inception_score"
_ENDS = ("_low", "_high", "_sd")


def renamed(scores: Iterable[Score], before: str, after: str = "") -> list[Score]:
    """`fid_low` as `scaleinv_fid_2x_low`: all scores of a set but its IS, which is of plain pictures only."""
    return [
        replace(score, score=_name(score.score, before, after))
        for score in scores
        if not score.score.startswith(_CLASSES)
    ]


def _name(name: str, before: str, after: str) -> str:
    stem = next((name.removesuffix(end) for end in _ENDS if name.endswith(end)), name)
    return f"{before}{stem}{after}{name.removeprefix(stem)}"
