"""Means over areas: levels shown in wider ones at any zoom factor, exactly."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.geometry import Box, Window, Zoom, check_factors, nested, whole_pixels
from zoomlib.pyramid import fade


def shares(start: float, length: float, cells: int, pixels: int) -> Tensor:
    """(cells, pixels), float64: the share of each of equal cells, together `length` from `start`, in each pixel."""
    edges = start + length * torch.arange(cells + 1, dtype=torch.float64)[:, None] / cells
    pixel = torch.arange(pixels, dtype=torch.float64)
    overlap = (torch.minimum(edges[1:], pixel + 1) - torch.maximum(edges[:-1], pixel)).clamp(min=0)
    return overlap * (cells / length)


def mean(image: Tensor, box: Box, height: int, width: int) -> Tensor:
    """Mean of `image` (..., H, W) over each of height x width equal cells of `box`, float64 on the CPU."""
    (top, bottom), (left, right) = _around(box.top, box.height), _around(box.left, box.width)
    # In this order: not every device has float64.
    exact = image[..., top:bottom, left:right].detach().cpu().double()
    y, x = _whole(box.top, box.height, height), _whole(box.left, box.width, width)
    if y and x:  # cells of whole pixels: the same means, without the weights
        return F.avg_pool2d(exact.reshape(-1, *exact.shape[-2:]), (y, x)).view(*exact.shape[:-2], height, width)
    H, W = exact.shape[-2:]
    return shares(box.top - top, box.height, height, H) @ exact @ shares(box.left - left, box.width, width, W).T


def _around(start: float, length: float) -> tuple[int, int]:
    """The whole pixels that hold all of a range."""
    return max(math.floor(start), 0), math.ceil(start + length)


def _whole(start: float, length: float, cells: int) -> int:
    """How many whole pixels each cell has, from a whole pixel on; 0 where cells cut pixels."""
    return int(length) // cells if start == int(start) and length == int(length) and not int(length) % cells else 0


def render(levels: Sequence[Tensor], inside: Sequence[Box], p: Zoom, feather: float = 0.0) -> list[Tensor]:
    """Every level with all deeper ones in it: (C, H, W) tensors of one size -> the same, new ones.

    `inside` are the boxes of each level in the one before (`geometry.boxes`). `feather` as in `stack.render_levels`.
    """
    rendered: list[Tensor] = []
    factors = check_factors(len(levels), p)
    for k in reversed(range(len(levels))):
        rendered.insert(0, show([levels[k], *rendered], inside[k:], factors[k:], feather))
    return rendered


def show(levels: Sequence[Tensor], inside: Sequence[Box], p: Zoom, feather: float = 0.0) -> Tensor:
    """The first level with the deeper ones, which are rendered, in it; otherwise as `render`.

    A pixel takes the mean over its area of the deepest level that covers it wholly, straight from that level's own
    pixels: nothing is scaled twice. Pixels that a box cuts stay.
    """
    out = levels[0].clone()
    H, W = out.shape[-2:]
    for depth, (level, box) in enumerate(zip(levels[1:], nested(inside, p), strict=True)):
        # Where a deeper level fades, the next level, which is rendered, has both.
        window = whole_pixels(_core(box, feather) if depth else box, H, W)
        if not window.height or not window.width:
            break
        rows, columns = window.slices
        paste = mean(level, _within(window, box, H, W), window.height, window.width).to(out)
        if feather and not depth:
            vertical, horizontal = fade(window, H, W, feather, out.device)
            paste = torch.lerp(out[:, rows, columns], paste, vertical * horizontal)
        out[:, rows, columns] = paste
    return out


def _core(box: Box, feather: float) -> Box:
    """The part of a box in which nothing fades."""
    y, x = feather * box.height, feather * box.width
    return Box(box.top + y, box.left + x, box.height - 2 * y, box.width - 2 * x)


def _within(window: Window, box: Box, height: int, width: int) -> Box:
    """The window in pixels of the level whose box it lies in, moved inside by what rounding has left."""
    scale_y, scale_x = height / box.height, width / box.width
    top, left = max((window.top - box.top) * scale_y, 0.0), max((window.left - box.left) * scale_x, 0.0)
    return Box(top, left, min(window.height * scale_y, height - top), min(window.width * scale_x, width - left))
