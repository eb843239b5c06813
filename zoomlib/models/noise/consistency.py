"""Consistency models of latent diffusion: a clean estimate at once, at the few times that they were distilled at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step
from zoomlib.models.noise.schedule import VariancePreserving, most_steps

SIGMA_DATA = 0.5


class Consistency(VariancePreserving):
    """The noise and estimates of latent consistency models (arXiv 2310.04378), read from the scheduler that they name.

    A run takes times spread evenly among those of the distillation, from noise alone. The model's answer is bound to be
    z itself at time 0 (equation 9, there with sigma_data = 0.5). Sampled with eta = 1 it comes nearest to the paper's
    way, which draws all noise anew at every step.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.distilled = most_steps(config)
        self.scaling = float(config.get("timestep_scaling", 10.0))
        self.bound = str(config.get("_class_name")) == "LCMScheduler"

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - no picture's size matters here
        """Noise levels of a run. Raises InvalidInputError for more steps than the model was distilled at."""
        if not 1 <= steps <= self.distilled:
            raise InvalidInputError(
                f"This model was distilled at {self.distilled} times, and {steps} steps were asked for. It is made for "
                "1 to 8."
            )
        apart = len(self.alphas_cumprod) // self.distilled
        chosen = torch.arange(steps) * self.distilled // steps
        times = (self.distilled - chosen) * apart - 1
        variance = self.alphas_cumprod[times]
        end = torch.zeros(1, dtype=torch.float64)
        alpha, sigma = torch.cat([variance.sqrt(), end + 1]), torch.cat([(1 - variance).sqrt(), end])
        return Ladder(alpha, sigma, torch.cat([times.double(), end]))

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from what the model predicts."""
        clean = super().clean(out, z, step)
        if not self.bound:
            return clean
        time = step.time * self.scaling
        skip = SIGMA_DATA**2 / (time**2 + SIGMA_DATA**2)
        return z * skip + clean * math.sqrt(1 - skip)
