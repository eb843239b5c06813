"""Inpainting: filling a picture's masked part with any model, told what to keep in one of several ways."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.inpainting.filling import Config, Filling, RefineNoise, fill, prepare
from zoomlib.inpainting.langevin import Langevin

__all__ = ["Config", "Filling", "Langevin", "RefineNoise", "fill", "inpaint", "prepare"]


def inpaint(
    denoiser: Denoiser,
    prompts: Sequence[str],
    image: Tensor,
    mask: Tensor,
    config: Config | None = None,
    *,
    negatives: Sequence[str] | None = None,
    refine_noise: RefineNoise | None = None,
    generator: torch.Generator,
) -> Tensor:
    """Make the pixels of `image` (B, 3, H, W) in [-1, 1] where `mask` (B, 1, H, W) is 1; float32, on the CPU.

    Kept pixels come back as they were, bit for bit. Noise comes from the generator. Raises InvalidInputError as
    `prepare`.
    """
    filling = prepare(denoiser, prompts, image, mask, config or Config(), negatives)
    return fill(filling, generator, refine_noise)[0]
