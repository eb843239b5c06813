"""The main job as a Prefect flow: a story, or a wish for one, becomes a zoom video, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.plan import named
from prompts import Story
from prompts.request import PlanRequest
from tasks.engine import make, perform, publish_scores
from tasks.events import listener
from tasks.pipeline import Making
from tasks.plan import prepare
from tasks.services import services_for, using
from tasks.specs import RunConfig
from tasks.stages import stages_of
from tasks.told import drawn, told_story


def _name() -> str:
    return named("zoom")


@flow(name="zoom", flow_run_name=_name, persist_result=False)
async def zoom(
    story: Story | PlanRequest, config: RunConfig, root: Path = Path("runs"), force: bool = False
) -> dict[str, Any]:
    """Make the zoom of a story under `root`, using what is there; returns plain facts of what came of it.

    Of a wish the story is made first, and with `config.plan.refine` it is refined by looking at drafts.
    """
    with using(services_for(config, root)) as services:
        found, told = told_story(story, config, services, on_event=listener(), force=force, perform=perform)
        making = Making(prepare(drawn(config), found, root, told=told), listener(), force=force)
        with making.in_progress():
            for stage in stages_of(making.run):
                make.with_options(name=stage.name)(making, stage)
            report = making.finish()
            if "scores" in report.results:
                publish_scores(making)
    return report.as_json()
