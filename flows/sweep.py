"""A sweep as a Prefect flow: the runs of all its arms, and which arm does better."""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime

from flows.carrying import Engine, Way, carry_out
from flows.parameters import Root, Seconds, Seeds, Settings, Some, Sweep
from flows.progress_artifacts import reporting
from flows.submitting import Patience
from flows.telling import concluded, show_summary
from prompts import Story
from tasks import environment
from tasks.depot.roots import open_root, send_all
from tasks.engine import publish_ranking
from tasks.events import listener
from tasks.sweep_given import given_sweep
from tasks.sweep_report import MAX_MB, conclude
from tasks.sweeps import facts_of, planned, recorded


def _name() -> str:
    told = runtime.flow_run.parameters.get("sweep")
    return f"sweep {told if isinstance(told, str) else getattr(told, 'title', None) or dict(told or {}).get('title')}"


@flow(name="sweep", flow_run_name=_name, persist_result=False)
async def sweep(
    sweep: Sweep,
    stories: list[str | Story] = [],  # noqa: B006  Prefect shows defaults and never changes them
    root: Root = "",
    settings: Settings = {},  # noqa: B006
    command: str = "",
    max_mb: float = MAX_MB,
    force: bool = False,
    seeds: Seeds = [],  # noqa: B006
    engine: Engine = "here",
    deployment: str = "zoom/zoom",
    cluster: str = "",
    in_flight: Some = 2,
    slot: str | None = None,
    worker_s: Seconds = 600,
    whole_s: Seconds = 72000,
) -> Any:
    """Make the runs of a sweep, using what is there, and rank its arms. A run that fails does not stop the others.

    Args:
        sweep: a preset (table1, ablation, outpainting), a file, or the sweep: base, arms, grid, zip, seeds, stories
        stories: in the place of the sweep's own: ready names, files, folders, patterns, or stories
        root: folder or URL of all runs; empty for TENFOLD_RUNS of the machine that works
        settings: settings by dotted path for every run
        command: what to say in the results that made them
        max_mb: about how large the page of the results may be
        force: make every stage again
        seeds: in the place of the sweep's own
        engine: here: in this process; deployment: a deployment run for each video; dask or ray: on a cluster
        deployment: of engine deployment, the one whose runs the videos are
        cluster: of engines dask and ray, the address of a scheduler; empty for a cluster of this machine
        in_flight: videos at a time here, or workers of a cluster of this machine
        slot: of engines here, dask and ray, a concurrency limit of the server, held while a model draws
        worker_s: seconds for which nothing may happen while no worker is there
        whole_s: seconds that all of it may take
    """
    spec, found = given_sweep(sweep, stories, seeds)
    place = open_root(root or environment.read().runs)
    plan = planned(spec, found, place, values=settings)
    way = Way(
        engine, str(root), deployment, cluster, in_flight, slot, force, Patience(worker_s=worker_s, whole_s=whole_s)
    )
    with reporting(spec.title):
        summary = await carry_out(recorded(plan, listener()), way)
        ranking = conclude(plan, command, max_mb=max_mb, on_event=listener())
    await show_summary(summary)
    if ranking is not None:
        publish_ranking(plan, ranking)
    send_all(place)
    return concluded(summary, facts_of(plan, summary))
