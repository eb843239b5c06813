"""Langevin steps between those of a sampler, so that what is made fits what is kept (LanPaint, arXiv 2502.03491)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step


@dataclass(frozen=True)
class Langevin:
    """Settings of the steps at each noise level.

    inner_steps: their number, each a pass of the model. step_size: their length, in units of the squared noise level;
    beta: how many times longer they are for kept places. lam: how strongly kept places are moved until the model's
    estimate of them is what is kept; 0 leaves them at re-noised kept values. friction: of the underdamped dynamics, in
    units of 1 over the squared noise level; the larger, the less momentum. early_stop: so many of the last noise levels
    have no inner steps.
    """

    inner_steps: int = 5
    step_size: float = 0.2
    lam: float = 8.0
    beta: float = 1.0
    friction: float = 15.0
    early_stop: int = 1

    def __post_init__(self) -> None:
        for name, least in (("inner_steps", 1), ("early_stop", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10_000:
                raise InvalidInputError(f"{name} must be a whole number of at least {least}, but is {value!r}.")
        for name, low, high in (("step_size", 1e-4, 1), ("beta", 1e-3, 1000), ("friction", 0, 1e6), ("lam", 0, 1e4)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidInputError(
                    f"{name} of the Langevin steps must lie between {low:g} and {high:g}, but is {value!r}."
                )
        if self.step_size * self.beta > 1:
            raise InvalidInputError(
                f"step_size times beta must be at most 1, or kept places run away, but is {self.step_size * self.beta}."
            )


def relax(
    z: Tensor,
    now: Step,
    *,
    known: Tensor,
    unknown: Tensor,
    predict: Callable[[Tensor], Tensor],
    draw: Callable[[], Tensor],
    settings: Langevin,
) -> tuple[Tensor, Tensor]:
    """z (B, C, H, W) after the inner steps at the noise level `now`, and the model's estimate of it.

    Made places follow the model's score; kept ones g = -(z - alpha y) (1 + lambda) / sigma^2 - lambda score, which
    pulls z to alpha (y + lambda (y - x)), past what is kept, y, as far as the estimate x falls short of it. For a
    Gaussian the score of the made places is then, for large lambda, that given y itself, not given y with its noise.
    Underdamped Langevin dynamics with those forces, temperature 1 and mass 1, split as BAOAB (Leimkuhler and Matthews,
    2013), which keeps the variance of a Gaussian right at any stable step; time steps are sqrt(2 step_size) sigma, so
    that for much friction a step is one of step_size sigma^2 of the overdamped dynamics.

    predict: the model's clean estimate at this level. draw: white noise like z.
    """
    kept = 1 - unknown
    # Where the model is sure of kept places, the pull on them is 1 + lambda times as stiff as elsewhere.
    length = settings.step_size * torch.where(kept > 0, settings.beta / (1 + settings.lam), 1.0)
    h, persistence = (2 * length).sqrt(), math.exp(-settings.friction * settings.step_size)

    def forced(z: Tensor) -> tuple[Tensor, Tensor]:
        """The score times sigma, for kept places the bidirectional guided one, and the estimate."""
        x = predict(z)
        return (now.alpha * (x + kept * (1 + settings.lam) * (known - x)) - z) / now.sigma, x

    momentum, (force, x) = draw(), forced(z)
    for _ in range(settings.inner_steps):
        z = z + now.sigma * h / 2 * (momentum := momentum + h / 2 * force)
        momentum = persistence * momentum + math.sqrt(1 - persistence**2) * draw()
        z = z + now.sigma * h / 2 * momentum
        force, x = forced(z)
        momentum = momentum + h / 2 * force
    return z, x
