"""A generator for one style, made ready to draw many tiles: all that depends on the style is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.networks.modulation import GAIN, SLOPE, Layer, ModulatedConv, ToRGB, blurred, cropped, enlarged
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.strips import StripConv, StripUp, quick
from zoomlib.infinity.networks.structure import check_halo
from zoomlib.infinity.networks.texture import check_texture, rgb_style


class _Plain(NamedTuple):
    """One layer of a style: weight (O, I, k, k), or (I, O, k, k) of an "up"; bias (O,)."""

    weight: Tensor
    bias: Tensor
    up: bool

    def __call__(self, x: Tensor, noise: Tensor | None) -> Tensor:
        if self.up:
            x = blurred(F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1))
        else:
            x = F.conv2d(x, self.weight, self.bias)
        if noise is not None:
            x += noise
        return F.leaky_relu_(x, SLOPE)


class _Strips(NamedTuple):
    """The same in fewer multiplications, sample by sample."""

    kernel: StripUp | StripConv
    outputs: int

    def __call__(self, x: Tensor, noise: Tensor | None) -> Tensor:
        batch, _, height, width = x.shape
        up = isinstance(self.kernel, StripUp)
        height, width = (2 * height - 3, 2 * width - 3) if up else (height - 2, width - 2)
        out = x.new_empty(batch, height, width, self.outputs)
        for index in range(batch):
            planes = None if noise is None else noise.expand(batch, -1, -1, -1)[index].permute(1, 2, 0)
            self.kernel(x[index].permute(1, 2, 0), planes, out[index])
        return out.permute(0, 3, 1, 2)


class Prepared:
    """Both synthesizers for one style, for drawing only: no gradients.

    Weights are modulated, demodulated and scaled once, in float32; a tile then costs plain convolutions in
    channels-last order, or fewer multiplications where that is quicker (`strips`), whatever the batch. Equal to
    `Networks` up to rounding: in float32 1e-5 of the picture's standard deviation for random weights, 3e-5 for trained
    ones. The first one on a CPU lets glibc keep up to 62 MiB of freed memory in this process (`_keep_memory`).

    Args:
        networks: on the device to draw on.
        style: z_g (S,), the style of the structure synthesizer.
        w_plus: (2L+1, S), the styles of the texture synthesizer.
        dtype: of the features: torch.float32, or torch.bfloat16, which is quicker and coarser (about 1 % in
            the mean; a few pixels of trained weights by a third of the standard deviation).
    """

    def __init__(
        self, networks: Networks, style: Tensor, w_plus: Tensor, *, dtype: torch.dtype = torch.float32
    ) -> None:
        self.config, self.dtype, self.device = networks.config, dtype, style.device
        _check_styles(networks, style, w_plus)
        if self.device.type == "cpu":
            _keep_memory()
        with torch.no_grad():
            self._structure = [self._plain(layer, style) for layer in _layers(networks.structure.layers)]
            layers = list(zip(_layers(networks.texture.layers), w_plus[:-1], strict=True))
            self._texture = [self._ready(layer, w) for layer, w in layers]
            self._strengths = [_strength(layer) for layer, _ in layers]
            self._rgb = [
                _ready_rgb(cast(ToRGB, to_rgb), w_plus[rgb_style(block, self.config.blocks)], dtype)
                for block, to_rgb in enumerate(networks.texture.to_rgb)
            ]

    @torch.no_grad()
    def structure(self, local: Tensor, coordinates: Tensor) -> Tensor:
        """As `Structure.forward`: (B, C, m, m') and (B, A, m, m') to (B, C, m−2h, m'−2h), in `dtype`."""
        check_halo(self.config, local, coordinates)
        x, coordinates = local.to(self.dtype), coordinates.to(self.dtype)
        for layer in self._structure:
            x = torch.cat((x, cropped(coordinates, x.shape[2], x.shape[3])), 1)
            x = layer(x.contiguous(memory_format=self._order), None)
        return x

    @torch.no_grad()
    def texture(self, features: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """As `Texture.forward`: (B, C, n, n') and 2L noises to pixels (B, 3, ·, ·) in float32, not clamped."""
        check_texture(self.config, features, noises)
        x = features.to(self.dtype).contiguous(memory_format=torch.channels_last)
        rgb = features.new_zeros(1, 3, *features.shape[2:], dtype=torch.float32)
        for block, (weight, bias) in enumerate(self._rgb):
            for index in (2 * block, 2 * block + 1):
                strength = self._strengths[index]
                noise = (noises[index] * strength).to(self.dtype) if strength else None
                x = self._texture[index](x, noise)
            # Three outputs of a channels-last map are a thin matrix product.
            new = F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2).float()
            rgb = new + enlarged(rgb, new.shape)
        return rgb.contiguous()

    def _ready(self, layer: Layer, style: Tensor) -> _Plain | _Strips:
        weight, bias = _weights(layer, style)
        if not quick(weight, self.dtype):
            return self._plain(layer, style)
        kernel = StripUp(weight, bias) if layer.kind == "up" else StripConv(weight, bias)
        return _Strips(kernel, len(weight))

    def _plain(self, layer: Layer, style: Tensor) -> _Plain:
        weight, bias = _weights(layer, style)
        up, order = layer.kind == "up", torch.channels_last if layer.noise_strength is not None else self._order
        weight = (weight.transpose(0, 1) if up else weight).to(self.dtype).contiguous(memory_format=order)
        return _Plain(weight, bias.to(self.dtype), up)

    @property
    def _order(self) -> torch.memory_format:
        """Of the structure synthesizer: in float32 on a CPU the sums of channels-last are four times coarser."""
        coarse = self.dtype == torch.float32 and self.device.type == "cpu"
        return torch.contiguous_format if coarse else torch.channels_last


@cache
def _keep_memory() -> None:
    """Let the C library keep what tiles give back, once a process: glibc learns from the largest block (to 32 MiB) that
    it has freed, as it would from any program's, and then leaves up to twice as much with the process.

    Without it each tile of a small generator asks the system for its memory anew: 53,000 page faults for 0.8
    megapixels, a seventh of the time. Who sets glibc's thresholds (MALLOC_TRIM_THRESHOLD_) turns it off.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


def _weights(layer: Layer, style: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (O, I, k, k) and bias (O,) of a style with all that scales a layer's output."""
    # The blur after an "up" sums to 1, so that the bias may come before it.
    gain = 4 * GAIN if layer.kind == "up" else GAIN
    return _modulated(layer.conv, style) * gain, layer.bias * GAIN


def _strength(layer: Layer) -> float:
    return 0.0 if layer.noise_strength is None else float(layer.noise_strength) * GAIN


def _ready_rgb(to_rgb: ToRGB, style: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return _modulated(to_rgb.conv, style)[:, :, 0, 0].to(dtype), to_rgb.bias.to(dtype)


def _modulated(conv: ModulatedConv, style: Tensor) -> Tensor:
    s = conv.scales(style[None])
    return conv.demodulation(s).t()[:, :, None, None] * (conv.weight * s[:, :, None, None])


def _layers(modules: torch.nn.ModuleList) -> list[Layer]:
    return [cast(Layer, module) for module in modules]


def _check_styles(networks: Networks, style: Tensor, w_plus: Tensor) -> None:
    S, entries = networks.config.style, networks.config.layers + 1
    if style.shape != (S,) or w_plus.shape != (entries, S):
        raise InvalidInputError(
            f"Expected a style ({S},) and styles of the texture ({entries}, {S}); got {tuple(style.shape)} and "
            f"{tuple(w_plus.shape)}."
        )
    if not (style.isfinite().all() and w_plus.isfinite().all()):
        raise InvalidInputError("A style is of finite numbers; some of these are not. Make it anew.")
