"""What open_clip does to a picture before its image tower, on tensors and without rounding to 8 bits."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def preprocess(images: Tensor, cfg: Mapping[str, Any]) -> Tensor:
    """Images (N, 3, H, W) in [-1, 1], resized with an antialiasing kernel, cropped and normalised: (N, 3, h, w).

    `cfg` is open_clip's preprocess configuration: `size`, `mean`, `std`, `interpolation`, `resize_mode` ("shortest"
    crops the centre, "longest" pads with `fill_color`, "squash" stretches).
    """
    height, width = _pair(cfg["size"])
    pixels = (images.float() + 1) / 2
    H, W = pixels.shape[-2:]
    choose = {"shortest": max, "longest": min}.get(cfg["resize_mode"])
    scale = choose(height / H, width / W) if choose else None
    # torchvision, which resizes the shorter side for square inputs, rounds the longer one down.
    whole = math.floor if choose is max and height == width else round
    new = (height, width) if scale is None else (whole(H * scale + 1e-9), whole(W * scale + 1e-9))
    if new != (H, W):
        mode = "bilinear" if cfg["interpolation"] == "bilinear" else "bicubic"
        pixels = F.interpolate(pixels, new, mode=mode, antialias=True, align_corners=False)
    pixels = _fit(pixels.clamp(0, 1), height, width, cfg["fill_color"] / 255)
    mean, std = (torch.tensor(cfg[key], device=pixels.device).view(3, 1, 1) for key in ("mean", "std"))
    return (pixels - mean) / std


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _fit(pixels: Tensor, height: int, width: int, fill: float) -> Tensor:
    """Centre-crop or pad to (height, width); the odd pixel goes where torchvision's centre crop leaves it."""
    H, W = pixels.shape[-2:]
    top, left = max(height - H, 0) // 2, max(width - W, 0) // 2
    pixels = F.pad(pixels, (left, max(width - W - left, 0), top, max(height - H - top, 0)), value=fill)
    H, W = pixels.shape[-2:]
    y, x = round((H - height) / 2), round((W - width) / 2)
    return pixels[..., y : y + height, x : x + width]
