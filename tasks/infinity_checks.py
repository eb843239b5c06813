"""What a window asks for that cannot be: found by its numbers and the sizes of the weights, before these are loaded."""

from __future__ import annotations

import torch

from tasks.errors import RefusedError
from tasks.infinity_spec import Look, WindowSpec
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.sizes import unit
from zoomlib.memory import free_bytes

PROCESS_BYTES = 300 * 2**20
"""What a process holds that paints, besides its tiles: torch, mostly."""
_MAPS = 3
"""Features of the last layer are the most that a tile takes: so many of them live at a time (measured, 2.5)."""
_COORDINATES = 2**63


def check_field(config: GeneratorConfig, spec: WindowSpec) -> None:
    """Raise InvalidInputError for a period or a blur that is none, RefusedError for regions that lie too far or are too
    large for memory."""
    Latents(config, spec.seed, period=spec.period)
    if len(spec.styles) > 1:
        nothing = torch.zeros(1)
        period_px = None if spec.period is None else spec.period * int(2**config.blocks)
        Fusion(tuple(StylePoint(y, x, nothing, nothing) for y, x, _ in spec.styles), spec.blur_px or 1, period_px)
    cell = int(2**config.blocks)
    for y, x, height, width, _ in spec.regions:
        if any(
            not -_COORDINATES <= cell * (a - 8) < cell * (a + n + 8) < _COORDINATES
            for a, n in ((y, height), (x, width))
        ):
            raise RefusedError(
                f"A --reseed of {width}x{height} cells at {y},{x} lies beyond coordinates of signed 64 bits, which "
                f"pixels have, {cell} for a cell. Choose a place nearer to 0."
            )
    _check_regions(config, spec)


def _check_regions(config: GeneratorConfig, spec: WindowSpec) -> None:
    numbers = config.local + sum(unit(layer) ** 2 for layer in range(config.layers))
    cells, free = sum(height * width for _, _, height, width, _ in spec.regions), free_bytes("cpu")
    if 2 * 4 * numbers * cells > free:
        raise RefusedError(
            f"--reseed of {cells:,} cells takes {8 * numbers * cells / 2**30:,.1f} GiB of memory, and "
            f"{free / 2**30:,.1f} GiB are free. Reseed what lies in the window only."
        )


def check_tiles(plane: Plane, look: Look, groups: int) -> None:
    """Raise RefusedError where memory has no room for the tiles, and the processes, that paint at a time."""
    processes, free = min(look.workers, groups), free_bytes("cpu")
    tiles = 0.0
    if look.device.startswith("cpu"):  # what other devices have is seen when they paint
        tiles = 4.0 * _MAPS * plane.config.texture[-1] * plane.grid.side**2 * plane.batch
    needed = processes * tiles + (processes * PROCESS_BYTES if processes > 1 else 0)
    if needed > free:
        raise RefusedError(
            f"Tiles of {plane.grid.cells:,} cells a side, {plane.batch:,} together, in {processes:,} "
            f"process{'es' * (processes > 1)}, take about {needed / 2**30:,.1f} GiB of memory, and "
            f"{free / 2**30:,.1f} GiB are free. Use a smaller --tile or --batch, or fewer --workers."
        )
