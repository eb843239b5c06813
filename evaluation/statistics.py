"""Which arm of a comparison does better, by how much, and how sure that is: paired by story and seed.

All functions take a long-form frame of scores (`evaluation.table`) with a column `arm` more, the name under which a run
is compared. A run's value of a score is its mean over levels or pairs of levels; a story's, the mean over its seeds.
Stories are the units of every interval and test: pictures and seeds of one story are not independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation import resampling
from evaluation.catalogue import CATALOGUE, Better
from evaluation.resampling import Array
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "rank",
    "arm",
    "mean",
    "low",
    "high",
    "distance",
    "runs",
    "stories",
    "difference",
    "difference_low",
    "difference_high",
    "effect",
    "wins",
    "pairs",
    "p_value",
    "p_adjusted",
    "note",
)
SMALLEST = 1e-6
"""Values of scores that are best at 1 are compared by |log|; what is not above this counts as this."""


def ranking(
    frame: pd.DataFrame,
    score: str,
    *,
    baseline: str | None = None,
    better: Better = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per arm, the best first, in COLUMNS.

    mean, low, high: mean over stories with its 95 % interval. distance: for scores that are best at 1, the mean of
    |log value|, by which they are ranked and compared; empty for others. runs, stories: how many there are.
    difference (with its interval), effect, wins, pairs, p_value: against the baseline, over the stories and seeds that
    both have; the difference is the arm's mean less the baseline's (of distances where there are any). effect: mean
    over standard deviation of the stories' differences, turned so that positive is better. wins: share of pairs that
    the arm wins, ties half. p_value: of sign flips by story; p_adjusted: after Holm over the arms of this table.
    rank: by the difference to the baseline, so that an arm whose run of a hard story failed gains nothing; empty where
    the score does not judge or an arm has no pair with the baseline. note: what else is to be known.

    baseline: the first arm of the frame when None. better: as in the catalogue, for scores that are not in it.
    Randomness: from `seed`. Raises InvalidInputError for a frame without the score or the baseline, and where several
    scorers have given it: their values are not to be compared.
    """
    rows = frame[frame["score"] == score]
    if rows.empty:
        raise InvalidInputError(f"There is no score {score!r} in these rows. Score the runs, or choose another score.")
    _refuse_several_scorers(rows, score)
    arms = arm_names(frame)
    known = CATALOGUE[score].better if score in CATALOGUE else better
    return _ranking(_cube(rows, arms), arms, _position(arms, baseline), known, resamples, seed)


def rankings(
    frame: pd.DataFrame,
    scores: Iterable[str] | None = None,
    *,
    baseline: str | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """`ranking` of many scores below one another, with the columns `score`, `scorer` and `scorer_revision` in front.

    scores: in which order; those that nobody has are left out; when None, all of the frame in the catalogue's order.
    A score that several scorers have given has a table of each. Holm's adjustment is over the arms within a score.
    """
    import pandas as pd

    there = set(frame["score"].unique())
    wanted = in_order(there) if scores is None else [score for score in scores if score in there]
    arms = arm_names(frame)
    place, tables = _position(arms, baseline), []
    by_score = dict(iter(frame.groupby("score", sort=False)))
    for score in wanted:
        for scorer, rows in _by_scorer(by_score[score]):
            better = CATALOGUE[score].better if score in CATALOGUE else None
            table = _ranking(_cube(rows, arms), arms, place, better, resamples, seed)
            for at, (name, value) in enumerate(scorer.items()):
                table.insert(at, name, value)
            table.insert(0, "score", score)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["score", *SCORER, *COLUMNS])


SCORER = ("scorer", "scorer_revision")


def in_order(scores: Iterable[str]) -> list[str]:
    """Scores in the order of the catalogue; those that it does not know come last, by name."""
    known = list(CATALOGUE)
    return sorted(scores, key=lambda score: (known.index(score) if score in CATALOGUE else len(known), score))


def arm_names(frame: pd.DataFrame) -> list[str]:
    """The arms of a frame: its categories where the column has any, otherwise in the order of their first rows."""
    import pandas as pd

    arms = frame["arm"]
    named = arms.cat.categories if isinstance(arms.dtype, pd.CategoricalDtype) else arms.unique()
    return [str(name) for name in named]


def _position(arms: Sequence[str], baseline: str | None) -> int:
    if baseline is not None and baseline not in arms:
        raise InvalidInputError(f"There is no arm {baseline!r} to compare with. The arms are: {', '.join(arms)}.")
    return 0 if baseline is None else arms.index(baseline)


def _by_scorer(rows: pd.DataFrame) -> Iterable[tuple[dict[str, str | None], pd.DataFrame]]:
    """The rows of each scorer; of none, where a score needs none."""
    named = [name for name in SCORER if name in rows]
    if not named:
        return [(dict.fromkeys(SCORER), rows)]
    groups = rows.groupby(named, sort=True, dropna=False)
    return [
        ({name: value if isinstance(value, str) else None for name, value in zip(named, key, strict=True)}, part)
        for key, part in groups
    ]


def _refuse_several_scorers(rows: pd.DataFrame, score: str) -> None:
    found = [scorer for scorer, _ in _by_scorer(rows)]
    if len(found) > 1:
        names = "; ".join(f"{one['scorer']} ({one['scorer_revision']})" for one in found)
        raise InvalidInputError(
            f"{score} was given by several scorers, whose values are not to be compared: {names}. Keep the rows of "
            "one, or score all runs with the same."
        )


@dataclass(frozen=True)
class _Cube:
    """A score by arm, story and seed: values and |log values| (A, S, K), NaN where there is no run; runs (A,)."""

    values: Array
    distances: Array
    runs: Array
    notes: tuple[str, ...]


def _cube(rows: pd.DataFrame, arms: Sequence[str]) -> _Cube:
    """Means over levels in places that all arms share."""
    import pandas as pd

    arm = pd.Categorical(rows["arm"].astype(str), categories=list(arms)).codes.astype(np.int64)
    story, stories = pd.factorize(rows["story"], sort=True)
    seed, seeds = pd.factorize(rows["seed"], sort=True)
    shape = (len(arms), len(stories), len(seeds))
    place = (arm * shape[1] + story) * shape[2] + seed
    value = rows["value"].to_numpy(np.float64)
    counts = np.bincount(place, minlength=int(np.prod(shape)))

    def means(of: Array) -> Array:
        with np.errstate(invalid="ignore"):
            sums = np.bincount(place, weights=of, minlength=len(counts))
            return np.asarray(sums / np.where(counts > 0, counts, np.nan)).reshape(shape)

    distances = np.abs(np.log(np.maximum(value, SMALLEST)))
    runs = counts.reshape(shape).astype(bool).sum((1, 2))
    return _Cube(means(value), means(distances), runs, _mixed(rows, arms))


def _mixed(rows: pd.DataFrame, arms: Sequence[str]) -> tuple[str, ...]:
    """For each arm what speaks against its having one value: nothing, or the models that drew it."""
    if "model" not in rows or rows["model"].nunique() < 2:
        return ("",) * len(arms)
    models = rows.groupby("arm", observed=True)["model"].nunique()
    return tuple("drawn by several models" if models.get(arm, 0) > 1 else "" for arm in arms)


def _ranking(
    cube: _Cube, arms: Sequence[str], baseline: int, better: Better, resamples: int, seed: int
) -> pd.DataFrame:
    import pandas as pd

    judged = cube.distances if better == "one" else cube.values
    worse = -1.0 if better in ("lower", "one") else 1.0
    of_pairs = judged - judged[baseline]
    levels, differences = _over(cube.values, 2), _over(of_pairs, 2)
    both = resampling.intervals(np.concatenate([levels, differences]), resamples=resamples, seed=seed)
    (low, diff_low), (high, diff_high) = (np.split(ends, 2) for ends in both)
    p_values = resampling.sign_flip(differences, seed=seed)
    difference, own = _over(differences, 1), np.arange(len(arms)) == baseline
    table = pd.DataFrame(
        {
            "rank": _ranks(worse * difference) if better else pd.array([pd.NA] * len(arms), "Int64"),
            "arm": list(arms),
            "mean": _over(levels, 1),
            "low": low,
            "high": high,
            "distance": _over(_over(cube.distances, 2), 1) if better == "one" else np.nan,
            "runs": cube.runs,
            "stories": (~np.isnan(levels)).sum(1),
            "difference": difference,
            "difference_low": diff_low,
            "difference_high": diff_high,
            "effect": worse * resampling.standardised(differences) + 0.0,  # no minus before zero
            "wins": np.where(own, np.nan, _wins(worse * of_pairs)),
            "pairs": (~np.isnan(of_pairs)).sum((1, 2)),
            "p_value": np.where(own, np.nan, p_values),
            "p_adjusted": resampling.holm(np.where(own, np.nan, p_values)),
            "note": _notes(cube, arms, baseline, of_pairs),
        }
    )
    return table.sort_values("rank", kind="stable", na_position="last", ignore_index=True)


def _over(values: Array, axis: int) -> Array:
    """Means without the empty places; NaN where all are empty."""
    there = ~np.isnan(values)
    counts = there.sum(axis)
    sums = np.where(there, values, 0).sum(axis)
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))


def _wins(signed: Array) -> Array:
    """Share of pairs (A,) that an arm wins, ties half. signed: differences (A, S, K), positive where it is better."""
    return _over(np.where(np.isnan(signed), np.nan, (np.sign(signed) + 1) / 2).reshape(len(signed), -1), 1)


def _ranks(goodness: Array) -> pd.api.extensions.ExtensionArray:
    """1 for the best; equals share the better rank; empty for NaN."""
    import pandas as pd

    return pd.Series(goodness).rank(method="min", ascending=False).astype("Int64").array


def _notes(cube: _Cube, arms: Sequence[str], baseline: int, of_pairs: Array) -> list[str]:
    """What else is to be known of each arm, sentences without their full stops."""
    expected = (~np.isnan(cube.values)).any(0).sum()
    said = []
    for arm, mixed in enumerate(cube.notes):
        runs, pairs = int(cube.runs[arm]), int((~np.isnan(of_pairs[arm])).sum())
        stories = int((~np.isnan(of_pairs[arm])).any(1).sum())
        missing = expected - runs
        if not runs:
            said.append("; ".join(filter(None, ["no run has this score", mixed])))
            continue
        notes = [f"{missing} of {expected} runs missing" if missing else ""]
        if not cube.runs[baseline]:
            notes.append(f"{arms[baseline]} has no run with this score")
        elif not pairs:
            notes.append(f"no runs in common with {arms[baseline]}")
        elif pairs < runs:
            notes.append(f"{runs - pairs} runs without a pair")
        if stories == 1:
            notes.append("one story: no interval")
        elif 1 < stories < resampling.FEW:
            notes.append(f"only {stories} stories")
        said.append("; ".join(filter(None, [*notes, mixed])))
    return said
