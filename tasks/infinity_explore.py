"""Tiles of generators' planes, for looking around on them."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from evaluation.explorer.pyramid import LEVELS
from evaluation.explorer.source import Model
from zoomlib.infinity import load_generator, shipped
from zoomlib.infinity.generator import Generator, described
from zoomlib.infinity.painting.plane import Plane, usual_cells
from zoomlib.infinity.painting.tiles import COORDINATES, Grid

MOST_PLANES = 16
"""Planes that are kept ready: a strip of seeds, and those around it."""
_EDGE_PX = 2**20
"""Pixels at the ends of the coordinates that are left out: more than is read around any tile."""


class GeneratorTiles:
    """A source of tiles (`evaluation.explorer.source.Source`): a generator and those that ship, on one device.

    first: a shipped generator's name or a folder, which is loaded at once; the others are when they are asked for.
    Raises InvalidInputError for a folder that holds no generator, or weights that cannot be read.
    """

    def __init__(self, first: str, device: str = "cpu") -> None:
        self.names = tuple(dict.fromkeys((first, *shipped())))
        self.models: Sequence[Model] = tuple(map(_model, self.names))
        self.device, self._generators = device, dict[int, Generator]()
        self._planes: OrderedDict[tuple[int, int], Plane] = OrderedDict()
        self._generator(0)

    def paint(self, model: int, seed: int, row: int, column: int) -> Tensor:
        """As `Source.paint`: the pixels that `tenfold infinity render` writes."""
        plane, step = self._plane(model, seed), self.models[model].step
        return plane.window(row * step, column * step, step, step).clamp(-1, 1)

    def _plane(self, model: int, seed: int) -> Plane:
        plane = self._planes.pop((model, seed), None) or self._generator(model).plane(seed)
        self._planes[model, seed] = plane
        if len(self._planes) > MOST_PLANES:
            self._planes.popitem(last=False)
        return plane

    def _generator(self, model: int) -> Generator:
        if model not in self._generators:
            self._generators[model] = load_generator(self.names[model], device=self.device)
        return self._generators[model]


def _model(name: str) -> Model:
    blocks = described(name).config.blocks
    step = Grid(blocks, usual_cells(blocks)).step
    most = (COORDINATES - _EDGE_PX) // (step << LEVELS) << LEVELS
    return Model(name, shlex.quote(name), step, most)
