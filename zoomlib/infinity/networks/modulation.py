"""Convolutions whose channels a style scales, on inputs: one shared weight for all samples of a batch.

y = d ⊙ conv(s ⊙ x, g·W) with s = A(style), d_o = rsqrt(Σ_i s_i² Σ_kl (g·W_oikl)² + 1e-8), which equals the modulated
weights of StyleGAN2 (arXiv 1912.04958, section 2.2) and needs no grouped convolution. No layer pads its input. All is
differentiable twice, for R1 and path length.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE, GAIN = 0.2, math.sqrt(2)
"""Of the leaky ReLU, and what its output is multiplied by so that the variance stays."""
EPSILON = 1e-8
TAPS = (1.0, 2.0, 1.0)
"""Of the blur after a doubling."""


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, times √2; any shape."""
    return F.leaky_relu(x * GAIN, SLOPE)


def doubled(x: Tensor, weight: Tensor) -> Tensor:
    """Transposed 3x3 convolution of stride 2, less the ring that fewer taps reach: (B, I, m, m) to (B, O, 2m−1, 2m−1).

    `weight` is (O, I, 3, 3), as of an ordinary convolution.
    """
    return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2, padding=1)


def blurred(x: Tensor) -> Tensor:
    """Means under [1,2,1]⊗[1,2,1]/16 without padding: side m to m−2."""
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device) / sum(TAPS)
    return F.conv2d(x, (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3), groups=x.shape[1])


def enlarged(rgb: Tensor, shape: torch.Size) -> Tensor:
    """A sum of ToRGB (B, 3, m, m') doubled linearly to 2m−1 and cropped about its centre to the last two of `shape`."""
    height, width = shape[-2:]
    doubled_rgb = F.interpolate(
        rgb, size=(2 * rgb.shape[-2] - 1, 2 * rgb.shape[-1] - 1), mode="bilinear", align_corners=True
    )
    return cropped(doubled_rgb, height, width)


def cropped(x: Tensor, height: int, width: int) -> Tensor:
    """The centre of the last two axes."""
    y0, x0 = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., y0 : y0 + height, x0 : x0 + width]


class EqualLinear(nn.Module):
    """A linear layer whose weights are N(0, 1)/rate and scaled at run time, so that all layers learn alike.

    `rate` multiplies the learning rate; `start` is the bias at first. Maps (…, inputs) to (…, outputs).
    """

    def __init__(self, inputs: int, outputs: int, *, start: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), start))
        self.scale, self.rate = rate / math.sqrt(inputs), rate

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        draw(self.weight, generator, 1 / self.rate)

    def forward(self, x: Tensor) -> Tensor:
        """Of x (…, inputs), (…, outputs)."""
        return F.linear(x * self.scale, self.weight, self.bias * self.rate)


class ModulatedConv(nn.Module):
    """Weight and styles of one modulated convolution; `weight` (O, I, k, k) is to be multiplied by `gain`."""

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int, *, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.gain = 1 / math.sqrt(inputs * kernel**2)
        self.affine = EqualLinear(style, inputs, start=1.0)
        self.demodulate = demodulate

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        draw(self.weight, generator)
        self.affine.init(generator)

    def scales(self, style: Tensor) -> Tensor:
        """Of styles (B, S), g·s (B, I) for the input of a convolution with `weight`.

        In the precision of the weights, also under autocast; so is `demodulation`.
        """
        with torch.autocast(style.device.type, enabled=False):
            s: Tensor = self.affine(style.to(self.weight.dtype)) * self.gain
            return s

    def demodulation(self, s: Tensor) -> Tensor:
        """d (B, O) of g·s (B, I): one over the length of each output's modulated weights, or ones."""
        if not self.demodulate:
            return s.new_ones(len(s), len(self.weight))
        with torch.autocast(s.device.type, enabled=False):
            return torch.rsqrt(s.square() @ self.weight.square().sum((2, 3)).t() + EPSILON)


class Layer(nn.Module):
    """Modulated convolution, noise, bias, activation.

    `kind` "conv" keeps the scale, side m to m−(k−1); "up" doubles and blurs it, m to 2m−3. Without `noisy` there is no
    noise, nor a strength of it.
    """

    def __init__(
        self, inputs: int, outputs: int, style: int, *, kernel: int = 3, kind: Literal["conv", "up"], noisy: bool = True
    ) -> None:
        super().__init__()
        self.kind = kind
        self.conv = ModulatedConv(inputs, outputs, style, kernel)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(())) if noisy else None

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights; bias and noise strength begin at 0."""
        self.conv.init(generator)
        nn.init.zeros_(self.bias)
        if self.noise_strength is not None:
            nn.init.zeros_(self.noise_strength)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Of x (B, I, m, m'), style (B, S) and noise (B or 1, 1, s, s'), the output (B, O, s, s')."""
        s = self.conv.scales(style)
        d = self.conv.demodulation(s)
        x = x * s[:, :, None, None].to(x.dtype)
        if self.kind == "up":
            # The blur sums to 1, the gain of doubling is 4.
            y, gain = blurred(doubled(x, self.conv.weight)), 4 * GAIN
        else:
            y, gain = F.conv2d(x, self.conv.weight), GAIN
        # √2 goes through a leaky ReLU, so that it costs no pass over the map.
        y = torch.addcmul(self._shift(y), y, (d * gain)[:, :, None, None].to(y.dtype))
        if self.noise_strength is not None and noise is not None:
            y = y + noise.to(y.dtype) * (self.noise_strength * GAIN).to(y.dtype)
        return F.leaky_relu(y, SLOPE)

    def _shift(self, y: Tensor) -> Tensor:
        return (self.bias * GAIN)[:, None, None].to(y.dtype)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to three channels, not demodulated, and a bias."""

    def __init__(self, inputs: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, 3, style, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights; the bias begins at 0."""
        self.conv.init(generator)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Of x (B, C, m, m') and style (B, S), (B, 3, m, m')."""
        # Three outputs: weights of each sample are smaller than a scaled copy of the map.
        weight = self.conv.scales(style)[:, None] * self.conv.weight[:, :, 0, 0]
        rgb = torch.matmul(weight.to(x.dtype), x.flatten(2)).reshape(-1, 3, *x.shape[2:])
        return rgb + self.bias[:, None, None].to(rgb.dtype)


@torch.no_grad()
def draw(parameter: Tensor, generator: torch.Generator, scale: float = 1.0) -> None:
    """Fill with N(0, scale²), drawn where the generator lives and so the same on every device."""
    values = torch.randn(parameter.shape, generator=generator, device=generator.device)
    parameter.copy_(values * scale)
