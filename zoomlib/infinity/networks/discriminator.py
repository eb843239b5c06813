"""The discriminator: StyleGAN2's residual network with a second head that tells the row of a patch (paper Eq. 5)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import DiscriminatorConfig
from zoomlib.infinity.networks.modulation import EPSILON, GAIN, SLOPE, EqualLinear, activate, draw

TAPS = (1.0, 3.0, 3.0, 1.0)
"""Of the filter before each halving."""


class EqualConv(nn.Module):
    """A convolution whose weights are N(0, 1) and scaled at run time; zero padding unless told otherwise."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None, act: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if act else None
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.stride, self.padding = stride, kernel // 2 if padding is None else padding

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights; the bias begins at 0."""
        draw(self.weight, generator)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Of x (B, I, m, m), (B, O, …), activated where there is a bias."""
        if self.bias is None:
            return F.conv2d(x, self.weight * self.scale, None, self.stride, self.padding)
        # √2 goes through a leaky ReLU, so that it costs no pass over the map.
        weight, bias = self.weight * (self.scale * GAIN), self.bias * GAIN
        return F.leaky_relu(F.conv2d(x, weight, bias, self.stride, self.padding), SLOPE)


class Block(nn.Module):
    """Two 3x3 convolutions and a 1x1 one around them, to half the side (rounded down); the sum over √2."""

    def __init__(self, inputs: int, outputs: int, *, blur: bool) -> None:
        super().__init__()
        self.blur = blur
        self.first = EqualConv(inputs, inputs, 3)
        stride = 2 if blur else 1
        self.second = EqualConv(inputs, outputs, 3, stride=stride, padding=0 if blur else 1)
        self.skip = EqualConv(inputs, outputs, 1, stride=stride, act=False)

    def forward(self, x: Tensor) -> Tensor:
        """Of x (B, I, m, m), (B, O, ⌊m/2⌋, ⌊m/2⌋)."""
        if self.blur:
            y, skip = self.second(filtered(self.first(x), 2)), self.skip(filtered(x, 1))
        else:
            y, skip = self.second(F.avg_pool2d(self.first(x), 2)), self.skip(F.avg_pool2d(x, 2))
        half: Tensor = (y + skip) * (1 / math.sqrt(2))
        return half


class Discriminator(nn.Module):
    """Pictures to scores and rows; weights are zeros until `init` or a checkpoint fills them."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.first = EqualConv(3, channels[0], 1)
        self.blocks = nn.ModuleList(Block(before, after, blur=config.blur) for before, after in pairwise(channels))
        self.last = EqualConv(channels[-1] + 1, channels[-1], 3)
        flat = channels[-1] * config.last_px**2
        self.score, self.row = nn.ModuleList(), nn.ModuleList()
        for head in (self.score, self.row):
            head.extend((EqualLinear(flat, config.linear), EqualLinear(config.linear, 1)))

    def init(self, generator: torch.Generator) -> Discriminator:
        """Draw all weights from N(0, 1) of this generator and return the network; biases begin at 0."""
        for module in self.modules():
            if isinstance(module, EqualConv | EqualLinear):
                module.init(generator)
        return self

    def features(self, pictures: Tensor) -> list[Tensor]:
        """The map after the first convolution and after each block."""
        maps = [self.first(pictures)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of pictures (B, 3, s, s) in [−1, 1]: logits that they are real (B,), and their rows, −1 … 1 (B,).

        Raises:
            InvalidInputError: pictures of another side.
        """
        side = self.config.patch_px
        if pictures.shape[1:] != (3, side, side):
            raise InvalidInputError(
                f"This discriminator reads pictures (B, 3, {side}, {side}); got {tuple(pictures.shape)}."
            )
        x = self.features(pictures)[-1]
        flat = self.last(torch.cat((x, spread(x, self.config.group)), 1)).flatten(1)
        return _head(self.score, flat), _head(self.row, flat)


def spread(x: Tensor, group: int) -> Tensor:
    """How much the pictures of a group differ, as one more channel: (B, C, m, m) to (B, 1, m, m).

    The mean over channels and places of the standard deviation in a group, of `group` pictures or of the next smaller
    number that divides B (StyleGAN, arXiv 1710.10196, section 3). Members of a group lie B/group apart, so that pairs
    that share a style fall into different groups.
    """
    size = next(size for size in range(min(group, len(x)), 0, -1) if len(x) % size == 0)
    groups = x.reshape(size, len(x) // size, -1)
    deviation = (groups.var(0, correction=0) + EPSILON).sqrt().mean(1)
    return deviation.repeat(size).reshape(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])


def filtered(x: Tensor, padding: int) -> Tensor:
    """Means under [1,3,3,1]⊗[1,3,3,1]/64 after zero padding: side m to m + 2·padding − 3."""
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device) / sum(TAPS)
    channels = x.shape[1]
    row = taps.expand(channels, 1, 1, 4)
    column = taps[:, None].expand(channels, 1, 4, 1)
    x = F.conv2d(x, row, padding=(0, padding), groups=channels)
    return F.conv2d(x, column, padding=(padding, 0), groups=channels)


def _head(head: nn.ModuleList, flat: Tensor) -> Tensor:
    wide, narrow = head
    logits: Tensor = narrow(activate(wide(flat)))
    return logits[:, 0]
