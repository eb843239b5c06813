"""Training of a generator of planes as a Prefect flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tasks import train_infinity as stages
from tasks.events import listener
from tasks.machine import resolve_device
from zoomlib.infinity.training.recipe import Recipe


@task(name="train a generator of planes", cache_policy=NO_CACHE, persist_result=False)
def train(recipe: Recipe, checkpoints: Path, out: Path, device: str) -> Path:
    """Train from nothing or from the last checkpoint, measure, and write the folder."""
    return stages.train_infinity(recipe, checkpoints, out, device, listener())


@flow(name="train-infinity", persist_result=False)
def train_infinity(
    recipe: str | None = None,
    data: str | None = None,
    iterations: int | None = None,
    seed: int | None = None,
    checkpoints: Path = Path("checkpoints/infinity"),
    out: Path = Path("models/infinity"),
    device: str = "auto",
    settings: dict[str, Any] | None = None,
) -> Path:
    """Train a generator of planes (InfinityGAN), or go on from `checkpoints`; returns the folder of the finished one.

    Args:
        recipe: cpu, cpu-maps, gpu or paper; by the data where none is named
        data: a folder of pictures, or landscapes or maps, which a program draws
        iterations: steps in all; the recipe's own
        seed: of all randomness; the recipe's own
        checkpoints: folder of what a stopped training goes on from
        out: folder of the finished generator
        device: auto, cpu, cuda, cuda:1, mps
        settings: any numbers of the recipe by dotted path, as {"generator.texture": [64, 64, 48]}
    """
    resolved = stages.recipe_for(recipe, data, iterations, seed, settings)
    return train(resolved, checkpoints, out, resolve_device(device))
