"""Scores of finished runs as a Prefect flow: what is missing is measured, and all is summed up in a table."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import Root
from flows.progress_artifacts import reporting
from flows.telling import evaluated
from tasks import environment
from tasks.depot.roots import open_root, pull_runs, send_all
from tasks.engine import measure_scores
from tasks.events import listener
from tasks.machine import resolve_device
from tasks.scoring import in_progress, plan
from tasks.scoring_plan import Asked
from tasks.selection import select
from tasks.subjects import read_subject


@flow(name="evaluate", flow_run_name="evaluate {runs}", persist_result=False)
async def evaluate(
    runs: list[str] = [],  # noqa: B006  Prefect shows defaults and never changes them
    root: Root = "",
    scorer: str | None = None,
    measures: list[str] = [],  # noqa: B006
    video: bool = True,
    device: str = "auto",
    force: bool = False,
) -> Any:
    """Measure what is missing of finished runs; a run that cannot be measured stops no other.

    Args:
        runs: ids of runs, of sweeps, or folders that hold runs; all runs where none are named
        root: folder or URL of all runs; empty for TENFOLD_RUNS of the machine that works
        scorer: who reads levels against their prompts: bundled, none, a folder or an open_clip name; each run's own
        measures: further measures, as clip_iqa or lpips:FILE
        video: measure the film's speed, flicker and level changes, too
        device: auto, cpu, cuda, cuda:1, mps
        force: measure again what is there
    """
    place = open_root(root or environment.read().runs)
    pull_runs(place)
    selection = select(runs or [str(place)], place, fewest=1)
    asked = Asked(scorer, tuple(measures), video, resolve_device(device), force)
    with reporting("scores"), in_progress(place):
        works = plan([read_subject(card.folder) for card in selection.cards], asked)
        outcomes = measure_scores(works, asked, listener())
    send_all(place)
    return await evaluated(selection, outcomes)
