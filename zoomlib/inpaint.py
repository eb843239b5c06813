"""Filling a picture's masked part with an inpainting model: the plain sampler, told what to keep."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.ladder import check_eta, check_steps
from zoomlib.methods._loop import last, walk
from zoomlib.noise import draw_seed, own_noise


def inpaint(
    denoiser: Denoiser,
    prompts: Sequence[str],
    image: Tensor,
    mask: Tensor,
    *,
    steps: int = 40,
    eta: float = 1.0,
    negatives: Sequence[str] | None = None,
    generator: torch.Generator,
) -> Tensor:
    """Make the pixels of `image` (B, 3, H, W) in [-1, 1] where `mask` (B, 1, H, W) is 1; float32, on the CPU.

    Kept pixels come back as they were, bit for bit. Noise comes from the generator: one draw at the start and, for
    eta > 0, one per step; a picture's own noise depends on its place in the batch, not on the others. Raises
    InvalidInputError for a model without inpainting input, for other shapes, and for impossible steps or eta.
    """
    check_steps(steps)
    check_eta(eta)

    def draw(generator: torch.Generator) -> Tensor:
        return own_noise(range(len(prompts)), denoiser.shape, draw_seed(generator), generator.device)

    condition = denoiser.condition(prompts, negatives, image=image, mask=mask)
    states = walk(
        denoiser, condition, steps=steps, eta=eta, draw=draw, consolidate=lambda clean: clean, generator=generator
    )
    made = denoiser.codec.decode(last(states).clean).float().clamp(-1, 1).cpu()
    return torch.where(mask.cpu() > 0, made, image.cpu())
