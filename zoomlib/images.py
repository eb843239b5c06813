"""Pixel range, layout and files: the only conversions between tensors and pictures.

Tensors are float32 (C, H, W) in [-1, 1]; pictures are uint8 (H, W, C) in 0..255.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zoomlib.errors import InvalidInputError

_CHANNELS = (1, 3)
AGREE = 2 / 255 + 1e-5
"""One step of 8 bits, in [-1, 1]: pictures that differ by no more show the same."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError)
"""What Pillow raises for a file that is no picture, or not a whole one."""


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """(C, H, W) or (L, C, H, W) in [-1, 1] -> uint8 (..., H, W, C). Values outside the range are clamped."""
    if image.ndim not in (3, 4):
        raise InvalidInputError(f"An image has the shape (C, H, W) or (L, C, H, W), not {tuple(image.shape)}.")
    scaled = image.detach().float().clamp(-1, 1).add(1).mul(127.5).round()
    if not bool(scaled.isfinite().all()):
        raise InvalidInputError("The image holds values that are not numbers; look at the model that made it.")
    return np.ascontiguousarray(scaled.to(torch.uint8).movedim(-3, -1).cpu().numpy())


def from_uint8(picture: NDArray[np.uint8]) -> Tensor:
    """uint8 (..., H, W, C) -> float32 (..., C, H, W) in [-1, 1]; inverse of `to_uint8` on its values."""
    if picture.dtype != np.uint8 or picture.ndim not in (3, 4):
        raise InvalidInputError(f"A picture is uint8 (H, W, C) or (L, H, W, C), not {picture.dtype} {picture.shape}.")
    channels_first = torch.tensor(picture).movedim(-1, -3)
    return channels_first.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1)


def to_pil(image: Tensor) -> Image.Image:
    """(C, H, W) in [-1, 1], C = 1 or 3 -> PIL image."""
    picture = to_uint8(image)
    if picture.ndim != 3 or picture.shape[-1] not in _CHANNELS:
        raise InvalidInputError(f"Only 1 or 3 channels make a picture, but the shape is {tuple(image.shape)}.")
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def from_pil(picture: Image.Image) -> Tensor:
    """PIL image -> float32 (C, H, W) in [-1, 1]; grey stays one channel, all else becomes RGB, transparency white.

    Grey of 16 bits keeps 8 of them. Raises InvalidInputError for values of 32 bits or fractions: none of them is white.
    """
    if picture.mode[0] in "IF":
        return from_uint8(_deep_grey(np.asarray(picture))[..., None])
    if picture.mode == "L":
        return from_uint8(np.asarray(picture)[..., None])
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return from_uint8(np.asarray(picture.convert("RGB")))


def _deep_grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """16-bit values as 8-bit ones; Pillow's own conversion would clip them at 255."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise InvalidInputError("A picture of 32 bits a pixel does not say what is white. Save it with 8 or 16 bits.")
    return (values / 257).round().astype(np.uint8)


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """Read a picture that this package wrote: float32 (C, H, W) in [-1, 1]; 8-bit grey stays one channel.

    Those of strangers: `zoomlib.reading.load_picture`. Raises InvalidInputError for a file that is no whole picture.
    """
    path = Path(path)
    try:
        with Image.open(path) as picture:
            return from_pil(picture)
    except UNREADABLE as e:
        raise InvalidInputError(f"{path} cannot be read as a picture ({e}). Give a whole PNG file.") from e


def save_png(image: Tensor, path: str | os.PathLike[str]) -> None:
    """Write (C, H, W) in [-1, 1], C = 1 or 3, as an 8-bit PNG. A reader never sees half a file."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        to_pil(image).save(temporary, format="PNG")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
