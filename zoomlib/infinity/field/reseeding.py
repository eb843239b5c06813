"""Other random numbers in a rectangle of the plane, all else as it was."""

from __future__ import annotations

from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.field.places import features_of_cells


def reseeded(config: GeneratorConfig, rectangle: tuple[int, int, int, int], seed: int) -> Overrides:
    """Overrides that put the z_l and the noise of another seed into cells (y, x, h, w).

    Pixels change there and as far around as these inputs reach (`sizes.cell_reach`). Memory: that of the rectangle.
    """
    latents = Latents(config, seed)
    y, x, h, w = rectangle
    local = Patch(y, x, latents.local(y, x, h, w))
    noise = {}
    for layer in range(config.layers):
        top, bottom = features_of_cells(layer, y, y + h, config.blocks)
        left, right = features_of_cells(layer, x, x + w, config.blocks)
        noise[layer] = (Patch(top, left, latents.noise(layer, top, left, bottom - top, right - left)),)
    return Overrides((local,), noise)
