"""Scores as rows of a Parquet data set that pandas, polars and DuckDB read without this code.

Long form: one row per run, level (or pair of levels, video, set) and score. Each stage of a run that measures writes
one file of its own, under a temporary name that no reader's pattern matches, and renames it: scoring again replaces, it
never duplicates, and two runs at once lose nothing. `evaluation.dataset` reads them together.
"""

import math
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zoomlib.errors import InvalidInputError

VERSION = 2
SCHEMA = pa.schema(
    [
        pa.field("schema_version", pa.int16(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("story", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("model_revision", pa.string(), nullable=False),
        pa.field("software", pa.string(), nullable=False),
        pa.field("scope", pa.string(), nullable=False),
        pa.field("level", pa.int32()),
        pa.field("score", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("scorer", pa.string()),
        pa.field("scorer_revision", pa.string()),
    ],
    metadata={"tenfold.scores": str(VERSION)},
)
STAMP = b"tenfold.measured"
SCOPES = ("level", "pair", "video", "set")


@dataclass(frozen=True)
class Run:
    """What every row of a run has in common: where its pictures come from.

    variant: the method with those settings that are not its defaults, as `tasks.variants` writes it. software: name
    and version.
    """

    run_id: str
    story: str
    method: str
    variant: str
    seed: int
    model: str
    model_revision: str
    software: str


@dataclass(frozen=True)
class Score:
    """One measured value.

    `scope` says of what: a "level", a "pair" (`level` and the next finer one), the "video" or a "set" of images, which
    have no level. `scorer` and `scorer_revision` name the model that judged, None where none did.
    """

    score: str
    value: float
    scope: str = "level"
    level: int | None = None
    scorer: str | None = None
    scorer_revision: str | None = None


def rows(scores: Iterable[Score], run: Run) -> list[dict[str, Any]]:
    """One row per score, ready for `write_scores`; values that are not defined (NaN) have no row."""
    common = {"schema_version": VERSION, **asdict(run)}
    return [{**common, **asdict(score)} for score in scores if not math.isnan(score.value)]


def write_scores(scores: Iterable[Mapping[str, Any]], path: str | Path, stamp: str | None = None) -> Path:
    """Write rows to `path`, whole or not at all, and return it; readers look for `scores.parquet` or
    `scores-NAME.parquet`.

    stamp: what the rows were measured by and on, for `stamp_of`; it stands in the file's metadata. Raises
    InvalidInputError for a row with a column that SCHEMA does not have, a missing one, or an unknown scope.
    """
    path = Path(path)
    table = _table(list(scores))
    if stamp is not None:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), STAMP: stamp})
    replace_table(table, path)
    return path


def replace_table(table: pa.Table, path: Path) -> None:
    """Write a whole table to `path`, or nothing: who reads meanwhile gets the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            pq.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def stamp_of(path: Path) -> str | None:
    """The stamp of a file of scores; None where it has none, is damaged or is not there."""
    try:
        stamp = pq.read_schema(path).metadata.get(STAMP)
        return None if stamp is None else stamp.decode()
    except (OSError, AttributeError, UnicodeDecodeError, pa.ArrowException):
        return None


def _table(scores: list[Mapping[str, Any]]) -> pa.Table:
    columns = set(SCHEMA.names)
    for row in scores:
        if unknown := row.keys() - columns:
            raise InvalidInputError(f"Unknown column {sorted(unknown)} in a row of scores; expected {SCHEMA.names}.")
        if missing := [field.name for field in SCHEMA if not field.nullable and row.get(field.name) is None]:
            raise InvalidInputError(f"A row of scores lacks {missing}: {dict(row)}.")
        if row["scope"] not in SCOPES:
            raise InvalidInputError(f"Unknown scope {row['scope']!r}; expected one of {', '.join(SCOPES)}.")
    try:
        return pa.Table.from_pylist([dict(row) for row in scores], schema=SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InvalidInputError(f"A row of scores has a value of the wrong type: {error}.") from error
