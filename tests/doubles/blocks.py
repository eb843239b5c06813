"""A linear block codec, orthonormal or lossy, and models seen through it: latents that do not commute with scaling.

A block of f x f pixels becomes its first coefficients of the discrete cosine transform, lowest frequencies first; with
all f^2 of them the codec is orthonormal and loses nothing. The mean of the coefficients of p x p blocks is not the
coefficient of the smaller picture's block, but for the constant one.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.doubles.gaussian import LINEAR_BETA, frequency, power_spectrum
from zoomlib.denoiser import Codec, Condition, Denoiser, Wrapper
from zoomlib.ladder import Ladder, Step, ddim_ladder


def cosines(f: int, kept: int) -> Tensor:
    """The first `kept` orthonormal functions of a block, (kept, f, f), lowest frequencies first, float64."""
    k, x = torch.arange(f, dtype=torch.float64)[:, None], torch.arange(f, dtype=torch.float64)[None]
    line = torch.cos(math.pi * (x + 0.5) * k / f) * math.sqrt(2 / f)
    line[0] /= math.sqrt(2)
    order = sorted(((i, j) for i in range(f) for j in range(f)), key=lambda ij: (ij[0] + ij[1], max(ij), ij))
    return torch.stack([line[i][:, None] * line[j][None] for i, j in order[:kept]])


class Blocks:
    """The codec: (L, C, H, W) <-> (L, C kept, H/f, W/f), times `scaling`. Counts the pictures that pass it."""

    def __init__(self, f: int, kept: int, scaling: float = 1.0):
        self.factor, self.kept, self.scaling = f, kept, scaling
        self.functions = cosines(f, kept).float()
        self.passes = 0

    def encode(self, images: Tensor) -> Tensor:
        self.passes += len(images)
        L, C, H, W = images.shape
        out = F.conv2d(images.reshape(L * C, 1, H, W), self.functions[:, None], stride=self.factor)
        return out.view(L, C * self.kept, H // self.factor, W // self.factor) * self.scaling

    def decode(self, latents: Tensor) -> Tensor:
        self.passes += len(latents)
        L, C, h, w = latents.shape
        C //= self.kept
        out = F.conv_transpose2d(latents.view(L * C, self.kept, h, w), self.functions[:, None], stride=self.factor)
        return out.view(L, C, h * self.factor, w * self.factor) / self.scaling


class BlockGaussian:
    """The closed-form latent model of a Gaussian field of pixels, (3, size, size), with spectrum S ~ f^-2: the
    posterior mean of its code, alpha K (alpha^2 K + sigma^2)^-1 z at every frequency of blocks, with K the spectral
    covariance of the code.

    A prompt is a number of no consequence.
    """

    device = torch.device("cpu")
    dtype = torch.float32
    inpaints = False

    def __init__(self, f: int, kept: int, size: int = 64, draft: Codec | None = None):
        self.size = size
        K = code_covariance(f, kept, size)
        variance = float(K.diagonal(dim1=-2, dim2=-1).real.mean())
        self.codec: Codec = Blocks(f, kept, variance**-0.5)
        self.draft = draft or self.codec
        self.shape = (3 * kept, size // f, size // f)
        self.values, self.vectors = torch.linalg.eigh(K / variance)

    def ladder(self, steps: int) -> Ladder:
        return ddim_ladder(LINEAR_BETA, steps)

    def condition(self, prompts: Sequence[str], *_: object, **__: object) -> Condition:
        return Condition({"row": torch.zeros(len(prompts))})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        L, C, h, w = z.shape
        gain = step.alpha * self.values / (step.alpha**2 * self.values + step.sigma**2)
        Z = torch.fft.fft2(z.double().view(L, 3, C // 3, h, w)).permute(0, 1, 3, 4, 2)[..., None]
        X = self.vectors @ (gain[..., None] * (self.vectors.mH @ Z))
        return torch.fft.ifft2(X[..., 0].permute(0, 1, 4, 2, 3)).real.reshape(L, C, h, w).float()

    def samples(self, count: int, generator: torch.Generator) -> Tensor:
        """Codes drawn from the prior itself, (count, C, h, w)."""
        C, h, w = self.shape
        white = torch.randn(count, 3, C // 3, h, w, generator=generator, dtype=torch.float64)
        Z = torch.fft.fft2(white).permute(0, 1, 3, 4, 2)[..., None]
        X = self.vectors @ (self.values.clamp_min(0).sqrt()[..., None] * (self.vectors.mH @ Z))
        return torch.fft.ifft2(X[..., 0].permute(0, 1, 4, 2, 3)).real.reshape(count, C, h, w).float()


def code_covariance(f: int, kept: int, size: int) -> Tensor:
    """Spectral covariance (h, w, kept, kept) of the field's code at every frequency of blocks, complex128.

    K_ab(m) = sum over frequencies k of pixels with k = m modulo blocks of conj(phi_a(k)) phi_b(k) S(k) / f^2.
    """
    phi = _transforms(f, kept, size)
    terms = phi.conj()[:, None] * phi[None] * power_spectrum(size, size).double() / f**2
    h = size // f
    return terms.view(kept, kept, f, h, f, h).sum((2, 4)).permute(2, 3, 0, 1)


def coded_spectrum(f: int, kept: int, size: int) -> Tensor:
    """Mean power (size, size) of what the codec leaves of the field: sum over a, b of conj(phi_a) phi_b K_ab / f^2."""
    phi = _transforms(f, kept, size)
    K = code_covariance(f, kept, size).permute(2, 3, 0, 1).repeat(1, 1, f, f)
    return (phi[:, None] * K * phi.conj()[None]).sum((0, 1)).real / f**2


def _transforms(f: int, kept: int, size: int) -> Tensor:
    """The Fourier transforms (kept, size, size) of the block's functions at the frequencies of pixels."""
    return torch.fft.fft2(F.pad(cosines(f, kept), (0, size - f, 0, size - f)))


def coded_errors_db(levels: Tensor, spectrum: Tensor) -> Tensor:
    """(bands,) mean dB by which the power of (L, C, H, W) departs from a spectrum (H, W), in octaves, low to high."""
    H, W = levels.shape[-2:]
    f, power = frequency(H, W), torch.fft.fft2(levels).abs().square().mean((0, 1)) / (H * W)
    edges = torch.tensor([1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2])
    bands = [(f >= low - 1e-6) & (f < high) for low, high in pairwise(edges)]
    return torch.stack([10 * torch.log10((power[band] / spectrum[band].float()).mean()) for band in bands])


class InBlocks(Wrapper):
    """A model of pixels (guidance included) as a latent model, exactly: z is the code of its z by an orthonormal
    codec, which leaves white noise white."""

    def __init__(self, denoiser: Denoiser, f: int):
        super().__init__(denoiser)
        self.blocks = Blocks(f, f * f)

    @property
    def shape(self) -> tuple[int, int, int]:
        C, H, W = self.denoiser.shape
        f = self.blocks.factor
        return C * f * f, H // f, W // f

    @property
    def codec(self) -> Codec:
        return self.blocks

    @property
    def draft(self) -> Codec:
        return self.blocks

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        return self.blocks.encode(self.denoiser.predict_clean(self.blocks.decode(z), step, condition))
