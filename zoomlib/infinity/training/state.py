"""What a training of a generator of planes leaves on disk: the state that it goes on from, and its log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    from zoomlib.infinity.training.trainer import Trainer

STATE, LOG = "training.safetensors", "log.jsonl"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
FREE = {"iterations", "checkpoint_steps", "sheet_steps"}
"""What a recipe may have otherwise when a training goes on: no step depends on it."""


def write_state(trainer: Trainer) -> None:
    """Write all that a training goes on from; the old state stays until the new one is whole."""
    trainer.checkpoints.mkdir(parents=True, exist_ok=True)
    state: dict[str, Tensor] = {f"averaged.{name}": p for name, p in trainer.averaged.named_parameters()}
    for part, (module, optimizer) in trainer.parts.items():
        for name, p in module.named_parameters():
            state[f"{part}.{name}"] = p
            state |= {f"{part}.{key}.{name}": value for key, value in optimizer.state[p].items()}
    state |= {"step": torch.tensor(trainer.step), "r1": torch.tensor(trainer.r1), "usual_path": trainer.usual_path}
    temporary = trainer.checkpoints / f".{STATE}.part"
    kept = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(kept, temporary, metadata={"recipe": json.dumps(trainer.recipe.as_json(), sort_keys=True)})
    temporary.replace(trainer.checkpoints / STATE)


@torch.no_grad()
def read_state(trainer: Trainer) -> bool:
    """Put a trainer back to the last saved state; False where there is none.

    Raises InvalidInputError for the state of another recipe, what is `FREE` aside, or a damaged one.
    """
    path = trainer.checkpoints / STATE
    if not path.exists():
        return False
    _check_begun(trainer, path)
    state = load_file(path, device=str(trainer.device))
    for name, p in trainer.averaged.named_parameters():
        p.copy_(_found(path, state, f"averaged.{name}", p))
    for part, (module, optimizer) in trainer.parts.items():
        for name, p in module.named_parameters():
            p.copy_(_found(path, state, f"{part}.{name}", p))
            moments = {key: state[f"{part}.{key}.{name}"] for key in MOMENTS if f"{part}.{key}.{name}" in state}
            optimizer.state[p] = {k: torch.empty_like(p).copy_(v) if v.ndim else v for k, v in moments.items()}
    trainer.usual_path, trainer.step, trainer.r1 = state["usual_path"], int(state["step"]), float(state["r1"])
    return True


def write_log(checkpoints: Path, progress: Mapping[str, Any]) -> None:
    """One more line of the log."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    with (checkpoints / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(progress) + "\n")


def cut_log(checkpoints: Path, step: int) -> None:
    """Take from the log what happened after a step from which a training goes on, as it happens again."""
    path = checkpoints / LOG
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if _step_of(line) <= step]
    if kept != lines:
        temporary = checkpoints / f".{LOG}.part"
        temporary.write_text("".join(kept), encoding="utf-8")
        temporary.replace(path)


def _step_of(line: str) -> float:
    """The step of a line of the log; infinite where a killed training left it unfinished."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _check_begun(trainer: Trainer, path: Path) -> None:
    try:
        with safe_open(path, "pt") as file:
            begun = json.loads(file.metadata()["recipe"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path} cannot be read ({error}). Delete it to train from nothing.") from None
    wanted = trainer.recipe.as_json()
    for name in sorted(wanted.keys() - FREE):
        if begun.get(name) != wanted[name]:
            which, was, now = _difference(name, begun.get(name), wanted[name])
            raise InvalidInputError(
                f"The training in {trainer.checkpoints} was begun with {which} {was!r}, and is to go on with {now!r}. "
                "Give it the same recipe, or another folder for checkpoints."
            )


def _difference(name: str, was: Any, now: Any) -> tuple[str, Any, Any]:
    """The setting in which two values of a recipe differ: in a group, the first of its own."""
    if isinstance(was, dict) and isinstance(now, dict):
        for inner in now:
            if was.get(inner) != now[inner]:
                return f"{name}.{inner}", was.get(inner), now[inner]
    return name, was, now


def _found(path: Path, state: Mapping[str, Tensor], name: str, like: Tensor) -> Tensor:
    if name not in state or state[name].shape != like.shape:
        found = tuple(state[name].shape) if name in state else "nothing"
        raise InvalidInputError(
            f"{path} belongs to a training of other sizes: {name} is {found} there, {tuple(like.shape)} here. Use the "
            "recipe it was begun with, or another folder for checkpoints."
        )
    return state[name]
