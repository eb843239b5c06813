"""What stands in a border before it is made: the kept part reflected or continued, noise, or black."""

from typing import Literal

import torch
from torch import Tensor

from zoomlib.geometry import Window

Padding = Literal["reflect", "symmetric", "edge", "noise", "black"]


def pad(picture: Tensor, kept: Window, padding: Padding, generator: torch.Generator) -> Tensor:
    """Fill `picture` (C, H, W) in [-1, 1] outside the kept window from what is inside; a new tensor.

    `reflect`, `symmetric` and `edge` equal numpy.pad, however wide the border. `noise` is drawn from the generator,
    normal with the mean and deviation of each channel of the kept part, within [-1, 1].
    """
    H, W = picture.shape[-2:]
    inside = picture[:, *kept.slices]
    if padding == "black":
        out = torch.full_like(picture, -1.0)
    elif padding == "noise":
        noise = torch.randn(picture.shape, generator=generator, device=generator.device).to(picture)
        deviation, mean = torch.std_mean(inside, (1, 2), correction=0, keepdim=True)
        out = (mean + deviation * noise).clamp(-1, 1)
    else:
        rows = source_index(kept.top, kept.height, H, padding)
        columns = source_index(kept.left, kept.width, W, padding)
        return picture[:, rows[:, None], columns]
    out[:, *kept.slices] = inside
    return out


def source_index(first: int, kept: int, size: int, padding: Padding) -> Tensor:
    """For each of `size` pixels, which of the pixels first .. first + kept - 1 stands there, int64 (size,)."""
    offset = torch.arange(size) - first
    if padding == "edge" or kept == 1:
        return first + offset.clamp(0, kept - 1)
    # A reflection repeats after there and back: with `symmetric` the pixels at both ends count twice.
    period = 2 * kept if padding == "symmetric" else 2 * (kept - 1)
    there = offset % period
    return first + torch.minimum(there, period - int(padding == "symmetric") - there)
