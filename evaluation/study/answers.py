"""Answers as Parquet: one file per participant, written anew with each answer, whole or not at all.

An answer is on the disk before the next question is asked. A lock per participant lets two windows, or two servers, at
one folder; the place of an answer in the sequence keeps one that is sent twice from counting twice.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.study.people import label
from zoomlib.errors import InvalidInputError
from zoomlib.film.whole import whole

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
FOLDER = "answers"
SIDES = ("left", "right")
SCHEMA = pa.schema(
    [
        pa.field("schema_version", pa.int16(), nullable=False),
        pa.field("study", pa.string(), nullable=False),
        pa.field("participant", pa.string(), nullable=False),
        pa.field("place", pa.int16(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("pair", pa.string(), nullable=False),
        pa.field("story", pa.string(), nullable=False),
        pa.field("seed", pa.int64()),
        pa.field("arm_left", pa.string(), nullable=False),
        pa.field("arm_right", pa.string(), nullable=False),
        pa.field("run_left", pa.string(), nullable=False),
        pa.field("run_right", pa.string(), nullable=False),
        pa.field("chosen_side", pa.string(), nullable=False),
        pa.field("chosen_arm", pa.string(), nullable=False),
        pa.field("shown_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("answered_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("response_s", pa.float64(), nullable=False),
        pa.field("plays", pa.int16(), nullable=False),
        pa.field("client", pa.string(), nullable=False),
    ],
    metadata={"tenfold.answers": str(VERSION)},
)


class ConflictError(InvalidInputError):
    """An answer to a question that is not the one that is open."""


class Answers:
    """The answers that are filed in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)

    def of(self, slot: int) -> list[dict[str, Any]]:
        """The answers of a participant in order. Raises InvalidInputError where the file cannot be read."""
        path = self._path(slot)
        return _rows(path) if path.exists() else []

    def record(self, slot: int, row: Mapping[str, Any]) -> int:
        """File the answer `row` (SCHEMA's columns but the version) to the question at its `place`; how many there are.

        The answer that is filed there already changes nothing when it comes again. Raises ConflictError for another
        one, and for a place that is not the next one.
        """
        with self._locked(slot):
            rows = self.of(slot)
            place = int(row["place"])
            if place < len(rows) and rows[place]["chosen_side"] == row["chosen_side"]:
                return len(rows)
            if place != len(rows):
                raise ConflictError(
                    f"Answer {place + 1} came, but question {len(rows) + 1} is open: an answer stands once it is given."
                )
            self._write(slot, [*rows, {"schema_version": VERSION, **row}])
            return len(rows) + 1

    def _write(self, slot: int, rows: Sequence[Mapping[str, Any]]) -> None:
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=SCHEMA)
        with whole(self._path(slot)) as temporary:
            pq.write_table(table, temporary)

    def _path(self, slot: int) -> Path:
        return self.folder / f"{label(slot)}.parquet"

    @contextmanager
    def _locked(self, slot: int) -> Iterator[None]:
        """Hold this participant's lock; the kernel frees that of a killed process."""
        with (self.folder / f".{label(slot)}.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def read_answers(folder: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """All answers in a study's folder in SCHEMA's columns, by participant and place; and the files that are damaged,
    a sentence each, which are left out.
    """
    tables, damaged = [SCHEMA.empty_table()], []
    for path in sorted((folder / FOLDER).glob("p*.parquet")):
        try:
            tables.append(_table(path))
        except InvalidInputError as error:
            damaged.append(str(error))
    return pa.concat_tables(tables).to_pandas(), tuple(damaged)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _table(path).to_pylist()
    return rows


def _table(path: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(path).read()
        if table.schema.names != SCHEMA.names or set(table["schema_version"].to_pylist()) - {VERSION}:
            raise pa.ArrowInvalid(f"its columns are not those of version {VERSION}")
        return table.cast(SCHEMA)
    except (OSError, ValueError, pa.ArrowException) as error:
        said = " ".join(str(error).split())
        raise InvalidInputError(f"{path} cannot be read as answers ({said:.200}).") from error
