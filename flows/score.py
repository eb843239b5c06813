"""Scores of what is there already, as a Prefect flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.parameters import Root
from flows.progress_artifacts import reporting
from tasks.depot.roots import open_root, send_all
from tasks.engine import measure_scores
from tasks.events import listener
from tasks.scoring import in_progress, plan
from tasks.scoring_plan import Asked
from tasks.subjects import read_subject


@flow(name="score", flow_run_name="score {folders}", persist_result=False)
async def score(
    folders: list[Path],
    root: Root = "runs",
    scorer: str | None = None,
    measures: tuple[str, ...] = (),
    video: bool = True,
    device: str = "cpu",
    force: bool = False,
) -> dict[str, Any]:
    """Measure what is missing of the runs in these folders; returns plain facts of what came of each."""
    asked = Asked(scorer, measures, video, device, force)
    place = open_root(root)
    works = plan([read_subject(folder) for folder in folders], asked)
    with reporting("scores"), in_progress(place):
        outcomes = measure_scores(works, asked, listener())
    send_all(place)
    return {"runs": [outcome.as_json() for outcome in outcomes]}
