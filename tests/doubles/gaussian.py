"""A model with an exact answer: every level is the same stationary Gaussian field with power spectrum S(f) ~ f^-2."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from zoomlib.denoiser import Codec, Condition, IdentityCodec
from zoomlib.ladder import Ladder, Step, ddim_ladder, flow_ladder

LINEAR_BETA = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)


class GaussianDenoiser:
    """The posterior mean of that field given z: alpha S / (alpha^2 S + sigma^2) z in Fourier space.

    A prompt is a number, by which the estimate of its level is shifted, so that mixed-up rows would show.
    """

    device = torch.device("cpu")
    dtype = torch.float32
    codec: Codec = IdentityCodec()
    inpaints = False

    def __init__(self, shape: tuple[int, int, int] = (8, 64, 64), family: Literal["vp", "flow"] = "vp"):
        self.shape, self.family = shape, family
        self.calls: list[int] = []
        self.S = power_spectrum(shape[1], shape[2])

    def ladder(self, steps: int) -> Ladder:
        return ddim_ladder(LINEAR_BETA, steps) if self.family == "vp" else flow_ladder(steps)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        return Condition({"shift": torch.tensor([float(prompt or 0) for prompt in prompts])})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        assert len(z) == len(condition)
        self.calls.append(len(z))
        gain = step.alpha * self.S / (step.alpha**2 * self.S + step.sigma**2)
        x = torch.fft.irfft2(torch.fft.rfft2(z) * gain[:, : z.shape[-1] // 2 + 1], s=z.shape[-2:])
        return x + condition.rows["shift"][:, None, None, None]


def power_spectrum(height: int, width: int) -> Tensor:
    """S on the FFT grid, of mean 1; the mean colour is as strong as the lowest frequency."""
    f = frequency(height, width)
    S = 1 / f.clamp_min(f[f > 0].min()) ** 2
    return (S / S.mean()).float()


def frequency(height: int, width: int) -> Tensor:
    """Cycles per pixel of every FFT coefficient."""
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])


def draw_field(count: int, shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Independent samples of the field, (count, C, H, W)."""
    white = torch.fft.fft2(torch.randn(count, *shape, generator=generator))
    return torch.fft.ifft2(white * power_spectrum(*shape[1:]).sqrt()).real


def band_errors_db(levels: Tensor) -> Tensor:
    """(bands,) mean dB by which the power of (L, C, H, W) departs from S, in octaves of frequency from low to high."""
    f, S = frequency(*levels.shape[-2:]), power_spectrum(*levels.shape[-2:])
    power = torch.fft.fft2(levels).abs().square().mean((0, 1)) / (levels.shape[-2] * levels.shape[-1])
    edges = torch.tensor([1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2])
    bands = [(f >= low - 1e-6) & (f < high) for low, high in pairwise(edges)]
    return torch.stack([10 * torch.log10((power[band] / S[band]).mean()) for band in bands])


def border_given_centre(values: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """What the field is where `kept` (H, W) is 0, given its values (H, W) where it is 1: the mean (N,) and the
    covariance (N, N) of those N pixels in reading order, float64."""
    H, W = kept.shape
    covariance = torch.fft.ifft2(power_spectrum(H, W).double()).real
    y, x = (index.flatten() for index in torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij"))
    whole = covariance[(y[:, None] - y) % H, (x[:, None] - x) % W]
    known = kept.flatten() > 0
    gain = torch.linalg.solve(whole[known][:, known], whole[known][:, ~known]).T
    return gain @ values.flatten()[known].double(), whole[~known][:, ~known] - gain @ whole[known][:, ~known]


def wasserstein(samples: Tensor, mean: Tensor, covariance: Tensor) -> float:
    """Squared 2-Wasserstein distance of the Gaussian of samples (count, N) to N(mean, covariance), over its trace."""
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    own = samples.double().T.cov()
    shared = torch.linalg.eigvalsh(root @ own @ root).clamp_min(0).sqrt().sum()
    apart = (samples.double().mean(0) - mean).square().sum()
    return float((apart + own.trace() + covariance.trace() - 2 * shared) / covariance.trace())
