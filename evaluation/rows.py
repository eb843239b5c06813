"""Rows of one run in several files: none stands in two of them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.table import replace_table

IDENTITY = ("run_id", "scope", "level", "score", "scorer", "scorer_revision")
"""What no two rows have in common."""

Identity = tuple[Any, ...]


def identities(path: Path) -> set[Identity]:
    """Of what a file of scores tells; nothing for one that is damaged or not there."""
    try:
        return set(_identities(pq.ParquetFile(path).read()))
    except (OSError, KeyError, pa.ArrowException):
        return set()


def remove_rows(path: Path, known: set[Identity]) -> None:
    """Take these rows out of a file, and away with it when nothing is left; one that is damaged stays as it is."""
    try:
        table = pq.ParquetFile(path).read()
        kept = [identity not in known for identity in _identities(table)]
    except (OSError, KeyError, pa.ArrowException):
        return
    if not any(kept):
        path.unlink(missing_ok=True)
    elif not all(kept):
        replace_table(table.filter(pa.array(kept)), path)


def identity(row: Any) -> Identity:
    """The identity of a row, a mapping by column."""
    return tuple(row[name] for name in IDENTITY)


def _identities(table: pa.Table) -> list[Identity]:
    return list(zip(*(table[name].to_pylist() for name in IDENTITY), strict=True))
