"""Our one-level sampler, and the noise that it began with, to be given to another."""

import torch

from zoomlib.denoiser import Wrapper
from zoomlib.guidance import guided
from zoomlib.methods import independent


class Remembering(Wrapper):
    """A denoiser that keeps the first z that it was shown."""

    first = None

    def predict_clean(self, z, step, condition):
        self.first = z.clone() if self.first is None else self.first
        return self.denoiser.predict_clean(z, step, condition)


def plain_samples(denoiser, prompts, steps, scale=1.0, negatives=None, seed=3):
    """Latents of independent levels without noise on the way, and the noise of the start."""
    remembering = Remembering(guided(denoiser, scale))
    generator = torch.Generator().manual_seed(seed)
    *_, state = independent.sample(
        remembering, prompts, p=2, steps=steps, eta=0.0, negatives=negatives, generator=generator
    )
    return state.clean, remembering.first
