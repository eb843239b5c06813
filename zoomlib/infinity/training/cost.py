"""What a training takes, from the sizes of its networks alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch

from zoomlib.errors import NoRoomError
from zoomlib.infinity import sizes
from zoomlib.infinity.config import DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.training.draws import POOL_PICTURES
from zoomlib.infinity.training.recipe import Recipe
from zoomlib.memory import free_bytes

_PASSES = (4, 8)
"""Forward passes that a step costs of the generator and of the discriminator, a backward one counted as two: D sees
real and made patches (made without gradients) and G makes patches anew, through D, whose weights rest then."""
_COPIES = (5, 4)
"""What is held of each weight: itself, gradient and two moments; of the generator also the average."""
_KEPT, _KEPT_WITHOUT_BLUR = 4.3, 3.0
"""Maps that are kept for the backward pass, for each that a layer puts out: measured on all recipes, 4.1 to 4.5, and in
a discriminator without blur 3."""


@dataclass(frozen=True)
class TrainingCost:
    """Trained numbers of both networks; multiplications of a usual step (penalties, which come every so often, are not
    counted); bytes of weights with averages, gradients and moments, without gradients in a checkpoint, roughly of the
    maps that one step keeps, and of the pictures that patches are cut from."""

    generator: int
    discriminator: int
    step_macs: int
    weights_bytes: int
    checkpoint_bytes: int
    maps_bytes: int
    pictures_bytes: int

    @property
    def needed_bytes(self) -> int:
        """What a training holds at once."""
        return self.weights_bytes + self.maps_bytes + self.pictures_bytes


def training_cost(recipe: Recipe) -> TrainingCost:
    """The cost of a recipe. Maps are counted in the recipe's precision."""
    g, d = recipe.generator, recipe.discriminator
    numbers = sizes.parameters(g), discriminator_parameters(d)
    drawn = sizes.structure_macs(g, g.cells) + sizes.texture_macs(g, g.cells)
    step = recipe.batch * (_PASSES[0] * drawn + _PASSES[1] * discriminator_macs(d))
    maps = _KEPT * _generator_maps(g) + (_KEPT if d.blur else _KEPT_WITHOUT_BLUR) * _discriminator_maps(d)
    each = 2 if recipe.precision == "bfloat16" else 4
    weights = 4 * sum(count * copies for count, copies in zip(numbers, _COPIES, strict=True))
    pictures = 4 * POOL_PICTURES * 3 * recipe.full_px**2
    return TrainingCost(*numbers, step, weights, weights - 4 * sum(numbers), int(each * recipe.batch * maps), pictures)


def check_room(recipe: Recipe, device: torch.device | str) -> None:
    """Raise NoRoomError for a training that takes more memory than the device has free."""
    needed, free = training_cost(recipe).needed_bytes, free_bytes(device)
    if needed > free:
        raise NoRoomError(
            f"This training takes about {needed / 2**30:,.1f} GiB, and {device} has {free / 2**30:,.1f} GiB free. Give "
            "a smaller batch or full_px, or narrower networks."
        )


def discriminator_parameters(config: DiscriminatorConfig) -> int:
    """Trained numbers of the discriminator."""
    channels, wide = config.channels, config.linear
    total = 4 * channels[0]
    for before, after in pairwise(channels):
        total += before * (9 * before + 1) + after * (9 * before + 1) + before * after
    last = channels[-1]
    return total + last * (9 * (last + 1) + 1) + 2 * (wide * (last * config.last_px**2 + 1) + wide + 1)


def discriminator_macs(config: DiscriminatorConfig) -> int:
    """Multiplications of its convolutions and heads for one patch; filters are not counted."""
    side, channels = config.patch_px, config.channels
    total = 3 * channels[0] * side**2
    for before, after in pairwise(channels):
        half = side // 2
        total += 9 * before**2 * side**2 + 10 * before * after * half**2
        side = half
    flat = channels[-1] * side**2
    return total + 9 * (channels[-1] + 1) * flat + 2 * (flat + 1) * config.linear


def _generator_maps(config: GeneratorConfig) -> int:
    """Values that the layers of both synthesizers put out for one patch."""
    inner = [config.cells + 2 * (config.halo - config.radius * layer) for layer in range(config.structure_layers + 1)]
    outer = sizes.layer_sides(config.cells, config.blocks)
    return config.local * sum(side**2 for side in inner) + sum(
        config.texture[layer // 2] * side**2 for layer, side in enumerate(outer)
    )


def _discriminator_maps(config: DiscriminatorConfig) -> int:
    """Values that the discriminator's layers put out for one patch."""
    side, total = config.patch_px, config.channels[0] * config.patch_px**2
    for before, after in pairwise(config.channels):
        half = side // 2
        total += before * side**2 + 2 * after * half**2
        side = half
    return total
