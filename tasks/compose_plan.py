"""From a story and the pictures that it is composed of to a run: what `tasks.plan.prepare` does for sampled ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zoomlib.registration
from prompts import Story
from tasks.errors import RefusedError
from tasks.film import given_sounds
from tasks.machine import resolve_device
from tasks.measures import describe_measures, describe_scorer
from tasks.run import Run, Tools
from tasks.specs import RunConfig

METHOD = "compose"


def composed_run(config: RunConfig, story: Story, root: Path, tools: Tools) -> Run:
    """A run of placed pictures, resolved, without id and film; nothing has been written, no picture read.

    Raises RefusedError where it is not one, InvalidInputError where no levels can be made of the places.
    """
    spec = config.compose
    if spec is None or len(story.levels) != len(spec.pictures):
        count = 0 if spec is None else len(spec.pictures)
        raise RefusedError(f"The story has {len(story.levels)} levels, and the run is composed of {count} pictures.")
    if config.base is not None or config.photo is not None:
        raise RefusedError("A run that is composed of pictures starts from no other run and no photograph.")
    width, height = spec.views.size
    shape, scorer = (3, height, width), describe_scorer(config.scores, tools)
    device = resolve_device(config.model.devices[0])  # of the scorer
    update: dict[str, Any] = {
        "method": METHOD,
        "sampling": {},
        "p": None,
        "model": config.model.model_copy(update={"device": device, "dtype": "float32"}),
    }
    return Run(
        id="",
        story=story,
        config=config.model_copy(update=update),
        root=root,
        folder=root,
        method=zoomlib.registration,
        shape=shape,
        size_px=(height, width),
        model={
            "id": "pictures",
            "revision": spec.content,
            "shape": shape,
            "size_px": (height, width),
            "factor": 1,
            "upscaler": None,
        },
        scorer=scorer,
        measures=describe_measures(config.scores.measures, scorer),
        sounds=given_sounds(config.film),
        tools=tools,
    )
