"""Numbers about chosen runs: their rows for download, and what rankings and plots are made of."""

import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from evaluation.dashboard.entries import Entry
from evaluation.spreadsheets import without_formulas
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

GROUPS: Mapping[str, Callable[[Entry], str]] = {
    "variant": lambda entry: entry.variant,
    "method": lambda entry: entry.method,
    "model": lambda entry: entry.model,
    "variant and model": lambda entry: f"{entry.variant}, {entry.model}",
}
"""By what runs can be told apart in a ranking."""
ALWAYS = ("story", "seed", "arm")
KINDS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
"""What rows are downloaded as."""


def prepare() -> None:
    """Load what the first ranking would have to wait for."""
    import pandas as pd

    from evaluation import statistics

    frame = pd.DataFrame({"arm": list("aabb"), "story": list("xyxy"), "seed": 0, "score": "seam", "value": 1.0})
    statistics.ranking(frame, "seam")


def rows_of(entries: Iterable[Entry], root: Path) -> "pd.DataFrame":
    """All rows of these runs as `evaluation.read_scores` gives them; the list tells of files that cannot be read."""
    from evaluation import read_scores

    return read_scores([root / entry.key for entry in entries], on_damaged=told)


def written(frame: "pd.DataFrame", kind: str) -> bytes:
    """A frame as the content of a file. kind: "csv" or "parquet"."""
    shown = without_formulas(frame) if kind == "csv" else frame
    table, file = pa.Table.from_pandas(shown, preserve_index=False), io.BytesIO()
    if kind == "csv":
        pyarrow.csv.write_csv(table, file)
    else:
        pq.write_table(table, file)
    return file.getvalue()


def frame_of(entries: Iterable[Entry], column: str, arms: Mapping[str, str]) -> "pd.DataFrame":
    """The values of one score in those columns of the long form that `evaluation.statistics` reads: ALWAYS, score,
    value, and of model and scorer_revision those in which the runs differ.

    column: as in Entry.means. arms: by key the name under which a run is compared, in order of these names.
    """
    import pandas as pd

    score, _, scorer = column.partition("|")
    having = [entry for entry in entries if column in entry.means]
    rows = [entry.levels.get(column, (entry.means[column],)) for entry in having]
    values = np.array([value for row in rows for value in row], np.float64)  # NaN where there is none
    there = ~np.isnan(values)
    run = np.repeat(np.arange(len(rows)), [len(row) for row in rows])[there]
    told: dict[str, list[Any]] = {
        "story": [entry.story for entry in having],
        "seed": [entry.seed for entry in having],
        "model": [entry.model for entry in having],
        "scorer_revision": [entry.revisions.get(scorer) for entry in having],
        "arm": [arms[entry.key] for entry in having],
    }
    # What all runs have in common tells none apart; thousands of rows are quicker as numbers of a few names.
    told = {name: of for name, of in told.items() if name in ALWAYS or len(set(of)) > 1}
    columns = {name: pd.Categorical(of, categories=list(dict.fromkeys(of))).take(run) for name, of in told.items()}
    return pd.DataFrame({**columns, "score": pd.Categorical([score]).take(0 * run), "value": values[there]})


def arms_of(entries: Iterable[Entry], group: str, named: Mapping[str, str] = {}) -> dict[str, str]:
    """By key the name under which a run is compared. named: those that a sweep has given, for "variant" only.

    Raises InvalidInputError for an unknown group.
    """
    if group not in GROUPS:
        raise InvalidInputError(f"Runs are grouped by {', '.join(GROUPS)}, not by {group!r:.40}.")
    name = GROUPS[group]
    return {entry.key: named.get(entry.key, name(entry)) if group == "variant" else name(entry) for entry in entries}


def ranked(
    entries: Sequence[Entry], column: str, arms: Mapping[str, str], baseline: str | None
) -> list[dict[str, Any]]:
    """The ranking table of these runs by one score, best first; nothing where no run has it.

    baseline: the arm to compare with; where there is none of that name, the one with the most runs. Raises
    InvalidInputError where two revisions of a scorer have given the values.
    """
    from evaluation.statistics import ranking

    frame = frame_of(entries, column, arms)
    if frame.empty:
        return []
    known = (
        baseline if baseline in set(frame["arm"]) else most_frequent(arms[e.key] for e in entries if column in e.means)
    )
    table = ranking(frame, column.partition("|")[0], baseline=known)
    return [{str(name): _json(value) for name, value in row.items()} for row in table.to_dict("records")]


def most_frequent(names: Iterable[str]) -> str:
    """The name that comes most often; of several the first in the alphabet."""
    return min(Counter(names).items(), key=lambda item: (-item[1], item[0]))[0]


def profiles(entries: Iterable[Entry], column: str, arms: Mapping[str, str]) -> dict[str, list[float | None]]:
    """By arm the mean of a score at every level over the runs that have the level."""
    found: dict[str, list[list[float]]] = {}
    for entry in entries:
        levels = found.setdefault(arms[entry.key], []) if column in entry.levels else []
        for level, value in enumerate(entry.levels.get(column, ())):
            while len(levels) <= level:
                levels.append([])
            if value is not None:
                levels[level].append(value)
    return {
        arm: [math.fsum(values) / len(values) if values else None for values in levels] for arm, levels in found.items()
    }


def told(path: Path, words: str) -> None:
    """Nothing more to do about a file that was left out."""


def _json(value: Any) -> Any:
    """A plain value; None for what JSON cannot tell."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or isinstance(plain, str | bool | int):
        return plain
    return plain if isinstance(plain, float) and math.isfinite(plain) else None
