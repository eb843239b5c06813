"""Going back up the ladder: known values at a noise level, and a step taken back by noising (arXiv 2201.09865)."""

import math

from torch import Tensor

from zoomlib.ladder import Step


def at_level(clean: Tensor, step: Step, noise: Tensor) -> Tensor:
    """z = alpha x + sigma eps: a sample of q(z | x) at a noise level."""
    return step.alpha * clean + step.sigma * noise


def back(z: Tensor, now: Step, then: Step, noise: Tensor) -> Tensor:
    """From z at the cleaner level `then` to the noisier `now`: a sample of q(z_now | z_then), by white noise."""
    gain = now.alpha / then.alpha
    return gain * z + math.sqrt(max(now.sigma**2 - (gain * then.sigma) ** 2, 0.0)) * noise
