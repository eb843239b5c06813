"""How a picture is inverted: rates, weights, and how both move with the steps (InfinityGAN, appendix K)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from zoomlib.errors import InvalidInputError


@dataclass(frozen=True)
class InversionSettings:
    """What an inversion is asked for. Rates are Adam's; weights are those of the terms of the loss.

    steps: how many; seed: of the start and of all that is drawn. Ranges of the schedule are shares of all steps.
    """

    steps: int = 3000
    seed: int = 0
    texture_rate: float = 0.1
    structure_rate: float = 0.01
    ramp_up: float = 0.05
    ramp_down: float = 0.25
    perturbed_until: float = 0.75
    style_perturbation: float = 0.05
    latent_perturbation: float = 0.2
    augment: bool = True
    pixel: float = 10.0
    perceptual: float = 10.0
    autocorrelation: float = 1000.0
    mean: float = 10.0
    radius: float = 10.0
    style_distance: float = 0.01

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidInputError(f"An inversion takes at least 1 step, not {self.steps}.")
        if not 0 <= self.seed < 2**64:
            raise InvalidInputError(f"A seed is a whole number from 0 to 2^64 - 1; {self.seed} is none.")
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0:
                raise InvalidInputError(f"{field.name} of an inversion is a number from 0 on, not {value}.")
        for share in ("ramp_up", "ramp_down", "perturbed_until"):
            if getattr(self, share) > 1:
                raise InvalidInputError(f"{share} is a share of all steps, from 0 to 1, not {getattr(self, share)}.")

    def rate(self, step: int) -> float:
        """The factor of both rates in a step (0 is the first): up in a line, down along half a cosine."""
        progress = self.progress(step)
        up = min(1.0, progress / self.ramp_up) if self.ramp_up else 1.0
        down = min(1.0, (1 - progress) / self.ramp_down) if self.ramp_down else 1.0
        return up * (0.5 - 0.5 * math.cos(math.pi * down))

    def perturbation(self, step: int) -> float:
        """The factor of what is added to styles and latents in a step, from 1 down to 0."""
        left = 1 - self.progress(step) / self.perturbed_until if self.perturbed_until else 0.0
        return max(left, 0.0) ** 2

    def progress(self, step: int) -> float:
        """The middle of a step as a share of all: no step has the rate 0."""
        return (step + 0.5) / self.steps

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> InversionSettings:
        """The settings of a file. Raises InvalidInputError for names that are none."""
        unknown = values.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidInputError(f"An inversion has no settings {', '.join(sorted(unknown))}.")
        return cls(**values)
