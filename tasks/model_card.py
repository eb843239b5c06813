"""The model card of the bundled model: what it can draw and how well, measured, with sheets to look at."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from evaluation.networks import bundled_quality as quality
from evaluation.networks.clip import Scorer, load_scorer
from tasks.loading import USUAL_GUIDANCE, USUAL_RESCALE
from zoomlib.bundled.recipe import Recipe
from zoomlib.bundled.sheets import sheet, world_pictures
from zoomlib.bundled.world.vocabulary import CLASS_NAMES, COLOUR_NAMES
from zoomlib.denoiser import Denoiser
from zoomlib.guidance import Guided
from zoomlib.images import save_png
from zoomlib.methods import joint
from zoomlib.models import load_denoiser

STORIES = ("cosmic-leaf", "whole-ladder", "star-island", "autumn-crystal")
"""The ready stories in the words of the bundled model's world, on which its card measures joint sampling."""

COLUMNS = len(COLOUR_NAMES)
PER_CLASS = 3 * COLUMNS
BORDERS = 96
SEEDS = (1, 2, 3)  # none of those that settings were chosen with
WAYS: dict[str, dict[str, Any]] = {
    "independent": {},
    "joint, as shipped": asdict(joint.Config()),
    "joint, the paper's rule": {"coarse_weight": 1.0, "feather": 0.0},
    "joint, eta 0": {"eta": 0.0},
}


def write_card(folder: Path, device: str, stories: dict[str, list[str]], recipe: Recipe) -> Path:
    """Measure the model in `folder`; write `README.md`, `card.json` and sheets beside its weights. Returns the card."""
    denoiser = Guided(load_denoiser(folder, device=device), USUAL_GUIDANCE, USUAL_RESCALE, clamp=True)
    scorer = load_scorer(folder / "scorer", device=device)
    facts = {"trained_images": recipe.images, **measure(denoiser, scorer, folder, stories)}
    (folder / "card.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    card = folder / "README.md"
    card.write_text(words(facts), encoding="utf-8")
    return card


def measure(denoiser: Denoiser, scorer: Scorer, folder: Path, stories: dict[str, list[str]]) -> dict[str, Any]:
    """All figures of the card; draws the sheets on the way."""
    seen = quality.recognition(denoiser, scorer, PER_CLASS, torch.Generator().manual_seed(0))
    borders = quality.outpainted(denoiser, BORDERS, torch.Generator().manual_seed(1))
    world = world_pictures(PER_CLASS)
    first = [row for row in range(len(world)) if row % PER_CLASS < COLUMNS]
    for name, images, columns in (
        ("samples", seen.images[first], COLUMNS),
        ("world", world[first], COLUMNS),
        ("outpainting", torch.cat([borders.truth[:12], borders.made[:12]]), 12),
    ):
        save_png(sheet(images, columns), folder / f"{name}.png")
    return {
        "scorer": quality.scorer_accuracy(scorer),
        "recognised": {
            name: {"class": float(k), "colour": float(c), "both": float(b)}
            for name, k, c, b in zip(CLASS_NAMES, seen.kind, seen.colour, seen.both, strict=True)
        },
        "frechet_bundled_scorer": quality.frechet_distance(
            scorer.embed_images(seen.images), scorer.embed_images(world)
        ),
        "outpainting_seam": {"as delivered": borders.seam, "the model alone": borders.bare_seam},
        "joint": {name: asdict(mean_over(denoiser, scorer, stories, way)) for name, way in WAYS.items()},
        "stories": list(stories),
    }


def mean_over(
    denoiser: Denoiser, scorer: Scorer, stories: dict[str, list[str]], way: dict[str, Any]
) -> quality.Consolidation:
    """One way of sampling, averaged over stories and seeds."""
    runs = [quality.measure(denoiser, scorer, prompts, seed, **way) for prompts in stories.values() for seed in SEEDS]
    return quality.average(runs)


def words(facts: dict[str, Any]) -> str:
    """The card as Markdown."""
    recognised = "\n".join(
        f"| {name} | {100 * row['class']:.0f} % | {100 * row['colour']:.0f} % |"
        for name, row in facts["recognised"].items()
    )
    ways = "\n".join(
        f"| {name} | {row['text_score']:.1f} | {row['estimate_psnr']:.1f} | {row['seam']:.2f} |"
        for name, row in facts["joint"].items()
    )
    scorer = facts["scorer"]
    return f"""# The bundled model

A small text-to-image diffusion model that Tenfold trained itself, from nothing, on a procedural world of its own:
{facts["trained_images"]:,} examples, put together from pictures that a program draws. No photograph, no drawing and
no text of anybody was used. It is a demonstration and a test bed. It draws twelve kinds of scene in nine colours at
64 px, and nothing else; for anything beyond, use a real model. Licence: MIT, as the project. Made again by
`tenfold train-bundled`.

**Words it knows.** {", ".join(CLASS_NAMES)};
{", ".join(COLOUR_NAMES)}; "a distant view of", "a close view of"; and "... with ... in the centre".
Other words are read, but mean nothing to it.

**Parts.** `unet/` (UNet2DConditionModel, pixel space in 2 x 2 patches, predicts the clean picture, with mask and kept
picture as further input), `text_encoder/` (CLIPTextModel, 2 layers), `tokenizer/`, `scheduler/` (cosine, trailing),
`super_resolution/` (64 to 256 px; averages back to its input exactly), `scorer/` (open_clip, two towers).

## What it draws
Samples, every class in every colour (guidance {USUAL_GUIDANCE:g}, {quality.STEPS} steps, eta 1, one seed, nothing
picked):

![samples](samples.png)

The world that it learned from:

![world](world.png)

Borders outpainted around the middle half of pictures it had not seen (above the truth, below the model's):

![outpainting](outpainting.png)

## How well
The scorer names the class of held-out pictures of the world rightly in {100 * scorer["class"]:.1f} %, the colour in
{100 * scorer["colour"]:.1f} %. It measures words, not beauty. Of {PER_CLASS} samples per class, it recognises:

| class | class right | colour right |
|---|---|---|
{recognised}

Frechet distance of these samples to {PER_CLASS * 12} world pictures over the scorer's embeddings (no FID):
{facts["frechet_bundled_scorer"]:.3f}.
Seam of an outpainted border (1 is invisible), mean of {BORDERS}:
{facts["outpainting_seam"]["the model alone"]:.2f} as the model makes it, and
{facts["outpainting_seam"]["as delivered"]:.2f} as `zoomlib.inpainting` delivers it, with colours matched and, where the
border shows, a soft band of up to 3 pixels on the made side. That mends the edge that is seen, not the structure across
it.

Joint sampling over the stories {", ".join(facts["stories"])}
with {len(SEEDS)} seeds each, none of which its settings were chosen with
(text score 100 cos; agreement of the model's own last estimates in dB; seam of the windows):

| way | text score | agreement dB | seam |
|---|---|---|---|
{ways}

## Limits
Structure is approximate: arms of galaxies, orbits and venation are often irregular; mountains, forest and leaves are
textures rather than shapes. The world is flat and schematic: widths in metres mean nothing in it. A wide view and what
stands in its centre agree in colour and texture, not always in shape.
"""
