"""Noise levels and the update between them, for variance-preserving and flow models alike."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError


@dataclass(frozen=True)
class Step:
    """What a model needs to know of one noise level: z = alpha x + sigma eps, at the model's own time."""

    index: int
    time: float
    alpha: float
    sigma: float


@dataclass(frozen=True, eq=False)
class Ladder:
    """The noise levels of a sampling run: float64 tensors of length steps + 1, noisiest first, the last one clean.

    Raises InvalidInputError unless the lengths agree, the last entry is (alpha, sigma) = (1, 0), and the ratio
    alpha / sigma grows from step to step.
    """

    alpha: Tensor
    sigma: Tensor
    time: Tensor

    def __post_init__(self) -> None:
        values = [torch.as_tensor(x, dtype=torch.float64).cpu() for x in (self.alpha, self.sigma, self.time)]
        for name, value in zip(("alpha", "sigma", "time"), values, strict=True):
            object.__setattr__(self, name, value)
        if any(v.ndim != 1 or len(v) != len(values[0]) or len(v) < 2 for v in values):
            shapes = [tuple(v.shape) for v in values]
            raise InvalidInputError(f"A ladder needs alpha, sigma and time of one length of at least 2, not {shapes}.")
        if (float(self.alpha[-1]), float(self.sigma[-1])) != (1.0, 0.0):
            raise InvalidInputError("The last entry of a ladder must be clean: append alpha = 1, sigma = 0.")
        if not bool((torch.diff(torch.atan2(self.sigma, self.alpha)) < 0).all()):
            raise InvalidInputError("The noise levels of a ladder must fall from entry to entry, noisiest first.")

    def __len__(self) -> int:
        return len(self.alpha) - 1

    def __getitem__(self, index: int) -> Step:
        if not 0 <= index <= len(self):
            raise IndexError(index)
        return Step(index, float(self.time[index]), float(self.alpha[index]), float(self.sigma[index]))


def noise_share(step: Step) -> float:
    """Share of noise in z, sigma / hypot(alpha, sigma): 1 for noise alone, 0 for what is clean, in every schedule."""
    return step.sigma / math.hypot(step.alpha, step.sigma)


def posterior_std(now: Step, then: Step) -> float:
    """Standard deviation of z_then given z_now and x: what eta = 1 adds anew (DDPM, arXiv 2006.11239, equation 7)."""
    if then.sigma == 0:
        return 0.0
    added = now.sigma**2 - (now.alpha / then.alpha * then.sigma) ** 2
    return then.sigma / now.sigma * math.sqrt(max(added, 0.0))


def update(z: Tensor, clean: Tensor, now: Step, then: Step, eta: float, noise: Tensor | None = None) -> Tensor:
    """z at the next noise level, given z, a clean estimate x of the same shape, and fresh noise.

    z_s = alpha_s x + sqrt(sigma_s^2 - eta_s^2) eps_hat + eta_s noise, with eps_hat = (z_t - alpha_t x) / sigma_t and
    eta_s = eta times the posterior's standard deviation: eta = 0 is DDIM, or Euler's step for a flow; eta = 1 is DDPM
    (arXiv 2010.02502, equation 12, for any alpha and sigma). Raises InvalidInputError without `noise` where eta_s > 0.
    """
    fresh = eta * posterior_std(now, then)
    if fresh and noise is None:
        raise InvalidInputError(f"eta = {eta} needs noise at every step; pass a tensor shaped like z, or set eta = 0.")
    kept = math.sqrt(max(then.sigma**2 - fresh**2, 0.0)) / now.sigma
    out = z * kept + clean * (then.alpha - kept * now.alpha)
    return out.add_(noise, alpha=fresh) if fresh and noise is not None else out


def check_eta(eta: float) -> float:
    """Return eta as a float. Raises InvalidInputError outside 0..1."""
    if isinstance(eta, bool) or not isinstance(eta, int | float) or not 0 <= eta <= 1:
        raise InvalidInputError(f"eta must lie between 0 (deterministic) and 1 (DDPM), but is {eta!r}.")
    return float(eta)


def check_steps(steps: int, most: int = 10_000) -> int:
    """Return the number of steps. Raises InvalidInputError unless it is a whole number in 1 .. most."""
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= most:
        raise InvalidInputError(f"The number of steps must be a whole number from 1 to {most}, but is {steps!r}.")
    return steps


def ddim_ladder(
    alphas_cumprod: Tensor,
    steps: int,
    spacing: Literal["trailing", "leading", "linspace"] = "trailing",
    offset: int = 0,
) -> Ladder:
    """Ladder of a variance-preserving model from its training schedule, alphas_cumprod (N,): alpha^2 at time 0 .. N-1.

    `spacing` chooses the times as in diffusers (arXiv 2305.08891, table 2); `offset` is added to those of `leading`.
    Raises InvalidInputError for more steps than N and for another spacing.
    """
    N = len(alphas_cumprod)
    check_steps(steps, N)
    index = torch.arange(steps, dtype=torch.float64)
    if spacing == "trailing":
        times = (N - index * (N / steps)).round() - 1
    elif spacing == "leading":
        times = (index * (N // steps)).flip(0) + offset
    elif spacing == "linspace":
        times = torch.linspace(0, N - 1, steps, dtype=torch.float64).round().flip(0)
    else:
        raise InvalidInputError(f"spacing must be trailing, leading or linspace, but is {spacing!r}.")
    variance = alphas_cumprod.to(dtype=torch.float64, device="cpu")[times.long().clamp(0, N - 1)]
    return _ladder(variance.sqrt(), (1 - variance).sqrt(), times)


def flow_ladder(steps: int, shift: float = 1.0, train_steps: int = 1000) -> Ladder:
    """Ladder of a rectified-flow model, alpha = 1 - sigma: sigma falls evenly from 1 to 0, then is shifted towards
    noise by shift sigma / (1 + (shift - 1) sigma) (arXiv 2403.03206, equation 23). Time is sigma * train_steps. Raises
    InvalidInputError for impossible steps or a shift that is not above 0."""
    check_steps(steps)
    if not 0 < shift < math.inf:
        raise InvalidInputError(
            f"The shift of a flow is a number above 0, but is {shift!r}; 1 leaves noise levels even."
        )
    sigma = 1 - torch.arange(steps, dtype=torch.float64) / steps
    sigma = shift * sigma / (1 + (shift - 1) * sigma)
    return _ladder(1 - sigma, sigma, sigma * train_steps)


def _ladder(alpha: Tensor, sigma: Tensor, time: Tensor) -> Ladder:
    end = torch.zeros(1, dtype=torch.float64)
    return Ladder(torch.cat([alpha, end + 1]), torch.cat([sigma, end]), torch.cat([time, end]))
