"""The photograph that the widest level shows."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps
from torch import Tensor

from tasks.run import Run
from zoomlib.images import from_pil, load_image, to_pil


def fitted_photo(run: Run, size: tuple[int, int]) -> Tensor | None:
    """The run's photograph as a level of `size` = (height, width), float32 (3, H, W) in [-1, 1]; None without one."""
    return None if run.photo is None else fit(run.photo, size)


def fit(path: Path, size: tuple[int, int]) -> Tensor:
    """The largest centred part of a picture that has the shape of a level, scaled to it; grey becomes RGB."""
    picture = to_pil(load_image(path)).convert("RGB")
    return from_pil(ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS))
