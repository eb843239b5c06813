"""What a training of planes would be, said before it begins."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.infinity_plan import duration
from tasks.train_infinity import command_of, done_before, pictures_of
from zoomlib.infinity.training.cost import TrainingCost, training_cost
from zoomlib.infinity.training.recipe import Recipe
from zoomlib.infinity.training.state import STATE

CORE_MACS = 4.3e10
"""Multiplications in a second of one core while it trains: those of the recipe cpu, whose steps take 0.134 s of one."""


def training_plan(recipe: Recipe, checkpoints: Path, device: str) -> str:
    """The resolved recipe as JSON, then in sentences: the networks, memory, time where it is known, what is done
    already. Writes nothing. Raises as `tasks.train_infinity.train_infinity` before it begins, save for memory."""
    pictures = pictures_of(recipe)
    done = done_before(recipe, checkpoints, "cpu", pictures) if (checkpoints / STATE).exists() else 0
    cost = training_cost(recipe)
    return "\n".join(
        [
            json.dumps(recipe.as_json(), indent=2),
            "",
            f"The generator has {cost.generator:,} numbers, the discriminator {cost.discriminator:,}. "
            + _memory(cost, checkpoints),
            _time(recipe, cost, device, done),
            f"As one command: {command_of(recipe, recipe.data, recipe.iterations)}",
            "Nothing was written.",
        ]
    )


def _memory(cost: TrainingCost, checkpoints: Path) -> str:
    counts = (cost.weights_bytes, cost.maps_bytes, cost.pictures_bytes, cost.checkpoint_bytes)
    weights, maps, pictures, kept = (f"{max(count / 2**20, 1):,.0f} MB" for count in counts)
    return (
        f"Memory beside the program's own: {weights} for weights, gradients and moments, roughly {maps} for a step, "
        f"and {pictures} for pictures, up to five times that while they are drawn; the checkpoint in {checkpoints} "
        f"takes {kept}, twice that while it is written."
    )


def _time(recipe: Recipe, cost: TrainingCost, device: str, done: int) -> str:
    left = recipe.iterations - done
    before = f"{done:,} of {recipe.iterations:,} steps are made already; " if done else ""
    told = f"{before}{left:,} steps of {cost.step_macs / 1e6:,.0f} million multiplications"
    if device == "cpu":
        return f"{told}: roughly {duration(left * cost.step_macs / CORE_MACS)} of one core."
    return f"{told}: how long {device} takes, the first steps will tell."
