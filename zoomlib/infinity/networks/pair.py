"""Both synthesizers of a generator, together."""

from __future__ import annotations

import torch
from torch import nn

from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.networks.structure import Structure
from zoomlib.infinity.networks.texture import Texture


class Networks(nn.Module):
    """`structure` and `texture` of one configuration; weights are zeros until `init` or a checkpoint fills them."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.structure = Structure(config)
        self.texture = Texture(config)

    def init(self, generator: torch.Generator) -> Networks:
        """Draw all weights from N(0, 1) of this generator and return the networks; biases and noise begin at 0."""
        self.structure.init(generator)
        self.texture.init(generator)
        return self
