"""What keeps an inversion among the latents that the generator knows: all terms of its loss but the likeness.

InfinityGAN, appendix K, with two changes: |z|^2 / d is drawn to 1, where the paper's terms draw z_l to 0 and to 1 at
once; and the covariance of styles is regularised, whose inverse otherwise consists of rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

COARSEST_PX = 8
"""Noise is not halved below this side: a mean over fewer values says little."""
SAMPLES = 10_000
"""Styles from which `StyleStatistics` are taken."""
RIDGE = 1e-3
"""The share of the mean variance that is added to each variance."""
NORMAL = 1e-5
"""Noise whose mean and deviation are no farther than this from 0 and 1 counts as normal."""


def gaussianised(w: Tensor) -> Tensor:
    """Styles w (..., S) in the space where they are about Gaussian: the inverse of the mapping's last activation."""
    return F.leaky_relu(w, 5.0) / 2**0.5


def degaussianised(v: Tensor) -> Tensor:
    """The inverse of `gaussianised`."""
    return F.leaky_relu(v * 2**0.5, 0.2)


@dataclass(frozen=True)
class StyleStatistics:
    """Of mapped styles: `mean` (S,) and `whiten` (S, S) in the Gaussianised space; `deviation`, a mean over w's parts.

    `whiten` is A with A^T A = (covariance + RIDGE · mean variance · identity)^-1.
    """

    mean: Tensor
    whiten: Tensor
    deviation: float

    @property
    def style(self) -> Tensor:
        """The style w (S,) in the middle of all."""
        return degaussianised(self.mean)

    def distance(self, w: Tensor) -> Tensor:
        """Of styles w (J, S): the mean of sqrt(δ^T Σ^-1 δ), a scalar; its slope at the mean is 0, not undefined."""
        whitened: Tensor = (gaussianised(w) - self.mean) @ self.whiten.T
        norms: Tensor = torch.linalg.vector_norm(whitened, dim=-1)
        return norms.mean()

    def to(self, device: torch.device | str) -> StyleStatistics:
        """The same on another device."""
        return StyleStatistics(self.mean.to(device), self.whiten.to(device), self.deviation)


def style_statistics(mapping: Callable[[Tensor], Tensor], width: int, samples: int = SAMPLES) -> StyleStatistics:
    """Of the styles that `mapping` (B, S) -> (B, S) makes of normal ones, always the same; on the CPU."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        w = torch.cat([mapping(torch.randn(part, width, generator=generator)) for part in _parts(samples)])
    return statistics_of(w.cpu().double())


def _parts(samples: int, most: int = 1000) -> list[int]:
    return [min(most, samples - start) for start in range(0, samples, most)]


def statistics_of(w: Tensor) -> StyleStatistics:
    """Of styles w (N, S), float64."""
    v = gaussianised(w)
    covariance = torch.cov(v.T).reshape(v.shape[1], v.shape[1])
    # A mapping that makes one style of all leaves no variance at all: then every direction counts alike.
    variance = covariance.diagonal().mean().clamp(min=1e-12)
    lower = torch.linalg.cholesky(covariance + RIDGE * variance * torch.eye(len(covariance), dtype=torch.float64))
    whiten = torch.linalg.solve_triangular(lower, torch.eye(len(lower), dtype=torch.float64), upper=False)
    return StyleStatistics(v.mean(0).float().clone(), whiten.float().clone(), float(w.std(0).mean()))


def autocorrelation(noises: Sequence[Tensor]) -> Tensor:
    """How far planes of noise (..., h, w) are from white: squared mean products of neighbours, at every scale.

    StyleGAN2's, but a plane does not go on at its other side.
    """
    return torch.stack([_autocorrelation(noise.reshape(1, *noise.shape[-2:])) for noise in noises]).sum()


def _autocorrelation(noise: Tensor) -> Tensor:
    total = noise.new_zeros(())
    while True:
        if noise.shape[-1] > 1:
            total = total + (noise[..., 1:] * noise[..., :-1]).mean().square()
        if noise.shape[-2] > 1:
            total = total + (noise[..., 1:, :] * noise[..., :-1, :]).mean().square()
        if min(noise.shape[-2:]) < 2 * COARSEST_PX:
            return total
        noise = F.avg_pool2d(noise, 2)


def radius(z: Tensor) -> Tensor:
    """(|z|^2 / d - 1)^2 of all d values of z: 0 on the shell where normal values lie."""
    return (z.square().mean() - 1).square()


def renormalised(noise: Tensor) -> Tensor:
    """Noise with mean 0 and standard deviation 1. What has them already stays bitwise."""
    mean, deviation = noise.mean(), noise.std(correction=0)
    if abs(float(mean)) < NORMAL and abs(float(deviation) - 1) < NORMAL:
        return noise
    return (noise - mean) / deviation.clamp(min=1e-12)
