"""Filling a picture's masked part with an inpainting model: the plain sampler, told what to keep."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Denoiser
from zoomlib.ladder import check_eta, check_steps
from zoomlib.methods._loop import last, walk
from zoomlib.noise import draw_seed, own_noise

SEAM_PX = 1.0


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

    known = denoiser.codec.encode(image.to(denoiser.device))
    unknown = F.max_pool2d(mask.to(denoiser.device, torch.float32), denoiser.codec.factor)

    def paste(clean: Tensor) -> Tensor:
        # What is kept takes part in every step as it is, so that what is made joins it and not the model's copy of it.
        return torch.lerp(known, clean, unknown)

    condition = denoiser.condition(prompts, negatives, image=image, mask=mask)
    states = walk(denoiser, condition, steps=steps, eta=eta, draw=draw, consolidate=paste, generator=generator)
    made = denoiser.codec.decode(last(states).clean).float().cpu()
    return torch.where(mask.cpu() > 0, join(made, image.cpu(), mask.cpu()).clamp(-1, 1), image.cpu())


def join(made: Tensor, image: Tensor, mask: Tensor, width_px: float = SEAM_PX) -> Tensor:
    """Soften the border between made and kept pixels, on the made side: float (B, C, H, W).

    Within about `width_px` of the border, what was made goes half over into a smooth continuation of the kept pixels of
    `image`. Where nothing, or everything, is kept, nothing changes.
    """
    kept = 1 - mask
    near = _blur(kept, width_px)
    continued = _blur(image * kept, width_px) / near.clamp_min(1e-6)
    return torch.lerp(made, continued, near.clamp(max=0.5))


def _blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), zero beyond the border."""
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=x.dtype) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1, 1)
    x = F.conv2d(x, kernel, padding=(0, reach), groups=x.shape[1])
    return F.conv2d(x, kernel.mT, padding=(reach, 0), groups=x.shape[1])
