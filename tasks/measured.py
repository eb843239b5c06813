"""The files of scores in a run's folder: which stage fills which, what they were measured by, and no row twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation import rows, table
from evaluation.table import Score
from tasks.stage import Json, StageKey
from tasks.versions import algorithm

TABLES = {"scores": "scores.parquet", "motion": "scores-video.parquet"}
"""Stages that measure, and the run's rows of the data set of scores that each of them fills."""


def levels_stamp(
    stack: Mapping[str, str],
    prompts: Sequence[str],
    scorer: Mapping[str, Any] | None,
    measures: Sequence[Mapping[str, Any]],
) -> str:
    """What the scores of levels follow from, as a hash: the stack's files (SHA-256 by name), words, and who judged."""
    judges: Json = {
        "scorer": None if scorer is None else [str(scorer["id"]), str(scorer["revision"])],
        "measures": [dict(measure) for measure in measures],
    }
    inputs = {"stack": dict(sorted(stack.items())), "prompts": list(prompts), **judges}
    return StageKey("scores", algorithm("scores"), inputs).digest


def film_stamp(files: Mapping[str, str], settings: Mapping[str, Json]) -> str:
    """What the scores of a film follow from, as a hash: the run's files (SHA-256 by name) that are its levels and its
    film, and how the film was made, as plain values."""
    shown = {name: sha256 for name, sha256 in sorted(files.items()) if name.startswith(("stack/", "zoom.", "frames/"))}
    return StageKey("motion", algorithm("motion"), {"files": shown, "film": dict(settings)}).digest


def write_rows(
    folder: Path, name: str, scores: Iterable[Score], origin: table.Run, stamp: str | None = None
) -> tuple[Path, int]:
    """Write a run's scores to the file `name` in its folder, whole or not at all; the caller holds the folder's lock.

    A row that stands in another file of the run is not written again, unless `name` is a stage's own: what the stage
    measures leaves the others then. Returns the path and the number of rows.
    """
    path = folder / name
    others = [other for other in sorted(folder.glob("scores*.parquet")) if other != path]
    fresh = table.rows(scores, origin)
    if name in TABLES.values():
        own = {rows.identity(row) for row in fresh}
        for other in others:
            rows.remove_rows(other, own)
    else:
        known = set().union(*map(rows.identities, others))
        fresh = [row for row in fresh if rows.identity(row) not in known]
    return table.write_scores(fresh, path, stamp), len(fresh)
