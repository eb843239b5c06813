"""What a step of a training is shown: real patches with the labels of their rows, and the latents of made ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Protocol

import torch
from torch import Tensor

from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.sizes import layer_sides
from zoomlib.infinity.training.losses import row_label
from zoomlib.infinity.training.recipe import Recipe

POOL_PICTURES, POOL_STEPS = 256, 128
"""How many pictures a program draws at a time, and for how many steps patches are cut from them."""


class Pictures(Protocol):
    """What is trained on: pictures by step, the same whenever a step is taken."""

    def __call__(self, count: int, side_px: int, generator: torch.Generator, /) -> Tensor:
        """(count, 3, side, side) in [-1, 1], chosen by the generator."""


def seeded(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator that depends on all the numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 0x9E3779B9) % (1 << 62)
    return torch.Generator(device).manual_seed(mixed)


class RealPatches:
    """Patches of real pictures by step. A pool of pictures serves several steps, as drawing them costs time."""

    def __init__(self, recipe: Recipe, pictures: Pictures, device: torch.device) -> None:
        self.recipe, self.pictures, self.device = recipe, pictures, device
        self._pool = -1, torch.empty(0)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Patches (B, 3, s, s) of real pictures, mirrored at random, and the labels (B,) of their rows."""
        recipe, draw = self.recipe, seeded(torch.device("cpu"), self.recipe.seed, step, 3)
        if self._pool[0] != step // POOL_STEPS:
            chosen = seeded(self.device, recipe.seed, step // POOL_STEPS, 4)
            self._pool = step // POOL_STEPS, self.pictures(POOL_PICTURES, recipe.full_px, chosen).to(self.device)
        which = torch.randint(POOL_PICTURES, (recipe.batch,), generator=draw).tolist()
        rows, columns = torch.randint(recipe.rows_px + 1, (2, recipe.batch), generator=draw)
        mirrored = torch.rand(recipe.batch, generator=draw) < (0.5 if recipe.flip else 0.0)
        s = recipe.generator.patch_px
        cut = [
            self._pool[1][k, :, y : y + s, x : x + s].flip(2) if m else self._pool[1][k, :, y : y + s, x : x + s]
            for k, y, x, m in zip(which, rows.tolist(), columns.tolist(), mirrored.tolist(), strict=True)
        ]
        labels = row_label(rows.float(), recipe.rows_px)
        return torch.stack(cut).to(memory_format=torch.channels_last), labels.to(self.device)


@dataclass(frozen=True, eq=False)
class Latents:
    """What a batch of patches is made of, pairs with the same global latent and place beside each other.

    style (B, S): z_g. mixed (B, 2L + 1, S): that of each layer, or None. local (B, C, m, m), coordinates (B, A, m, m):
    with their halo. noises: of each layer (B, 1, s, s). rows (B,): labels in [-1, 1].
    """

    style: Tensor
    mixed: Tensor | None
    local: Tensor
    coordinates: Tensor
    noises: tuple[Tensor, ...]
    rows: Tensor

    @property
    def half(self) -> Latents:
        """The first half of the batch, whole pairs."""
        count = max(len(self.style) // 4 * 2, 2)
        mixed = None if self.mixed is None else self.mixed[:count]
        noises = tuple(noise[:count] for noise in self.noises)
        return Latents(
            self.style[:count], mixed, self.local[:count], self.coordinates[:count], noises, self.rows[:count]
        )


def draw_latents(
    recipe: Recipe, generator: torch.Generator, device: torch.device, label: float | None = None
) -> Latents:
    """The latents of a batch on `device`, all from the generator, which lives on the CPU or on that device.

    Patches lie anywhere, or all at the height of one label, -1 to 1.
    """
    config, pairs, drawn_on = recipe.generator, recipe.batch // 2, generator.device
    side = config.cells + 2 * config.halo

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=drawn_on)

    def twice(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 0).to(device)

    places = torch.rand(2, pairs, generator=generator, device=drawn_on)
    style, other = normal(2, pairs, config.style)
    local = normal(2 * pairs, config.local, side, side)
    noises = [normal(2 * pairs, 1, s, s) for s in layer_sides(config.cells, config.blocks)]
    if config.axes == "horizon":
        rows = 2 * places[0] - 1 if label is None else torch.full_like(places[0], label)
        rows = rows if recipe.rows_px else torch.zeros_like(rows)  # as of real patches that cannot move
        centre = rows * recipe.shift_cells
    else:
        centre, rows = places[0] * config.period, torch.zeros(pairs, device=drawn_on)
    coordinates = patch_coordinates(config, centre, places[1] * config.period)
    mixed = _mixed(recipe, style, other, generator)
    return Latents(
        twice(style),
        None if mixed is None else twice(mixed),
        local.to(device),
        twice(coordinates),
        tuple(noise.to(device) for noise in noises),
        twice(rows),
    )


def _mixed(recipe: Recipe, style: Tensor, other: Tensor, generator: torch.Generator) -> Tensor | None:
    """z_g of each layer and the last colours, (B, 2L + 1, S), from a random layer on the other one; None mostly where
    the recipe mixes seldom."""
    layers = recipe.generator.layers
    mixes = recipe.style_mixing > torch.rand((), generator=generator, device=generator.device)
    first = torch.randint(1, layers + 1, (), generator=generator, device=generator.device)
    if not mixes:
        return None
    swapped = torch.arange(layers + 1, device=generator.device) >= first
    return torch.where(swapped[None, :, None], other[:, None], style[:, None])


def patch_coordinates(config: GeneratorConfig, rows: Tensor, columns: Tensor) -> Tensor:
    """Coordinates (B, A, m, m) of patches with their halo, whose centres lie `rows` (B,) cells below the horizon and
    whose first column without halo is `columns` (B,); both real numbers, one shift for all of a patch."""
    side = config.cells + 2 * config.halo
    steps = torch.arange(side, device=rows.device, dtype=rows.dtype)
    down, across = rows[:, None] + steps - (side - 1) / 2, columns[:, None] + steps - config.halo
    turns = (across if config.axes == "horizon" else torch.stack((down, across), 1)) * (2 * pi / config.period)
    if config.axes == "horizon":
        parts = [torch.tanh(config.rise * down)[:, None, :, None], *_circle(turns, (slice(None), None, None))]
    else:
        parts = [
            *_circle(turns[:, 0], (slice(None), None, slice(None), None)),
            *_circle(turns[:, 1], (slice(None), None, None)),
        ]
    return torch.cat([part.expand(-1, 1, side, side) for part in parts], 1)


def _circle(angle: Tensor, at: tuple[slice | None, ...]) -> tuple[Tensor, Tensor]:
    return torch.cos(angle)[at], torch.sin(angle)[at]
