"""Which cells make which pixels: closed forms of the padding-free generator, plain numbers only.

L blocks, each a doubling (side m to 2m−3) and a 3x3 convolution (m to m−2), make 2^L·n − 5(2^L−1) pixels of n cells.
Pixels are counted as pixel': the centre of cell i lies on pixel 2^L·i, row 0 is the horizon. Features of layer l are
counted as the paper's program counts: cells [a, a+n) give the features u_l·a + q for q = 0 … side−1, u_l = `unit(l)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    from zoomlib.infinity.config import GeneratorConfig


def out_side(cells: int, blocks: int) -> int:
    """Pixels a side that `cells` cells make. Raises InvalidInputError where that is none."""
    if blocks < 1:
        raise InvalidInputError(f"A generator has at least 1 block; got {blocks}.")
    side = int(2**blocks * cells - 5 * (2**blocks - 1))
    if side < 1:
        raise InvalidInputError(f"{cells} cells a side make no pixel. Use at least {cells_for(1, blocks)}.")
    return side


def cells_for(side_px: int, blocks: int) -> int:
    """The fewest cells a side that make at least `side_px` pixels: the inverse of `out_side`."""
    if side_px < 1:
        raise InvalidInputError(f"A picture has at least 1 px a side; got {side_px}.")
    return int(-(-(side_px + 5 * (2**blocks - 1)) // 2**blocks))


def layer_sides(cells: int, blocks: int) -> tuple[int, ...]:
    """Sides of the outputs of the 2L layers (and so of their noise): 19, 17, 31, 29, … for 11 cells."""
    out_side(cells, blocks)
    sides, side = [], cells
    for _ in range(blocks):
        sides += [2 * side - 3, 2 * side - 5]
        side = sides[-1]
    return tuple(sides)


def unit(layer: int) -> int:
    """Features a cell of layer 0 … 2L−1."""
    return int(2 ** (layer // 2 + 1))


def margins(blocks: int) -> tuple[int, int]:
    """Pixels that cells [a, b) fall short by: they cover pixels' [2^L·a + lo, 2^L·b − hi)."""
    return int(2 ** (blocks + 1) - 2), int(3 * 2**blocks - 3)


def cover(start_px: int, stop_px: int, blocks: int) -> tuple[int, int]:
    """The fewest cells [a, b) that cover pixels' [start, stop)."""
    if stop_px <= start_px:
        raise InvalidInputError(f"A range of pixels ends after its start; got [{start_px}, {stop_px}).")
    lo, hi = margins(blocks)
    return (start_px - lo) // 2**blocks, -(-(stop_px + hi) // 2**blocks)


def step_cells(cells: int, blocks: int) -> int:
    """Whole cells' worth of pixels that a tile of `cells` cells makes: what two neighbours lie apart (6 for 11)."""
    return out_side(cells, blocks) >> blocks


def noise_reach(layer: int, first: int, last: int, blocks: int) -> tuple[int, int]:
    """Pixels' [start, stop) that the noise features [first, last] (both counted) of a layer can change."""
    for later in range(layer + 1, 2 * blocks):
        first, last = (2 * first - 3, 2 * last + 1) if later % 2 == 0 else (first - 2, last)
    lo = margins(blocks)[0]
    return first + lo, last + lo + 1


def cell_reach(first: int, last: int, config: GeneratorConfig) -> tuple[int, int]:
    """Pixels' [start, stop) that the local latents of cells [first, last] (both counted) can change."""
    return noise_reach(-1, first - config.halo, last + config.halo, config.blocks)


def receptive_px(config: GeneratorConfig) -> int:
    """Side of the square of cells, in pixels, that one pixel may read."""
    # Pixel p (of a patch that begins at cell 0) reads cells floor(p / 2^L) … ceil((p+1 + 5(2^L−1)) / 2^L) + 2h − 1.
    scale = 1 << config.blocks
    most = max(-(-(p + 1 + 5 * (scale - 1)) // scale) for p in range(scale))
    return scale * (most + 2 * config.halo)


def structure_macs(config: GeneratorConfig, cells: int) -> int:
    """Multiplications of the structure synthesizer for `cells` cells a side."""
    taps = (2 * config.radius + 1) ** 2 * config.local * (config.local + config.coordinates)
    sides = (cells + 2 * config.radius * later for later in range(config.structure_layers))
    return taps * sum(side * side for side in sides)


def texture_macs(config: GeneratorConfig, cells: int) -> int:
    """Multiplications of the texture synthesizer's convolutions, ToRGB too, for `cells` cells a side."""
    sides = layer_sides(cells, config.blocks)
    total, side, channels = 0, cells, config.local
    for block, outputs in enumerate(config.texture):
        total += 9 * outputs * channels * side**2
        side, channels = sides[2 * block + 1], outputs
        total += (9 * outputs + 3) * outputs * side**2
    return total


def macs_per_pixel(config: GeneratorConfig, cells: int) -> float:
    """Multiplications for a pixel that is kept, where tiles of `cells` cells lie `step_cells` apart."""
    kept = (step_cells(cells, config.blocks) * 2.0**config.blocks) ** 2
    return (structure_macs(config, cells) + texture_macs(config, cells)) / kept


def parameters(config: GeneratorConfig) -> int:
    """Trained numbers of both synthesizers and the mapping."""
    S, C = config.style, config.local
    inputs = C + config.coordinates
    structure = C * inputs * (2 * config.radius + 1) ** 2 + S * inputs + inputs + C
    total = config.structure_layers * structure + config.mapping_layers * (S * S + S)
    for before, after in zip((C, *config.texture), config.texture, strict=False):
        for channels in (before, after):
            total += 9 * channels * after + S * channels + channels + after + 1
        total += 3 * after + S * after + after + 3
    return total
