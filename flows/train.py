"""Training of the bundled model as a Prefect flow."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from prompts import load_story
from tasks import train as stages
from tasks.events import listener
from tasks.model_card import STORIES
from zoomlib import bundled
from zoomlib.bundled.recipe import Recipe


@task(name="train the bundled model", cache_policy=NO_CACHE, persist_result=False)
def train(recipe: Recipe, checkpoints: Path, out: Path, device: str) -> Path:
    """Run the stages that are not done yet."""
    stories = {name: list(load_story(name).prompts()) for name in STORIES}
    return stages.train_bundled(recipe, checkpoints, out, device, stories, listener())


@flow(name="train-bundled", persist_result=False)
def train_bundled(
    recipe: Recipe | None = None,
    checkpoints: Path = Path("checkpoints/bundled"),
    out: Path | None = None,
    device: str = "cpu",
) -> Path:
    """Train the bundled model from nothing, or go on from `checkpoints`; returns the folder of the finished model."""
    return train(recipe or Recipe(), checkpoints, out or bundled.folder(), device)
