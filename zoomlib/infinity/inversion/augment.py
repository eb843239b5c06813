"""Differentiable augmentation (Zhao et al. 2020): colour, translation and cutout, the same for several pictures."""

from __future__ import annotations

import torch
from torch import Tensor


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W), all changed alike; differentiable.

    `generator` is of the CPU, so that a device draws what another would. 7 values are drawn.
    """
    brightness, saturation, contrast, down, right, top, left = torch.rand(7, generator=generator).tolist()
    images = _coloured(images, brightness - 0.5, 2 * saturation, contrast + 0.5)
    H, W = images.shape[-2:]
    images = translated(images, _place(down, 2 * _most(H)) - _most(H), _place(right, 2 * _most(W)) - _most(W))
    return _cut_out(images, top, left)


def _most(side: int) -> int:
    """The longest way that a side is moved: an eighth of it."""
    return round(side / 8)


def _place(share: float, last: int) -> int:
    """A whole number in 0..last, of a share in [0, 1)."""
    return int(share * (last + 1))


def _coloured(images: Tensor, brightness: float, saturation: float, contrast: float) -> Tensor:
    """Added; about the grey of each pixel; about the mean of each picture."""
    images = images + brightness
    grey = images.mean(1, keepdim=True)
    images = (images - grey) * saturation + grey
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) * contrast + mean


def translated(images: Tensor, down: int, right: int) -> Tensor:
    """Moved by whole pixels, 0 where nothing comes from."""
    H, W = images.shape[-2:]
    moved = torch.zeros_like(images)
    rows, columns = slice(max(down, 0), H + min(down, 0)), slice(max(right, 0), W + min(right, 0))
    moved[..., rows, columns] = images[..., _back(rows, down), _back(columns, right)]
    return moved


def _back(place: slice, by: int) -> slice:
    return slice(place.start - by, place.stop - by)


def _cut_out(images: Tensor, top: float, left: float) -> Tensor:
    """0 in a box of half the sides, whose middle lies anywhere in the picture."""
    H, W = images.shape[-2:]
    keep = torch.ones(H, W, device=images.device, dtype=images.dtype)
    y, x = _place(top, H) - H // 4, _place(left, W) - W // 4
    keep[max(y, 0) : max(y + H // 2, 0), max(x, 0) : max(x + W // 2, 0)] = 0
    return images * keep
