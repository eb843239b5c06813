"""A generator with a style of its own in every place, made ready to draw tiles (specification, section 3.4).

Where the weights m_k of the styles differ from place to place, y = d ⊙ conv(s ⊙ x, g·W) with s = Σ_k m_k s_k at each
place of the input, and d of the style at the output's place: the styles are taken as equal within a kernel. As s is
linear in m, d^-2 is quadratic: Σ_kl m_k m_l Q_kl with Q_kl = Σ_i s_ki s_li Σ (g·W_oi)², a 1x1 convolution of the few
products m_k m_l in place of one of all channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.infinity.networks.modulation import EPSILON, GAIN, SLOPE, Layer, ToRGB, cropped, enlarged
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.strips import StripConv, StripUp, quick
from zoomlib.infinity.networks.structure import check_halo
from zoomlib.infinity.networks.texture import check_texture, rgb_style

_PART = 2**18  # numbers of a map at a time: a MiB, which several steps then find in the cache


class _Layer(NamedTuple):
    """kernel: of what is not to be done in strips, a weight (O, I, k, k), or (I, O, k, k) of an "up", with all gains.

    squares (I, O); scales (N, I); bias (O,); blur (O, 1, 3, 3) of an "up"; edge: rows fewer that a convolution gives.
    """

    kernel: Tensor | StripConv | StripUp
    squares: Tensor
    scales: Tensor
    bias: Tensor
    strength: float
    edge: int
    blur: Tensor | None


class _Chosen(NamedTuple):
    """What some K styles make of a layer: scales (K, I), and lengths (K (K + 1) / 2, O) of the products of weights."""

    scales: Tensor
    lengths: Tensor


class FusedNetworks:
    """Both synthesizers for N styles, which are mixed in every place; for drawing only.

    Args:
        networks: on the device to draw on.
        styles: z_g (N, S).
        w_plus: (N, 2L+1, S).
        dtype: of the features. Styles, weights of styles and d stay float32 until they meet the features.
    """

    def __init__(
        self, networks: Networks, styles: Tensor, w_plus: Tensor, *, dtype: torch.dtype = torch.float32
    ) -> None:
        self.config, self.dtype = networks.config, dtype
        self._kept: tuple[tuple[int, ...], tuple[list[_Chosen], list[_Chosen], list[Tensor]]] | None = None
        with torch.no_grad():
            self._structure = [self._ready(cast(Layer, layer), styles) for layer in networks.structure.layers]
            self._texture = [
                self._ready(cast(Layer, layer), w_plus[:, index]) for index, layer in enumerate(networks.texture.layers)
            ]
            self._rgb = [
                self._ready_rgb(cast(ToRGB, to_rgb), w_plus[:, rgb_style(block, self.config.blocks)])
                for block, to_rgb in enumerate(networks.texture.to_rgb)
            ]

    def __getstate__(self) -> dict[str, object]:
        """The same before and after painting."""
        return {**self.__dict__, "_kept": None}

    @torch.no_grad()
    def structure(self, local: Tensor, coordinates: Tensor, weights: Tensor, chosen: Sequence[int]) -> Tensor:
        """As `Structure.forward`, of weights (B, K, m, m') of the `chosen` K styles at all cells, halo included."""
        check_halo(self.config, local, coordinates)
        x, coordinates = local.to(self.dtype), coordinates.to(self.dtype)
        for layer, some in zip(self._structure, self._of(tuple(chosen))[0], strict=True):
            x = torch.cat((x, cropped(coordinates, *x.shape[2:])), 1).contiguous(memory_format=torch.channels_last)
            inside = cropped(weights, *x.shape[2:])
            outside = cropped(weights, x.shape[2] - layer.edge, x.shape[3] - layer.edge)
            x = _drawn(x, layer, some, _rows(inside), _rows(outside), None)
        return x

    @torch.no_grad()
    def texture(
        self, features: Tensor, noises: Sequence[Tensor], weights: Sequence[Tensor], chosen: Sequence[int]
    ) -> Tensor:
        """As `Texture.forward`; weights: (B, K, ., .) at the features and at the outputs of the 2L layers."""
        check_texture(self.config, features, noises)
        _, some, rgb_weights = self._of(tuple(chosen))
        x = features.to(self.dtype, copy=True, memory_format=torch.channels_last)
        rgb = features.new_zeros(1, 3, *features.shape[2:], dtype=torch.float32)
        rows = _rows(weights[0])
        for block, (_, bias) in enumerate(self._rgb):
            for index in (2 * block, 2 * block + 1):
                inside, rows = rows, _rows(weights[index + 1])
                x = _drawn(x, self._texture[index], some[index], inside, rows, noises[index])
            new = _mixed_rgb(x, rgb_weights[block], rows, bias)
            rgb = new.add_(enlarged(rgb, new.shape))
        return rgb.contiguous()

    def _of(self, chosen: tuple[int, ...]) -> tuple[list[_Chosen], list[_Chosen], list[Tensor]]:
        """Of some styles: all layers, and the weights (C, 3 K) of every ToRGB. Those of the last tile are kept, as
        the next one mostly mixes the same styles."""
        if self._kept is None or self._kept[0] != chosen:
            rows = list(chosen)
            structure, texture = ([_chosen(layer, rows) for layer in of] for of in (self._structure, self._texture))
            rgb = [weight[rows].flatten(0, 1).t().to(self.dtype) for weight, _ in self._rgb]
            self._kept = chosen, (structure, texture, rgb)
        return self._kept[1]

    def _ready(self, layer: Layer, styles: Tensor) -> _Layer:
        up, weight = layer.kind == "up", layer.conv.weight.detach()
        squares = weight.square().sum((2, 3)).t().contiguous()
        gains = weight * (4 * GAIN if up else GAIN)
        strength = 0.0 if layer.noise_strength is None else float(layer.noise_strength) * GAIN
        bias = (layer.bias * GAIN).to(self.dtype)
        kernel: Tensor | StripConv | StripUp
        if weight.shape[-1] == 3 and quick(weight, self.dtype):
            kernel = (StripUp if up else StripConv)(gains, torch.zeros_like(bias))
        else:
            kernel = (gains.transpose(0, 1) if up else gains).to(self.dtype)
            kernel = kernel.contiguous(memory_format=torch.channels_last)
        blur = binomial(len(bias), bias) if up else None
        return _Layer(kernel, squares, layer.conv.scales(styles), bias, strength, weight.shape[-1] - 1, blur)

    def _ready_rgb(self, to_rgb: ToRGB, styles: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (N, 3, I) of each style, and the bias (3,)."""
        weight = to_rgb.conv.scales(styles)[:, None] * to_rgb.conv.weight[:, :, 0, 0]
        return weight, to_rgb.bias.float()


def _drawn(x: Tensor, layer: _Layer, some: _Chosen, inside: Tensor, outside: Tensor, noise: Tensor | None) -> Tensor:
    """One layer of x (B, I, m, m'), with the weights (K, places) of the styles at its input and output. Changes x."""
    for part, weights in _parts(x, inside):
        part *= torch.mm(weights.t(), some.scales).to(part.dtype)
    added = None if noise is None or not layer.strength else (noise * layer.strength).to(x.dtype)
    if not isinstance(layer.kernel, Tensor):
        return _in_strips(x, layer, layer.kernel, some, outside, added)
    if layer.blur is None:
        x = F.conv2d(x, layer.kernel)
    else:
        # A convolution for each channel is four times as quick here as the means that training takes.
        x = F.conv_transpose2d(x, layer.kernel, stride=2, padding=1)
        x = F.conv2d(x, layer.blur, groups=len(layer.blur))
    x = x.contiguous(memory_format=torch.channels_last)
    rows = outside if added is None else _rows(added)
    for (part, weights), (_, noises) in zip(_parts(x, outside), _parts(x, rows), strict=True):
        _finish(part, weights, None if added is None else noises.t(), layer, some)
    return x


def _in_strips(
    x: Tensor, layer: _Layer, kernel: StripConv | StripUp, some: _Chosen, outside: Tensor, noise: Tensor | None
) -> Tensor:
    """`_drawn` of x that has its scales."""
    batch, _, height, width = x.shape
    height, width = (height - 2, width - 2) if layer.blur is None else (2 * height - 3, 2 * width - 3)
    out = x.new_empty(batch, height, width, len(layer.bias))
    each = outside.view(len(outside), batch, -1)
    for index in range(batch):

        def finish(made: Tensor, noises: Tensor | None, first: int, mine: Tensor = each[:, index]) -> None:
            begin, count = first * width, len(made) * width
            added = None if noises is None else noises[first : first + len(made)].reshape(count, 1)
            _finish(made.view(count, -1), mine[:, begin : begin + count], added, layer, some)

        planes = None if noise is None else noise.expand(batch, -1, -1, -1)[index].permute(1, 2, 0)
        kernel(x[index].permute(1, 2, 0), planes, out[index], finish)
    return out.permute(0, 3, 1, 2)


def _finish(part: Tensor, weights: Tensor, noise: Tensor | None, layer: _Layer, some: _Chosen) -> None:
    """Demodulation, bias, noise (places, 1) and activation of some places (places, O) of a map, in place."""
    torch.addcmul(layer.bias, part, demodulation(weights, some.lengths).to(part.dtype), out=part)
    if noise is not None:
        part += noise
    F.leaky_relu_(part, SLOPE)


def _mixed_rgb(x: Tensor, weight: Tensor, rows: Tensor, bias: Tensor) -> Tensor:
    """Each style's picture (B, 3, m, m') of x, mixed: three channels a style are fewer than those of x."""
    batch, channels, *shape = x.shape
    each = torch.mm(x.permute(0, 2, 3, 1).reshape(-1, channels), weight).float()
    new = bias.expand(len(each), -1).clone()
    for number, row in enumerate(rows):
        new.addcmul_(each[:, 3 * number : 3 * number + 3], row[:, None])
    return new.view(batch, *shape, 3).permute(0, 3, 1, 2).contiguous()


def _rows(values: Tensor) -> Tensor:
    """(B, K, h, w) as (K, places)."""
    return values.transpose(0, 1).reshape(values.shape[1], -1)


def _parts(x: Tensor, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """x (B, C, h, w), channels last, as (places, C), and rows (., places), both in parts that a CPU's cache holds."""
    places = x.permute(0, 2, 3, 1).view(-1, x.shape[1])
    count = max(1, _PART // x.shape[1]) if x.device.type == "cpu" else len(places)
    return zip(torch.split(places, count), torch.split(rows, count, 1), strict=True)


def binomial(channels: int, like: Tensor) -> Tensor:
    """[1,2,1]⊗[1,2,1]/16 for each channel: (channels, 1, 3, 3), of the type and on the device of `like`."""
    line = torch.tensor([0.25, 0.5, 0.25], device=like.device)
    return (line[:, None] * line).to(like.dtype).expand(channels, 1, 3, 3).contiguous()


def _chosen(layer: _Layer, rows: list[int]) -> _Chosen:
    scales = layer.scales[rows]
    return _Chosen(scales, products_of(scales, layer.squares))


def products_of(scales: Tensor, squares: Tensor) -> Tensor:
    """Q (K (K + 1) / 2, O) of scales (K, I) and squares (I, O) of a kernel: for k <= l, twice where k < l.

    1e-8 is in each of them, since Σ_kl m_k m_l = 1.
    """
    first, second = torch.triu_indices(len(scales), len(scales), device=scales.device)
    double = torch.where(first == second, 1.0, 2.0)[:, None]
    return ((scales[first] * scales[second]) @ squares + EPSILON) * double


def demodulation(weights: Tensor, lengths: Tensor) -> Tensor:
    """d (places, O) = rsqrt(Σ_kl m_k m_l Q_kl + 1e-8), of weights (K, places) and Q as `products_of` gives it."""
    products = [weights[k] * weights[k:] for k in range(len(weights))]
    return torch.mm(torch.cat(products).t(), lengths).rsqrt_()
