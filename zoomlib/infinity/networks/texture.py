"""The texture synthesizer: StyleGAN2's generator without padding and without a constant input (paper section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.networks.modulation import EPSILON, EqualLinear, Layer, ToRGB, activate, enlarged
from zoomlib.infinity.sizes import cells_for

MAPPING_RATE = 0.01
"""Of the mapping's learning rate to that of the rest."""


class Mapping(nn.Module):
    """z_g to w: the length is brought to 1 a number, then linear layers with activations."""

    def __init__(self, style: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EqualLinear(style, style, rate=MAPPING_RATE) for _ in range(layers))

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for layer in self.layers:
            cast(EqualLinear, layer).init(generator)

    def forward(self, z: Tensor) -> Tensor:
        """Of z_g (…, S), w (…, S)."""
        x = z * torch.rsqrt(z.square().mean(-1, keepdim=True) + EPSILON)
        for layer in self.layers:
            x = activate(layer(x))
        return x


class Texture(nn.Module):
    """L blocks of a doubling layer and a plain one; after each block ToRGB adds to the picture so far.

    `layers` are the 2L of them in order, `to_rgb` the L outputs. Layer l has style l, ToRGB of block b that of
    `rgb_style(b, L)`.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.style, config.mapping_layers)
        self.layers, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        before = config.local
        for after in config.texture:
            self.layers.append(Layer(before, after, config.style, kind="up"))
            self.layers.append(Layer(after, after, config.style, kind="conv"))
            self.to_rgb.append(ToRGB(after, config.style))
            before = after

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        self.mapping.init(generator)
        for module in (*self.layers, *self.to_rgb):
            cast(Layer | ToRGB, module).init(generator)

    def forward(self, features: Tensor, styles: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """A picture of structure features.

        Args:
            features: (B, C, n, n').
            styles: w (B, S) for all layers, or w+ (B, 2L+1, S).
            noises: 2L of (B or 1, 1, s, s') with the sides of `sizes.layer_sides`.

        Returns:
            (B, 3, 2^L·n − 5(2^L−1), …): the sum of all ToRGB, about [−1, 1], not clamped.

        Raises:
            InvalidInputError: fewer than 5 cells a side, other styles, or noise of other sides.
        """
        check_texture(self.config, features, noises)
        if styles.ndim == 2:
            styles = styles[:, None].expand(-1, self.config.layers + 1, -1)
        x, rgb = features, features.new_zeros(1, 3, *features.shape[2:])
        for block, to_rgb in enumerate(self.to_rgb):
            for index in (2 * block, 2 * block + 1):
                x = self.layers[index](x, styles[:, index], noises[index])
            new = to_rgb(x, styles[:, rgb_style(block, self.config.blocks)])
            rgb = new + enlarged(rgb, new.shape)
        return rgb


def rgb_style(block: int, blocks: int) -> int:
    """Which entry of w+ the ToRGB of a block has: 3, 5, 7, 8 for four blocks."""
    return min(2 * block + 3, 2 * blocks)


def check_texture(config: GeneratorConfig, features: Tensor, noises: Sequence[Tensor]) -> None:
    """Refuse features (…, C, n, n') and noises that do not belong together."""
    height, width = features.shape[-2:]
    fewest = cells_for(1, config.blocks)
    if min(height, width) < fewest or features.shape[-3] != config.local:
        raise InvalidInputError(
            f"Expected features of {config.local} channels and at least {fewest}x{fewest} cells; "
            f"got {tuple(features.shape)}."
        )
    if len(noises) != config.layers:
        raise InvalidInputError(f"Expected the noise of {config.layers} layers; got {len(noises)}.")
    for layer, noise in enumerate(noises):
        less = 3 if layer % 2 == 0 else 2
        scale = 2 if layer % 2 == 0 else 1
        height, width = scale * height - less, scale * width - less
        if noise.shape[-2:] != (height, width):
            raise InvalidInputError(
                f"The noise of layer {layer} is {height}x{width} for these features; got "
                f"{noise.shape[-2]}x{noise.shape[-1]}. `sizes.layer_sides` gives the sides."
            )
