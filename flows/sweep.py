"""A sweep as a Prefect flow: its runs one after the other, each as the flow of its own that it is anyway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.zoom import zoom
from prompts import Story
from tasks.engine import publish_ranking
from tasks.events import listener
from tasks.sweep_report import findings, write_findings
from tasks.sweep_spec import SweepSpec
from tasks.sweeps import Execution, planned


@flow(name="sweep", flow_run_name="sweep {spec.title}", persist_result=False)
async def sweep(
    spec: SweepSpec,
    stories: list[Story],
    root: Path = Path("runs"),
    values: dict[str, Any] | None = None,
    command: str = "",
    force: bool = False,
) -> dict[str, Any]:
    """Make the runs of a sweep under `root`, using what is there, and rank its arms; returns plain facts.

    A run that fails does not stop the others. values: settings by dotted path for every run.
    """
    plan = planned(spec, stories, root, values=values)
    execution = Execution(plan, listener())
    for one in execution:
        with execution.attempt(one):
            await zoom(one.point.story, one.point.config, root, force)
    found = findings(plan, command)
    if found is not None:
        write_findings(found, plan.folder)
        publish_ranking(plan, found)
    return execution.as_json()
