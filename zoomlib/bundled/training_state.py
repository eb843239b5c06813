"""What a training of the bundled diffusion model leaves on disk, that it goes on from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from zoomlib.bundled.recipe import Recipe
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    from zoomlib.bundled.training import Trainer

STATE = "diffusion.safetensors"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
FREE = {"images", "batch", "workers", "checkpoint_steps", "sheet_steps"}
"""What may be otherwise where a training goes on, as on a GPU what a CPU began; beside what the small nets are told."""


def write_state(trainer: Trainer) -> None:
    """Write weights, their mean, the optimiser's moments, step and recipe; the old state stays until this is whole."""
    state = {f"model.{n}": p.detach() for n, p in trainer.parameters.items()}
    state |= {f"ema.{n}": p for n, p in trainer.ema.items()}
    for name, p in trainer.parameters.items():
        for key, value in trainer.optimizer.state.get(p, {}).items():
            state[f"{key}.{name}"] = value
    trainer.checkpoints.mkdir(parents=True, exist_ok=True)
    temporary = trainer.checkpoints / f".{STATE}.part"
    state["progress"] = torch.tensor([trainer.step, trainer.images])
    told = {"recipe": json.dumps(asdict(trainer.recipe), sort_keys=True)}
    save_file({k: v.contiguous().cpu() for k, v in state.items()}, temporary, metadata=told)
    temporary.replace(trainer.checkpoints / STATE)


def read_state(trainer: Trainer) -> bool:
    """Put a trainer back to the last saved state; False where there is none."""
    path = trainer.checkpoints / STATE
    if not path.exists():
        return False
    state = load_file(path, device=str(trainer.device))
    for name, p in trainer.parameters.items():
        p.data.copy_(state[f"model.{name}"])
        trainer.ema[name].copy_(state[f"ema.{name}"])
        moments = {key: state[f"{key}.{name}"] for key in MOMENTS if f"{key}.{name}" in state}
        trainer.optimizer.state[p] = {k: torch.empty_like(p).copy_(v) if v.ndim else v for k, v in moments.items()}
    trainer.step, trainer.images = state["progress"].tolist()
    return True


def check_begun(recipe: Recipe, checkpoints: Path) -> None:
    """Raise InvalidInputError for the state of a training with another recipe, what is FREE and the small nets' aside,
    or one that cannot be read; a state that tells of no recipe is taken for this one's."""
    path = checkpoints / STATE
    if not path.exists():
        return
    try:
        with safe_open(path, "pt") as file:
            begun = json.loads((file.metadata() or {}).get("recipe", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise InvalidInputError(f"{path} cannot be read ({error}). Delete it to train from nothing.") from None
    for name, wanted in json.loads(json.dumps(asdict(recipe))).items():
        free = name in FREE or name.startswith(("scorer_", "super_resolution_"))
        if not free and begun.get(name, wanted) != wanted:
            raise InvalidInputError(
                f"The training in {checkpoints} was begun with {name} {begun[name]!r}, and is to go on with "
                f"{wanted!r}. Give it the same recipe, or another folder for checkpoints."
            )
