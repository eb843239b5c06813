"""The stages of training a generator of planes: training, what it has learned, and the folder with its card."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageNoted, StageStarted
from tasks.recipes import settings_beside, with_recipe_settings
from tasks.store import replacing
from tasks.sweep_spec import leaves
from zoomlib.infinity.training.landscapes import WORLDS
from zoomlib.infinity.training.recipe import RECIPES, Recipe, recipe_named

if TYPE_CHECKING:
    from zoomlib.infinity.training.draws import Pictures
    from zoomlib.infinity.training.quality import Quality
    from zoomlib.infinity.training.trainer import Trainer

SHEETS, SAMPLES, CARD = "sheets", "samples.png", "README.md"
OPTIONS = ("data", "iterations", "seed")
"""Settings of a recipe that have options of their own."""
BARS = {
    "row_error": ("mean distance of the row that the discriminator finds", "at most 0.3"),
    "greening": ("green minus blue, lower third minus upper, three heights", "at least 0.2"),
    "profile": ("correlation of mean rows with real ones, three heights", "at least 0.8"),
    "colour_spread": ("spread of colours over that of real ones", "0.5 to 2"),
    "diversity": ("diversity loss (Eq. 2)", "at most 3"),
    "sliced": ("sliced distance of 8 x 8 pieces", "at most 0.15, an eighth of untrained"),
}


def recipe_for(
    name: str | None = None,
    data: str | None = None,
    iterations: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, object] | None = None,
) -> Recipe:
    """A named recipe (`cpu`, or `cpu-maps` for maps, where none is) with what was asked for on top.

    data: a world's name, or a folder of pictures. settings: any numbers of the recipe by dotted path, as
    `generator.texture`; they win. Raises InvalidInputError or RefusedError for what is none.
    """
    named = {key: value for key, value in zip(OPTIONS, (data, iterations, seed), strict=True) if value is not None}
    wanted = {**named, **dict(leaves(settings or {}))}
    data = str(wanted.get("data", data))
    if "data" in wanted and data not in WORLDS and not Path(data).is_dir():
        raise RefusedError(
            f"--data is a folder of pictures or one of {', '.join(WORLDS)}; {data!r} is neither. Make the folder, or "
            "choose a world."
        )
    return with_recipe_settings(recipe_named(name or ("cpu-maps" if data == "maps" else "cpu")), wanted)


def train_infinity(recipe: Recipe, checkpoints: Path, out: Path, device: str, on_event: Listener) -> Path:
    """Train, or go on training, and write the folder `out`, which `load_generator` reads; returns it.

    `checkpoints` keeps what a later call goes on from: the state, a log of losses, sample sheets. Every picture of a
    folder is looked at before training begins. Raises InvalidInputError for what cannot be trained, NoRoomError for
    what the device has no memory for, RefusedError where the checkpoints are of more steps than asked for.
    """
    from zoomlib.infinity.training.cost import check_room

    pictures = pictures_of(recipe)
    check_room(recipe, device)
    done = done_before(recipe, checkpoints, device, pictures)
    on_event(StageStarted("training", recipe.iterations, "steps", done))
    began = time.monotonic()
    trainer = _trained(recipe, checkpoints, device, pictures, on_event)
    on_event(StageDone("training", True, time.monotonic() - began))
    began = time.monotonic()
    on_event(StageStarted("quality", 2, "generators"))
    before, after = measured(trainer, on_event)
    on_event(StageDone("quality", True, time.monotonic() - began))
    level = recipe.generator.axes == "horizon"
    for fault in after.faults(before, heights=level) if recipe.data in WORLDS else ():
        on_event(StageNoted("quality", f"This generator has not learned enough: {fault}. Train it longer."))
    write_folder(trainer, out, before, after)
    return out


def pictures_of(recipe: Recipe) -> Pictures | None:
    """The pictures of a folder; None for a world that a program draws."""
    if recipe.data in WORLDS:
        return None
    from zoomlib.infinity.training.picture_folder import PictureFolder

    return PictureFolder(Path(recipe.data), recipe.full_px)


def done_before(recipe: Recipe, checkpoints: Path, device: str, pictures: Pictures | None) -> int:
    """The step from which a training goes on. Raises InvalidInputError for one begun with another recipe, RefusedError
    for one that has made more steps than are asked for."""
    from zoomlib.infinity.training.trainer import Trainer

    trainer = Trainer(recipe, checkpoints, device, pictures)
    trainer.resume()
    if trainer.step > recipe.iterations:
        raise RefusedError(
            f"The training in {checkpoints} has made {trainer.step} steps already, and {recipe.iterations} are asked "
            "for. Ask for more with --iterations, or name another folder with --checkpoints."
        )
    return trainer.step


def _trained(recipe: Recipe, checkpoints: Path, device: str, pictures: Pictures | None, on_event: Listener) -> Trainer:
    from zoomlib.infinity.training.trainer import Trainer, train

    with closing(train(recipe, checkpoints, device, pictures)) as steps:
        for trainer, progress in steps:
            if progress.step % recipe.sheet_steps == 0:
                draw_sheet(trainer, checkpoints / SHEETS / f"step_{progress.step:06d}.png")
            on_event(StageMoved("training", progress.step))
    trainer = Trainer(recipe, checkpoints, device, pictures)
    trainer.resume()
    return trainer


def draw_sheet(trainer: Trainer, path: Path) -> Path:
    """Real patches, made ones at three heights, and a wide window, as one picture."""
    from zoomlib.images import save_png
    from zoomlib.infinity.training.sheets import sample_sheet

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_png(sample_sheet(trainer), temporary)
    return path


def measured(trainer: Trainer, on_event: Listener) -> tuple[Quality, Quality]:
    """The quality of the same generator without training, and of the trained one."""
    from zoomlib.infinity.training.quality import quality
    from zoomlib.infinity.training.trainer import Trainer

    before = quality(Trainer(trainer.recipe, trainer.checkpoints, str(trainer.device), trainer.pictures))
    on_event(StageMoved("quality", 1))
    after = quality(trainer)
    on_event(StageMoved("quality", 2))
    return before, after


def write_folder(trainer: Trainer, out: Path, before: Quality, after: Quality) -> Path:
    """Weights, sizes and facts, a sheet of samples and the card; each file whole or not at all."""
    from zoomlib.infinity.networks.files import write_generator

    recipe = trainer.recipe
    data = recipe.data if recipe.data in WORLDS else Path(recipe.data).name  # no path of this machine
    facts: dict[str, Any] = {
        "data": data,
        "full_px": recipe.full_px,
        "iterations": trainer.step,
        "seed": recipe.seed,
        "recipe": recipe.as_json() | {"data": data, "iterations": trainer.step},
        "quality": asdict(after),
        "untrained": asdict(before),
    }
    out.mkdir(parents=True, exist_ok=True)
    draw_sheet(trainer, out / SAMPLES)
    with replacing(out / CARD) as temporary:
        temporary.write_text(card(recipe, trainer.step, facts, before, after), encoding="utf-8")
    write_generator(out, recipe.generator, trainer.averaged, discriminator=trainer.discriminator, facts=facts)
    return out


def command_of(recipe: Recipe, data: str, steps: int) -> str:
    """The command that makes a recipe's generator again: the named recipe that is nearest, and the settings beside it.

    data: as it is called where the command is written down.
    """
    beside = {name: settings_beside(recipe, made(), without=OPTIONS) for name, made in RECIPES.items()}
    name = min(beside, key=lambda each: len(beside[each]))  # of several the first
    usual = data == "landscapes" == RECIPES[name]().data
    words = ["tenfold train-infinity", f"--recipe {name}", *([] if usual else [f"--data {quote(data)}"])]
    return " ".join([*words, f"--iterations {steps} --seed {recipe.seed}", *(f"--set {one}" for one in beside[name])])


def card(recipe: Recipe, steps: int, facts: dict[str, Any], before: Quality, after: Quality) -> str:
    """The card as Markdown: what it is, what it draws and how well."""
    from zoomlib.infinity.training.quality import OF_HEIGHTS
    from zoomlib.infinity.training.quality import SAMPLES as EACH

    g = recipe.generator
    level = g.axes == "horizon"
    rows = "\n".join(
        f"| {what} | {_told(getattr(before, field))} | {_told(getattr(after, field))} | {bar} |"
        for field, (what, bar) in BARS.items()
        if level or field not in OF_HEIGHTS
    )
    made = "centred at the top of the pictures, in the middle, at the bottom" if level else "anywhere"
    return f"""# A generator of planes

Trained by Tenfold with the method of InfinityGAN (arXiv 2104.03963): patches of {g.patch_px} px, any window of an
unbounded plane. Data: {facts["data"]}, {recipe.full_px} px; {steps:,} steps of {recipe.batch} patches.
Made again by `{command_of(recipe, facts["data"], steps)}`.

First row: real patches. Then made ones, {made}; last a window
as high as a patch:

![samples]({SAMPLES})

| {EACH} samples {"half-way up, in the middle, half-way down" if level else "three times"} | untrained | trained | bar |
|---|---|---|---|
{rows}

Between two sets of real patches the sliced distance is {_told(after.real_sliced)}. The bars are for drawn worlds.
"""


def _told(value: float | tuple[float, ...]) -> str:
    return " / ".join(_told(x) for x in value) if isinstance(value, tuple) else f"{value:.3g}"
