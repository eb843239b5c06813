"""What a method has recorded of its run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.run import Results, Run
from tasks.sample import RECORDS


def read_records(run: Run, results: Results) -> list[dict[str, Any]]:
    """The records of the run's sampling, in their order; each names its `level` and `what` it is of."""
    artifact = results["sampling"].artifacts.get(RECORDS) if "sampling" in results else None
    if artifact is None:
        return []
    records: list[dict[str, Any]] = json.loads(run.workshop.store.path(artifact).read_text(encoding="utf-8"))
    return records


def kept_changes(run: Run, results: Results) -> dict[int, float]:
    """By level, the largest change, in [-1, 1], of a pixel that was to be kept; empty where none is measured."""
    return changes_in(read_records(run, results))


def changes_in(records: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    """As `kept_changes`, of records that were read already."""
    found: dict[int, float] = {}
    for record in records:
        if record.get("what") == "kept":
            found[record["level"]] = max(record["change"], found.get(record["level"], 0.0))
    return found


def kept_change(run: Run, results: Results) -> float | None:
    """The largest change, in [-1, 1], of a pixel that was to be kept; None for a method that does not measure it."""
    return max(kept_changes(run, results).values(), default=None)
