"""The main job as a Prefect flow: a story becomes a zoom video, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from prompts import Story
from tasks.engine import make, publish_scores
from tasks.events import listener
from tasks.pipeline import Making
from tasks.plan import prepare
from tasks.specs import RunConfig
from tasks.stages import stages_of


@flow(name="zoom", flow_run_name="zoom {story.title}", persist_result=False)
async def zoom(story: Story, config: RunConfig, root: Path = Path("runs"), force: bool = False) -> dict[str, Any]:
    """Make the zoom of a story under `root`, using what is there; returns plain facts of what came of it."""
    making = Making(prepare(config, story, root), listener(), force=force)
    with making.in_progress():
        for stage in stages_of(making.run):
            make.with_options(name=stage.name)(making, stage)
        report = making.finish()
        if "scores" in report.results:
            publish_scores(making)
    return report.as_json()
