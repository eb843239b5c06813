"""Sheets of what a generator in training makes, to look at while it goes on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.infinity.field.coordinates import coordinates
from zoomlib.infinity.field.latents import Latents as Field
from zoomlib.infinity.sizes import layer_sides
from zoomlib.infinity.training.draws import seeded
from zoomlib.infinity.training.trainer import Trainer

COLUMNS, GAP_PX = 12, 2
WIDE_CELLS = 64
_HEIGHTS = (-1.0, 0.0, 1.0)  # the highest patch of a picture, the middle one, the lowest
_SEED = 9


@torch.no_grad()
def sample_sheet(trainer: Trainer) -> Tensor:
    """A sheet (3, height, width) in [-1, 1]: real patches, made ones at three heights, and a wide window.

    The latents are the same at every step, so that sheets of one training can be laid beside each other, and at all
    heights; a plane without a horizon has no heights, and shows others in each row. All pictures are twice their size.
    """
    level = trainer.recipe.generator.axes == "horizon"
    steps = range(-(-COLUMNS // trainer.recipe.batch))
    rows = [_strip([patch for step in steps for patch in trainer.real(step)[0].cpu()][:COLUMNS])]
    for row, label in enumerate(_HEIGHTS):
        of_row = () if level else (row,)
        made: list[Tensor] = []
        for batch in range(-(-2 * COLUMNS // trainer.recipe.batch)):
            latents = trainer.latents(seeded(torch.device("cpu"), _SEED, batch, *of_row), label)
            made += list(trainer.made(latents, trainer.averaged)[0].cpu())[0::2]  # one of each pair
        rows.append(_strip(made[:COLUMNS]))
    width = rows[0].shape[2]
    rows.append(_padded(wide_window(trainer), width))
    return F.interpolate(_stacked(rows)[None], scale_factor=2, mode="nearest")[0].clamp(-1, 1)


@torch.no_grad()
def wide_window(trainer: Trainer, seed: int = _SEED) -> Tensor:
    """A window (3, s, wide) of a plane, `WIDE_CELLS` cells long and as high as a patch, made in one piece."""
    config = trainer.recipe.generator
    field, halo = Field(config, seed), config.halo
    y, h, w = -(config.cells // 2), config.cells, WIDE_CELLS
    local = field.local(y - halo, -halo, h + 2 * halo, w + 2 * halo)
    where = coordinates(config, y - halo, -halo, h + 2 * halo, w + 2 * halo)
    sides = zip(layer_sides(h, config.blocks), layer_sides(w, config.blocks), strict=True)
    noises = [field.noise(layer, 0, 0, *side) for layer, side in enumerate(sides)]
    device, networks = trainer.device, trainer.averaged
    style = field.style().to(device)[None]
    features = networks.structure(local.to(device)[None], where.to(device)[None], style)
    styles = networks.texture.mapping(style)
    picture: Tensor = networks.texture(features, styles, [noise.to(device)[None] for noise in noises])[0]
    return picture.cpu()


def _strip(pictures: list[Tensor]) -> Tensor:
    """Pictures beside each other with white gaps."""
    gap = torch.ones(3, pictures[0].shape[1], GAP_PX)
    return torch.cat([part for picture in pictures for part in (picture.float(), gap)][:-1], 2)


def _stacked(rows: list[Tensor]) -> Tensor:
    gap = torch.ones(3, GAP_PX, rows[0].shape[2])
    return torch.cat([part for row in rows for part in (row, gap)][:-1], 1)


def _padded(picture: Tensor, width: int) -> Tensor:
    """Cut, or with white beside it, to that width."""
    return F.pad(picture.float()[:, :, :width], (0, max(width - picture.shape[2], 0)), value=1.0)
