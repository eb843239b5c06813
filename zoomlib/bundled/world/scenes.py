"""The twelve scenes of the procedural world, each a batched function of size, hue, saturation and nearness.

All take a `Scene` and return (B, 3, S, S) in [0, 1] (values beyond are clipped by the caller). `near` (B,) is 1 where
the viewer stands near and 0.5 where far: things are that much smaller, and there are more of them.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from zoomlib.bundled.world.ground import coast, forest, leaves, mountains
from zoomlib.bundled.world.matter import atoms, cells, veins
from zoomlib.bundled.world.scene import Scene
from zoomlib.bundled.world.sky import cosmic_web, galaxy, nebula, planet, planetary_system

SCENES: tuple[Callable[[Scene], Tensor], ...] = (
    cosmic_web,
    galaxy,
    nebula,
    planetary_system,
    planet,
    coast,
    mountains,
    forest,
    leaves,
    veins,
    cells,
    atoms,
)
