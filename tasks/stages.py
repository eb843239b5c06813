"""The stages of a run, in their order, and which of them are there already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import prompts
from tasks.compose import COMPOSED, MATCHES
from tasks.enlarge import LEVELS
from tasks.events import Listener
from tasks.motion_scores import MOTION
from tasks.render import PICTURES, VIDEO
from tasks.run import Results, Run, Stage
from tasks.sample import SAMPLING
from tasks.score import SCORES
from tasks.stage import Json, Made, Manifest
from tasks.view import VIEW


def _story_inputs(run: Run, _results: Results) -> Json:
    return {"yaml": prompts.dump_story(run.story)}


def _make_story(run: Run, _results: Results, work: Path, _on_event: Listener) -> Made:
    file = work / "story.yaml"
    file.write_text(prompts.dump_story(run.story), encoding="utf-8")
    return Made({"story.yaml": file})


STORY = Stage("story", (), _story_inputs, _make_story)


def stages_of(run: Run) -> tuple[Stage, ...]:
    """The run's stages, each depending only on those before it."""
    composed = run.config.compose is not None
    scores = () if run.scorer is None and not composed else (SCORES,)
    levels = (COMPOSED, MATCHES) if composed else (SAMPLING, replace(LEVELS, gpu=bool(run.cascade)))
    motion = (MOTION,) if run.config.scores.video else ()
    return (STORY, *levels, *scores, VIDEO, *motion, PICTURES, VIEW)


def look_ahead(run: Run) -> dict[str, Manifest]:
    """The stages that are there already; what depends on one that is not counts as not there. Writes nothing."""
    found: dict[str, Manifest] = {}
    for stage in stages_of(run):
        manifest = run.workshop.peek(stage.key(run, found)) if set(stage.needs) <= found.keys() else None
        if manifest is not None:
            found[stage.name] = manifest
    return found


def is_made(run: Run) -> bool:
    """Whether every stage is there already. Writes nothing."""
    return len(look_ahead(run)) == len(stages_of(run))
