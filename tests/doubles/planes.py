"""Generators of planes with random weights, for a small configuration: everything of the rendering holds for them.

Noise strengths are 0.1 and biases N(0, 0.1): at their initial 0, mistakes in the index of the noise would not show.
"""

from pathlib import Path

import torch

from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.networks.files import write_generator
from zoomlib.infinity.networks.pair import Networks

SMALL = GeneratorConfig(
    blocks=3,
    style=16,
    local=8,
    structure_layers=2,
    radius=2,
    texture=(16, 16, 12),
    mapping_layers=2,
    rise=0.75,
    period=64,
    cells=9,
)
"""37 px of a training patch, halo of 4 cells; about 30 k parameters."""


def random_networks(config: GeneratorConfig = SMALL, seed: int = 0) -> Networks:
    """Networks whose weights are drawn from `seed`, in evaluation mode, float32 on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    networks = Networks(config)
    networks.init(generator)
    with torch.no_grad():
        for name, value in networks.named_parameters():
            if name.endswith("noise_strength"):
                value.fill_(0.1)
            elif name.endswith("bias") and "affine" not in name and "mapping" not in name:
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
    return networks.eval().requires_grad_(False)


def write_plane_folder(folder: Path, config: GeneratorConfig = SMALL, seed: int = 0) -> Path:
    """A generator's whole folder, as `load_generator` reads it."""
    write_generator(folder, config, random_networks(config, seed), facts={"title": "random weights for tests"})
    return folder
