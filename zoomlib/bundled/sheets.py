"""Sheets of pictures that show what the world looks like and what the bundled model makes of it."""

from __future__ import annotations

import torch
from torch import Tensor

from zoomlib.bundled.feed import seeded
from zoomlib.bundled.recipe import SIZE
from zoomlib.bundled.world.pictures import draw_pictures
from zoomlib.bundled.world.vocabulary import CLASSES

GAP_PX = 2


def sheet(images: Tensor, columns: int) -> Tensor:
    """Pictures (N, 3, H, W) in rows of `columns`, white gaps between them; (3, height, width) in [-1, 1]."""
    N, C, H, W = images.shape
    rows = -(-N // columns)
    out = torch.ones(C, rows * (H + GAP_PX) - GAP_PX, columns * (W + GAP_PX) - GAP_PX)
    for n, image in enumerate(images):
        top, left = n // columns * (H + GAP_PX), n % columns * (W + GAP_PX)
        out[:, top : top + H, left : left + W] = image
    return out


def world_pictures(per_class: int, size: int = SIZE, seed: int = 5) -> Tensor:
    """`per_class` pictures of every class of the world, (12 per_class, 3, size, size) in [-1, 1]."""
    kinds = torch.arange(len(CLASSES)).repeat_interleave(per_class)
    return draw_pictures(len(kinds), size, seeded(seed), kinds).images.float() / 127.5 - 1
