"""The layers of a texture synthesizer by fewer multiplications, in strips that stay in a processor's cache.

A 3x3 convolution makes 2x2 outputs of 16 products instead of 36 (Winograd, arXiv 1509.09308, section 4.1); a transposed
one of stride 2 makes 4x4 outputs of 25 instead of 36 (odd rows by the same idea for two taps). A strip of tiles is
transformed, multiplied by all weights at once as one grouped 1x1 convolution, transformed back, blurred where it has
doubled, given noise and activated, before the next is read. All factors are 0, ±1/2 and ±1: rounding is finer than that
of a plain convolution, whose sums are longer.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.infinity.networks.modulation import SLOPE

FEWEST_CHANNELS = 256
"""With fewer, the transforms cost what they save."""
TILES = 192
"""At least so many in a strip: each strip reads all weights once."""

_TRANSFORM = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)
_TRANSFORM_UP = torch.tensor([[0, 0, 1], [1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=torch.float64)


def quick(weight: Tensor, dtype: torch.dtype) -> bool:
    """Whether strips are quicker for a weight (O, I, 3, 3): on an x86 processor, in float32, with many channels."""
    return (
        weight.device.type == "cpu"
        and dtype == weight.dtype == torch.float32
        and min(weight.shape[:2]) >= FEWEST_CHANNELS
        and platform.machine().lower() in ("x86_64", "amd64")
        and packed_work()
    )


@cache
def packed_work() -> bool:
    """Whether this torch has oneDNN's convolutions of packed weights, which are not of its public interface, and they
    give what a plain convolution does: tried once."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x = torch.arange(7 * 6 * 4, dtype=torch.float32).view(7, 6, 4).sin()
    weight, bias = torch.arange(3 * 4 * 9, dtype=torch.float32).view(3, 4, 3, 3).cos(), torch.ones(3)
    out = x.new_empty(5, 4, 3)
    try:
        StripConv(weight, bias)(x, None, out)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return False
    plain = F.leaky_relu(F.conv2d(x.permute(2, 0, 1)[None], weight, bias), SLOPE)
    return torch.allclose(out, plain[0].permute(1, 2, 0), atol=1e-4)


class _Products:
    """One grouped 1x1 convolution of transformed tiles; weights packed for a number of tiles are kept for the next."""

    def __init__(self, weight: Tensor, bias: Tensor, transform: Tensor, bias_at: tuple[int, ...]) -> None:
        points, (outputs, inputs) = len(transform), weight.shape[:2]
        moved = torch.einsum("ia,jb,ocab->ijoc", transform, transform, weight.double())
        self.groups, self.inputs, self.outputs = points**2, inputs, outputs
        self._weight = moved.reshape(-1, inputs, 1, 1).to(weight.dtype)
        self._bias = weight.new_zeros(points, points, outputs)
        for row in bias_at:
            for column in bias_at:
                self._bias[row, column] = bias
        self._bias = self._bias.flatten()
        self._packed: dict[int, Tensor] = {}

    def __getstate__(self) -> dict[str, object]:
        """What other processes paint with: packed weights cannot be pickled, and are made again."""
        return {**self.__dict__, "_packed": {}}

    def __call__(self, tiles: Tensor) -> Tensor:
        """Of (T, points² · I) contiguous, (T, points² · O)."""
        count = len(tiles)
        if count not in self._packed:
            shape = (1, self.groups * self.inputs, 1, count)
            pack: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
            self._packed[count] = pack(self._weight.to_mkldnn(), (0, 0), (1, 1), (1, 1), self.groups, shape)
        x = tiles[None, None].permute(0, 3, 1, 2)
        fixed: tuple[Any, ...] = ((0, 0), (1, 1), (1, 1), self.groups, "none", [], "")
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self._packed[count], self._bias, *fixed)
        return y.permute(0, 2, 3, 1)[0, 0]


Finish = Callable[[Tensor, Tensor | None, int], None]
"""What is done to finished rows (h, W, O), in place: of all noise (H, W, 1), and the number of the first row."""


def finish(made: Tensor, noise: Tensor | None, first: int) -> None:
    """Noise and leaky ReLU."""
    if noise is not None:
        made += noise[first : first + len(made)]
    F.leaky_relu_(made, SLOPE)


class StripConv:
    """3x3 convolution without padding, bias, noise, leaky ReLU (or what else is to be done at last)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        # A constant at point (1, 1) comes out as the same constant everywhere.
        self._products = _Products(weight, bias, _TRANSFORM, (1,))

    def __call__(self, x: Tensor, noise: Tensor | None, out: Tensor, finish: Finish = finish) -> None:
        """Of x (H, W, I) and noise (H−2, W−2, 1), to `out` (H−2, W−2, O)."""
        height, width, outputs = out.shape
        strip, across = _strip(height, width)
        rows = x.new_zeros(4, strip, x.shape[1], x.shape[2])
        tiles = x.new_zeros(strip, across, 4, 4, x.shape[2])
        half = x.new_empty(2, strip, across, 4, outputs)
        for first in range(0, height, 2 * strip):
            _points(_every(x[first : first + 2 * strip + 2], 2, 0, 4), rows)
            _points(_every(rows, 2, 2, 4), tiles.permute(3, 2, 0, 1, 4))
            products = self._products(tiles.view(strip * across, -1)).view(strip, across, 4, 4, outputs)
            _sums(products.unbind(2), half.unbind(0))
            made = out[first : first + 2 * strip]
            for odd in range(2):
                _sums(half[odd].unbind(2), _every(made[odd::2], 2, 1, 2))
            finish(made, noise, first)


class StripUp:
    """Transposed 3x3 convolution of stride 2, less its ring, blur, bias, noise, leaky ReLU (or what else)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        # The blur below sums to 16.
        self._products = _Products(weight / 16, bias / 16, _TRANSFORM_UP, (1, 3, 4))

    def __call__(self, x: Tensor, noise: Tensor | None, out: Tensor, finish: Finish = finish) -> None:
        """Of x (H, W, I) and noise (2H−3, 2W−3, 1), to `out` (2H−3, 2W−3, O)."""
        _, width, outputs = out.shape
        strip, across = _strip(*x.shape[:2])
        rows = x.new_zeros(5, strip, x.shape[1], x.shape[2])
        tiles = x.new_zeros(strip, across, 5, 5, x.shape[2])
        half = x.new_empty(2, strip, across, 5, outputs)
        # Two rows of the strip before come first: the blur reads three.
        wide = x.new_empty(4 * strip + 2, width + 2, outputs)
        for first in range(0, x.shape[0], 2 * strip):
            _points_up(_every(x[first : first + 2 * strip + 1], 2, 0, 3), rows)
            _points_up(_every(rows, 2, 2, 3), tiles.permute(3, 2, 0, 1, 4))
            products = self._products(tiles.view(strip * across, -1)).view(strip, across, 5, 5, outputs)
            a, b, c, d, e = products.unbind(2)
            wide[:2] = wide[-2:]
            down = (d, torch.add(a, b, out=half[0]), e, torch.sub(b, c, out=half[1]))
            for row, points in enumerate(down):
                _sums_up(points.unbind(2), _every(wide[2 + row :: 4], 4, 1, 4))
            above = 2 * first - 2
            made = out[max(above, 0) : above + 4 * strip]
            _blur(wide[max(-above, 0) :][: len(made) + 2], made)
            finish(made, noise, max(above, 0))


def _strip(height: int, width: int) -> tuple[int, int]:
    """Rows of 2x2 tiles in a strip, strips being about equal, and tiles in a row."""
    down, across = -(-height // 2), -(-width // 2)
    strips = -(-down // min(down, -(-TILES // across)))
    return -(-down // strips), across


def _every(x: Tensor, step: int, axis: int, count: int) -> list[Tensor]:
    """Every `step`-th entry of an axis from the first, from the second, … of `count`."""
    return [x[(slice(None),) * axis + (slice(first, None, step),)] for first in range(count)]


def _alike(*tensors: Tensor) -> list[Tensor]:
    """Of tensors that differ in length, what they have in common from the first entries on.

    The last tile of a row or column may lack inputs, or outputs that are wanted; what is not written there is not read.
    """
    shape = [min(sides) for sides in zip(*(tensor.shape for tensor in tensors), strict=True)]
    return [tensor[tuple(slice(side) for side in shape)] for tensor in tensors]


def _added(a: Tensor, b: Tensor, out: Tensor) -> None:
    a, b, out = _alike(a, b, out)
    torch.add(a, b, out=out)


def _subtracted(a: Tensor, b: Tensor, out: Tensor) -> None:
    a, b, out = _alike(a, b, out)
    torch.sub(a, b, out=out)


def _copied(a: Tensor, out: Tensor) -> None:
    a, out = _alike(a, out)
    out.copy_(a)


def _points(inputs: list[Tensor], out: Tensor) -> None:
    a, b, c, d = inputs
    _subtracted(a, c, out[0])
    _added(b, c, out[1])
    _subtracted(c, b, out[2])
    _subtracted(b, d, out[3])


def _sums(points: Sequence[Tensor], out: Sequence[Tensor] | Tensor) -> None:
    for to, (first, second, third), op in ((out[0], points[:3], torch.add), (out[1], points[1:], torch.sub)):
        first, second, third, to = _alike(first, second, third, to)
        op(op(first, second, out=to), third, out=to)


def _points_up(inputs: list[Tensor], out: Tensor) -> None:
    a, b, c = inputs
    _subtracted(a, b, out[0])
    _copied(b, out[1])
    _subtracted(b, c, out[2])
    _copied(a, out[3])
    _copied(b, out[4])


def _sums_up(points: Sequence[Tensor], out: list[Tensor]) -> None:
    a, b, c, d, e = points
    _copied(d, out[0])
    _added(a, b, out[1])
    _copied(e, out[2])
    _subtracted(b, c, out[3])


def _blur(x: Tensor, out: Tensor) -> None:
    """16 times the mean under [1,2,1]⊗[1,2,1]/16."""
    column = torch.add(x[:-2], x[2:]).add_(x[1:-1], alpha=2)
    torch.add(column[:, :-2], column[:, 2:], out=out).add_(column[:, 1:-1], alpha=2)
