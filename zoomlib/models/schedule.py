"""Noise levels that models were trained on, read from a scheduler configuration of diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, ddim_ladder

Spacing = Literal["trailing", "leading", "linspace"]


class VariancePreserving:
    """A model of noise in betas: DDPM, DDIM and all their kin, whatever sampler its folder names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import DDPMScheduler

        scheduler = DDPMScheduler.from_config(dict(config))
        self.alphas_cumprod: Tensor = scheduler.alphas_cumprod.double()
        self.prediction: str = scheduler.config.prediction_type
        self.spacing: Spacing = config.get("timestep_spacing", "leading")
        self.offset = int(config.get("steps_offset", 0))

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - of flows it depends on the size
        """Noise levels of a run, spaced as the configuration says."""
        return ddim_ladder(self.alphas_cumprod, steps, self.spacing, self.offset)

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from what the model predicts: the noise, the clean sample, or v (arXiv 2202.00512)."""
        if self.prediction == "sample":
            return out
        if self.prediction == "v_prediction":
            return step.alpha * z - step.sigma * out
        if step.alpha == 0:
            raise InvalidInputError(
                "This model predicts noise, and its schedule begins with noise alone, of which that says nothing. Its "
                "scheduler's rescale_betas_zero_snr must be false, or its prediction_type v_prediction."
            )
        return (z - step.sigma * out) / step.alpha
