"""Low and high frequencies: stage 2 of AlignNoise, and noise in the colours of the source as a cheap baseline.

After a description of AlignNoise (ACM Multimedia 2025); the neighbour of stage 2 is FreeInit (arXiv 2312.07537).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.inpainting.alignment import moments
from zoomlib.inpainting.filling import Filling
from zoomlib.inpainting.renoise import at_level
from zoomlib.walk import Record, last

Filter = Literal["butterworth", "gaussian", "ideal", "box"]


@dataclass(frozen=True)
class LowPass:
    """Which frequencies are low. stop_frequency: that of half the gain (of the edge: `ideal`, `box`), as a share of
    Nyquist. filter_order: of `butterworth`, whose edge is the sharper the higher it is."""

    filter: Filter = "butterworth"
    stop_frequency: float = 0.25
    filter_order: int = 4

    def __post_init__(self) -> None:
        if self.filter not in get_args(Filter):
            raise InvalidInputError(f"filter must be one of {', '.join(get_args(Filter))}, but is {self.filter!r}.")
        stop, order = self.stop_frequency, self.filter_order
        if isinstance(stop, bool) or not isinstance(stop, int | float) or not 0 < stop <= 1:
            raise InvalidInputError(f"stop_frequency must lie above 0 and be at most 1 (Nyquist), but is {stop!r}.")
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 64:
            raise InvalidInputError(f"filter_order must be a whole number of 1 to 64, but is {order!r}.")

    def gain(self, height: int, width: int) -> Tensor:
        """Of every coefficient of `torch.fft.fft2`, in 0..1: float32 (H, W), real and even; 1 at frequency 0."""
        rows, columns = (2 * torch.fft.fftfreq(n).abs() / self.stop_frequency for n in (height, width))
        r = torch.hypot(rows[:, None], columns[None])
        if self.filter == "butterworth":
            return 1 / (1 + r ** (2 * self.filter_order))
        if self.filter == "gaussian":
            return torch.exp2(-(r**2))
        return ((r if self.filter == "ideal" else torch.maximum(rows[:, None], columns[None])) <= 1).float()


def mix_frequencies(low: Tensor, high: Tensor, low_pass: LowPass, *, white: bool = True) -> Tensor:
    """The low frequencies of one picture and the high ones of another, (..., H, W).

    The gains g and 1 - g add up to 1. Where they overlap, two independent pictures lose power; with `white` each
    frequency is divided by sqrt(g^2 + (1 - g)^2), so that two independent white noises of unit variance mix to one.
    """
    g = low_pass.gain(*low.shape[-2:]).to(low.device)
    power = torch.sqrt(g**2 + (1 - g) ** 2) if white else torch.ones_like(g)
    spectrum = (torch.fft.fft2(low) * g + torch.fft.fft2(high) * (1 - g)) / power
    mixed: Tensor = torch.fft.ifft2(spectrum).real
    return mixed


def refine_frequencies(
    filling: Filling, noise: Tensor, generator: torch.Generator, low_pass: LowPass
) -> tuple[Tensor, list[Record]]:
    """Better noise (B, C, H, W) for a filling, at the cost of filling it once.

    The filled picture is diffused back to the first step with the noise itself. In the places to be made, its low
    frequencies are mixed with high ones of fresh noise; what is kept stays. One draw for the fresh noise, and the
    sampler's. A record for each picture: mean and variance of its noise.
    """
    first = filling.denoiser.ladder(filling.config.steps)[filling.start]
    noise = noise.to(filling.denoiser.device)
    clean = last(filling.states(noise, generator)).clean
    diffused = at_level(clean, first, noise)
    fresh = filling.draw(generator).to(noise.device) * first.sigma
    z = torch.lerp(diffused, mix_frequencies(diffused, fresh, low_pass), filling.unknown)
    refined = noise_for(filling, z)
    named: Record = {"what": "alignnoise", "stage": "frequency"}
    return refined, [{**named, "row": row, **moments(refined[row])} for row in range(len(refined))]


def noise_for(filling: Filling, z: Tensor) -> Tensor:
    """The noise from which a filling begins at z: the inverse of `Filling.begin`, which is linear place by place."""
    offset = filling.begin(torch.zeros_like(z))
    return (z - offset) / (filling.begin(torch.ones_like(z)) - offset)


def fourier_noise(filling: Filling, noise: Tensor, share: float = 1.0) -> Tensor:
    """Noise (B, C, H, W) whose amplitude spectrum is, in the places to be made, that of what is kept.

    White noise is filtered by the kept part's amplitudes to the power `share` (0: it stays white) and brought to mean 0
    and variance 1 over the places to be made, each channel by itself; elsewhere the noise stays as it is. Nothing is
    drawn. Where a picture keeps nothing, its noise stays. It serves samplers with eta 1; from noise this far from
    white, deterministic ones (eta 0) paint what the model was never shown, the less so the smaller the share.
    """
    noise, unknown = noise.to(filling.denoiser.device), filling.unknown
    shaped = torch.fft.ifft2(torch.fft.fft2(noise) * amplitude(filling.known, 1 - unknown) ** share).real
    places = unknown.sum((2, 3), keepdim=True).clamp_min(1)
    centred = shaped - (shaped * unknown).sum((2, 3), keepdim=True) / places
    deviation = ((centred**2 * unknown).sum((2, 3), keepdim=True) / places).sqrt().clamp_min(1e-12)
    kept = (unknown < 1).flatten(1).any(1)[:, None, None, None]
    return torch.where(kept & (unknown > 0), centred / deviation, noise)


def amplitude(x: Tensor, kept: Tensor) -> Tensor:
    """Amplitude spectrum of the kept part of x, (B, C, H, W), of mean square 1 for each channel.

    The part's own mean is taken out and its edges are faded, so that the spectrum is the picture's and not its
    outline's; frequency 0 gets the strongest of the others.
    """
    weight = _faded(kept)
    mean = (x * weight).sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
    spectrum = torch.fft.fft2((x - mean) * weight).abs()
    spectrum[..., 0, 0] = 0
    spectrum[..., 0, 0] = spectrum.amax((2, 3))
    strength: Tensor = spectrum / spectrum.square().mean((2, 3), keepdim=True).sqrt().clamp_min(1e-12)
    return strength


def _faded(kept: Tensor) -> Tensor:
    """The mask falling to 0 towards the edges of what is kept; the mask itself where all of it is too narrow."""
    reach = max(1, min(kept.shape[-2:]) // 16)
    inside = F.avg_pool2d(kept, 2 * reach + 1, 1, reach)
    faded = kept * (2 * inside - 1).clamp_min(0)
    return torch.where(faded.amax((1, 2, 3), keepdim=True) > 0, faded, kept)
