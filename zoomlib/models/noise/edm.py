"""Latent diffusion in EDM's noise and scaling (arXiv 2206.00364): Playground 2.5, CosXL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoomlib.ladder import Ladder, Step, check_steps


class Edm:
    """Noise levels are those of diffusers' `EDMEulerScheduler`, whichever of its kind the folder names.

    EDM's x + s n is scaled to what the network sees: alpha = 1 / sqrt(s^2 + sigma_data^2), sigma = s alpha (its c_in,
    table 1), and time is its c_noise, ln(s) / 4.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import EDMEulerScheduler

        self.scheduler: Any = EDMEulerScheduler.from_config(dict(config) | {"final_sigmas_type": "zero"})
        self.data = float(self.scheduler.config.sigma_data)
        self.sign = -1.0 if self.scheduler.config.prediction_type == "v_prediction" else 1.0

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - no picture's size matters here
        """Noise levels of a run."""
        self.scheduler.set_timesteps(check_steps(steps))
        s, end = self.scheduler.sigmas[:-1].double(), torch.zeros(1, dtype=torch.float64)
        alpha = (s**2 + self.data**2).rsqrt()
        return Ladder(torch.cat([alpha, end + 1]), torch.cat([s * alpha, end]), torch.cat([s.log() / 4, end]))

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate: c_skip (x + s n) + c_out F (table 1), with z = alpha (x + s n) and s = sigma / alpha."""
        skip = self.data**2 * step.alpha
        return skip * z + self.sign * step.sigma * self.data * out
