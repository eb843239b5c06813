"""The main job as a Prefect flow: a story, or a wish for one, becomes a zoom video, stage by stage."""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime

from flows.parameters import Config, Root, Settings, Told
from flows.plan import called, named
from flows.progress_artifacts import reporting
from flows.slot import slot_of
from flows.telling import telling
from tasks import environment, slots
from tasks.depot.roots import open_root
from tasks.engine import make, perform, publish_scores
from tasks.events import listener
from tasks.named import asked_for
from tasks.pipeline import Making
from tasks.plan import prepare
from tasks.services import services_for, using
from tasks.specs import RunConfig, with_values
from tasks.stages import stages_of
from tasks.told import drawn, told_story


def _name() -> str:
    """Its own name for a run of a batch, which says which one it is."""
    return str(runtime.flow_run.name) if runtime.deployment.id and runtime.flow_run.tags else named("zoom")


@flow(name="zoom", flow_run_name=_name, persist_result=False)
async def zoom(
    story: Told,
    config: Config = RunConfig(),
    root: Root = "",
    force: bool = False,
    settings: Settings = {},  # noqa: B006  Prefect shows it as the default and never changes it
    slot: str | None = None,
) -> dict[str, Any]:
    """Make the zoom of a story, using what is there; returns plain facts of what came of it.

    Of a wish the story is made first, and with `config.plan.refine` it is refined by looking at drafts.

    Args:
        story: a story, the name or file of one, or words of which one is made
        config: the configuration of the run; every field has a default
        root: folder or URL of all runs; empty for TENFOLD_RUNS of the machine that works
        force: make every stage again
        settings: settings by dotted path on top of config, as film.fps
        slot: a concurrency limit of the server, held while the model draws
    """
    config, runs, asked = with_values(config, settings), open_root(root or environment.read().runs), asked_for(story)
    async with telling(called(asked)) as told:
        with reporting(called(asked)), using(services_for(config, runs)) as services, slots.holding(slot_of(slot)):
            found, origin = told_story(asked, config, services, on_event=listener(), force=force, perform=perform)
            making = Making(prepare(drawn(config), found, runs, told=origin), listener(), force=force)
            with making.in_progress():
                for stage in stages_of(making.run):
                    make.with_options(name=stage.name)(making, stage)
                told.facts = making.finish().as_json()
            if "scores" in making.results:
                publish_scores(making)
    return told.facts
