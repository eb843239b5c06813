"""A sweep as a Prefect flow: its runs one after the other, each as the flow of its own that it is anyway."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from prefect import flow

from flows.zoom import zoom
from prompts import Story
from tasks.batch.outcome import Outcome
from tasks.engine import publish_ranking
from tasks.events import listener
from tasks.sweep_report import MAX_MB, conclude
from tasks.sweep_spec import SweepSpec
from tasks.sweeps import facts_of, planned, recorded


@flow(name="sweep", flow_run_name="sweep {spec.title}", persist_result=False)
async def sweep(
    spec: SweepSpec,
    stories: list[Story],
    root: Path = Path("runs"),
    values: dict[str, Any] | None = None,
    command: str = "",
    max_mb: float = MAX_MB,
    force: bool = False,
) -> dict[str, Any]:
    """Make the runs of a sweep under `root`, using what is there, and rank its arms; returns plain facts.

    A run that fails does not stop the others. values: settings by dotted path for every run. command: what to say in
    the results that made them. max_mb: about how large the page of the results may be.
    """
    plan = planned(spec, stories, root, values=values)
    record = recorded(plan, listener())
    for job in record.left:
        record.begin(job)
        began = time.monotonic()
        try:
            outcome = Outcome.of(await zoom(job.asked, job.config, root, force), time.monotonic() - began)
        except Exception as error:
            outcome = Outcome.failure(error, time.monotonic() - began)
        record.end(job, outcome)
    summary = record.finish()
    found = conclude(plan, command, max_mb=max_mb, on_event=listener())
    if found is not None:
        publish_ranking(plan, found)
    return facts_of(plan, summary)
