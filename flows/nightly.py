"""Many videos as a Prefect flow: every story by every method with every seed; one that fails stops no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.carrying import Engine, Way, carry_out
from flows.parameters import Config, Method, Root, Seconds, Seeds, Settings, Some, Stories
from flows.progress_artifacts import reporting
from flows.submitting import Patience
from flows.telling import concluded, show_summary
from tasks import environment
from tasks.batch.plan import plan_batch
from tasks.batch.record import Record
from tasks.batch.spec import BatchSpec
from tasks.depot.roots import open_root
from tasks.events import listener
from tasks.specs import RunConfig


@flow(name="nightly", flow_run_name="nightly {title}", persist_result=False)
async def nightly(
    stories: Stories,
    title: str = "Nightly",
    methods: list[Method] = [],  # noqa: B006  Prefect shows defaults and never changes them
    seeds: Seeds = [],  # noqa: B006
    config: Config = RunConfig(),
    settings: Settings = {},  # noqa: B006
    root: Root = "",
    engine: Engine = "here",
    deployment: str = "zoom/zoom",
    cluster: str = "",
    in_flight: Some = 2,
    slot: str | None = None,
    force: bool = False,
    only_failed: bool = False,
    worker_s: Seconds = 600,
    whole_s: Seconds = 72000,
    folder: str = "",
) -> Any:
    """Make the videos of a batch, using what is there; the summary says what was made, reused, failed, and why.

    Args:
        stories: ready names, files, folders of files, patterns, or wishes in words
        title: name of the batch; with what is asked for it says which batch it is
        methods: sampling methods; that of config where none is named
        seeds: a count (3), a text (0-5) or a list; that of config where there are none
        config: the configuration of every video
        settings: settings by dotted path on top of config, as film.fps
        root: folder or URL of all runs; empty for TENFOLD_RUNS of the machine that works
        engine: here: in this process; deployment: a deployment run for each video; dask or ray: on a cluster
        deployment: of engine deployment, the one whose runs the videos are
        cluster: of engines dask and ray, the address of a scheduler; empty for a cluster of this machine
        in_flight: videos at a time here, or workers of a cluster of this machine
        slot: of engines here, dask and ray, a concurrency limit of the server, held while a model draws
        force: make every stage again
        only_failed: leave alone what the batch's file tells as done
        worker_s: seconds for which nothing may happen while no worker is there
        whole_s: seconds that all of it may take
        folder: from which paths of stories are looked up; empty for the folder in which the flow runs
    """
    asked = {"title": title, "stories": stories, "methods": methods, "seeds": seeds, "settings": settings}
    spec = BatchSpec.model_validate({**asked, "config": config})
    place = open_root(root or environment.read().runs)
    patience = Patience(worker_s=worker_s, whole_s=whole_s)
    way = Way(engine, str(root), deployment, cluster, in_flight, slot, force, patience)
    with reporting(title):
        batch = plan_batch(spec, place, folder=Path(folder))
        record = Record(batch, listener(), only_failed=only_failed, by=flow_run.get_id() or "")
        summary = await carry_out(record, way)
    await show_summary(summary)
    return concluded(summary, summary.facts())
