"""The stages of training the bundled model: diffusion model, super-resolution, scorer, folder, model card."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted
from tasks.recipes import with_recipe_settings
from zoomlib.bundled.recipe import Recipe

SHEETS, SHEET_STEPS = "sheets", 12
COUNTS = (
    "images", "batch", "workers", "warm_up_images", "shard", "first_shards", "most_shards", "steps_per_shard",
    "scorer_steps", "scorer_pictures", "super_resolution_steps", "super_resolution_pictures", "checkpoint_steps",
    "sheet_steps", "clip", "learning_rate",
)  # fmt: skip
"""What a recipe has at least one of, or more than none."""


def recipe_for(device: str, settings: Mapping[str, object]) -> Recipe:
    """The shipped model's recipe, suited to a device, with any of its numbers by dotted path on top.

    Raises RefusedError for an unknown one, another type, and numbers with which nothing can be trained.
    """
    recipe = with_recipe_settings(Recipe().suited_to(device), settings)
    if none := [name for name in COUNTS if not getattr(recipe, name)]:
        raise RefusedError(
            f"The setting {none[0]} was refused: expected a number above 0; got {getattr(recipe, none[0])}."
        )
    if not sum(recipe.mask_kinds.values()):
        raise RefusedError("The settings of mask_kinds were refused: expected one of them above 0; got 0 for all.")
    return recipe


def training_plan(recipe: Recipe, checkpoints: Path) -> str:
    """The recipe as JSON, then in sentences what is trained, and how much of it already. Writes nothing. Raises
    InvalidInputError for checkpoints of another recipe."""
    from zoomlib.bundled.training import latest
    from zoomlib.bundled.training_state import check_begun

    check_begun(recipe, checkpoints)
    before = latest(checkpoints)
    done = f" {before.images:,} of them were shown by the last step that the log tells of." if before else ""
    small = ", ".join(name for name in ("scorer", "super_resolution") if (checkpoints / name).exists())
    return "\n".join(
        [
            json.dumps(asdict(recipe), indent=2),
            "",
            f"The diffusion model is shown {recipe.images:,} pictures, {recipe.batch * recipe.workers} a step.{done}",
            *([f"Trained already, and kept: {small}."] if small else []),
            "How long that takes, the bar tells; the shipped model took hours of two cores. Nothing was written.",
        ]
    )


def train_bundled(
    recipe: Recipe, checkpoints: Path, out: Path, device: str, stories: dict[str, list[str]], on_event: Listener
) -> Path:
    """Train whatever is not trained yet, and write the model folder `out`; returns it.

    `checkpoints` keeps what a later call goes on from: the diffusion model's last state, the finished smaller nets,
    sample sheets. `stories` are the prompts on which the card measures joint sampling.
    """
    stages: list[tuple[str, Callable[[], Path]]] = [
        ("scorer", lambda: _small("scorer", recipe, checkpoints, device, on_event)),
        ("super_resolution", lambda: _small("super_resolution", recipe, checkpoints, device, on_event)),
        ("diffusion", lambda: _diffusion(recipe, checkpoints, device, on_event)),
        ("folder", lambda: write_folder(recipe, checkpoints, out)),
        ("card", lambda: _card(out, device, stories, recipe)),
    ]
    for name, work in stages:
        began = time.monotonic()
        if name in ("folder", "card"):
            on_event(StageStarted(name, 1, "step"))
        work()
        on_event(StageDone(name, True, time.monotonic() - began))
    return out


def _diffusion(recipe: Recipe, checkpoints: Path, device: str, on_event: Listener) -> Path:
    from zoomlib.bundled.training import latest, train

    before = latest(checkpoints)
    on_event(StageStarted("diffusion", recipe.images, "picture", before.images if before else 0))
    drawn = before.step // recipe.sheet_steps if before else 0
    for progress in train(recipe, checkpoints, device):
        on_event(StageMoved("diffusion", progress.images))
        if progress.step // recipe.sheet_steps > drawn:
            drawn = progress.step // recipe.sheet_steps
            draw_sheet(recipe, checkpoints, progress.step, device)
    return checkpoints


def _small(name: str, recipe: Recipe, checkpoints: Path, device: str, on_event: Listener) -> Path:
    """A net that trains in minutes and so is not resumed, only kept once it is finished."""
    folder = checkpoints / name
    if folder.exists():
        return folder
    part = checkpoints / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    steps, work = _trainings(name, part, recipe, device)
    on_event(StageStarted(name, steps, "step"))
    for step, _loss in work:
        if step % 10 == 0:
            on_event(StageMoved(name, step))
    part.rename(folder)
    return folder


def _trainings(name: str, folder: Path, recipe: Recipe, device: str) -> tuple[int, Iterator[tuple[int, float]]]:
    from evaluation.networks import scorer_training
    from zoomlib.bundled import super_resolution

    if name == "scorer":
        return recipe.scorer_steps, scorer_training.train_scorer(
            folder, steps=recipe.scorer_steps, pictures=recipe.scorer_pictures, seed=recipe.seed, device=device
        )
    return recipe.super_resolution_steps, super_resolution.train_super_resolution(
        folder,
        steps=recipe.super_resolution_steps,
        pictures=recipe.super_resolution_pictures,
        seed=recipe.seed,
        device=device,
    )


def write_folder(recipe: Recipe, checkpoints: Path, out: Path) -> Path:
    """Put the trained parts together as one model folder; the old one stays until the new one is whole."""
    from zoomlib.bundled.assemble import write_model
    from zoomlib.bundled.training import Trainer

    trainer = Trainer(recipe, checkpoints)
    trainer.resume()
    model = trainer.averaged()
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    write_model(model.unet, model.text_encoder, part)
    for name in ("super_resolution", "scorer"):
        shutil.copytree(checkpoints / name, part / name)
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return out


def draw_sheet(recipe: Recipe, checkpoints: Path, step: int, device: str) -> Path:
    """A sheet of samples of the state reached, four of every class, to look at while training goes on."""
    import torch

    from evaluation.networks.bundled_quality import draw_samples
    from zoomlib.bundled.assemble import write_model
    from zoomlib.bundled.sheets import sheet
    from zoomlib.bundled.training import Trainer
    from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, phrase
    from zoomlib.guidance import Guided
    from zoomlib.images import save_png
    from zoomlib.models import load_denoiser

    trainer = Trainer(recipe, checkpoints)
    trainer.resume()
    model = trainer.averaged()
    folder = checkpoints / SHEETS / ".model"
    write_model(model.unet, model.text_encoder, folder)
    prompts = [phrase(kind, COLOUR_NAMES[n * 2 + kind % 2]) for kind in range(len(CLASSES)) for n in range(4)]
    denoiser = Guided(load_denoiser(folder, device=device), 2.0, 0.7, clamp=True)
    images = draw_samples(denoiser, prompts, torch.Generator().manual_seed(0), steps=SHEET_STEPS)
    path = checkpoints / SHEETS / f"step_{step:06d}.png"
    save_png(sheet(images, 12), path)
    shutil.rmtree(folder)
    return path


def _card(out: Path, device: str, stories: dict[str, list[str]], recipe: Recipe) -> Path:
    from tasks.model_card import write_card

    return write_card(out, device, stories, recipe)
