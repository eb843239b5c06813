"""The structure synthesizer: an implicit function of local latents and coordinates (paper section 3.2)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.networks.modulation import Layer, cropped


class Structure(nn.Module):
    """M layers, each a linear function of (2R+1)-square neighbourhoods and coordinates: an unpadded convolution.

    The style is z_g itself.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        inputs, kernel = config.local + config.coordinates, 2 * config.radius + 1
        self.layers = nn.ModuleList(
            Layer(inputs, config.local, config.style, kernel=kernel, kind="conv", noisy=False)
            for _ in range(config.structure_layers)
        )

    def init(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for layer in self.layers:
            cast(Layer, layer).init(generator)

    def forward(self, local: Tensor, coordinates: Tensor, style: Tensor) -> Tensor:
        """Features of cells.

        Args:
            local: z_l (B, C, m, m') of the cells and a halo h about them.
            coordinates: (B, A, m, m') of the same cells.
            style: z_g (B, S).

        Returns:
            (B, C, m−2h, m'−2h).

        Raises:
            InvalidInputError: the halo leaves no cell, or the coordinates are not those of the latents.
        """
        check_halo(self.config, local, coordinates)
        x = local
        for layer in self.layers:
            x = layer(torch.cat((x, cropped(coordinates, x.shape[2], x.shape[3]).to(x.dtype)), 1), style)
        return x


def check_halo(config: GeneratorConfig, local: Tensor, coordinates: Tensor) -> None:
    """Refuse latents (…, C, m, m') and coordinates (…, A, m, m') that give no cell, or that do not fit one another."""
    if min(local.shape[-2:]) <= 2 * config.halo:
        raise InvalidInputError(
            f"Latents of {local.shape[-2]}x{local.shape[-1]} cells leave none inside a halo of {config.halo}. "
            f"Give at least {2 * config.halo + 1} a side."
        )
    expected = (config.coordinates, *local.shape[-2:])
    if local.shape[-3] != config.local or coordinates.shape[-3:] != expected:
        raise InvalidInputError(
            f"Expected local latents of {config.local} channels and coordinates {expected} for them; got "
            f"{tuple(local.shape)} and {tuple(coordinates.shape)}."
        )
