"""What painting a window takes, and whether it can be painted: asked before any weights are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.cores import cores
from tasks.errors import RefusedError
from tasks.infinity_checks import check_field, check_tiles
from tasks.infinity_spec import WindowSpec
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.generator import Described, described
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.tiles import group_count
from zoomlib.infinity.streams.writing import Estimate, estimate

PACE_MACS = 5e10
"""Multiplications of one process on one core in a second, roughly: between the shipped generator and the paper's."""
LONG_S = 7 * 24 * 3600.0
"""Longest time by that pace that a command takes on without --force: a week."""


@dataclass(frozen=True)
class Outline:
    """A plane's painter as its sizes alone: enough to count tiles, and to refuse what cannot be painted."""

    config: GeneratorConfig
    period: int | None = None

    @property
    def device(self) -> torch.device:
        """None in particular."""
        return torch.device("cpu")

    @property
    def blocks(self) -> int:
        """L."""
        return self.config.blocks

    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """There is nothing to paint with."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """Nothing is known of what would be painted."""
        return {}


def planned(spec: WindowSpec, target: Path) -> tuple[Described, Estimate]:
    """The generator as its folder describes it, and what a window of its planes takes as a file.

    Raises RefusedError for a stretched plane without a horizon, and what memory has no room for, InvalidInputError for
    a folder without a generator, too small a tile, coordinates beyond 64 bits, numbers that make no plane, and a file
    that cannot hold it.
    """
    about = described(spec.look.model)
    if spec.stretch != 1 and about.config.axes != "horizon":
        raise RefusedError(
            f"Planes of {spec.look.model} have no horizon from which --stretch could count. Leave it out."
        )
    check_field(about.config, spec)
    plane = Plane(Outline(about.config, spec.period), cells=spec.look.cells, batch=spec.look.batch)
    window = plane.check(spec.y, spec.x, spec.height, spec.width)
    check_tiles(plane, spec.look, group_count(window, plane.grid, plane.batch))
    return about, estimate(plane, spec.y, spec.x, spec.height, spec.width, target.suffix)


def told(estimate: Estimate, workers: int = 1) -> str:
    """An estimate as a sentence for people."""
    return (
        f"{estimate.tiles:,} tiles, {estimate.macs / 1e9:,.0f} thousand million multiplications: about "
        f"{duration(_seconds(estimate, workers))} on a processor; at most about "
        f"{max(estimate.disk_bytes / 2**20, 1):,.0f} MB on disk."
    )


def _seconds(estimate: Estimate, workers: int) -> float:
    """How long it takes here, roughly: processes beyond tiles or cores make it no shorter."""
    return estimate.macs / PACE_MACS / max(min(workers, estimate.tiles, cores()), 1)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(seconds, 1):,.0f} s"


def check_time(estimate: Estimate, workers: int, *, force: bool) -> None:
    """Raise RefusedError for what would take longer than anyone means to wait."""
    if _seconds(estimate, workers) > LONG_S and not force:
        vain = estimate.painted_px > 4 * estimate.pixels
        smaller = "--tile or --batch, since most of it would lie outside of the window" if vain else "--size"
        raise RefusedError(
            f"That is {told(estimate, workers)} Ask for a smaller {smaller}, share it among --workers, use a GPU "
            "(--device cuda), or say --force."
        )


def check_style_places(styles: Sequence[tuple[int, int, int]]) -> None:
    """Raise RefusedError for styles of which two are at home at one place: neither could be the nearest."""
    places = [style[:2] for style in styles]
    if double := next((place for place in places if places.count(place) > 1), None):
        raise RefusedError(
            f"Two styles are at home at {double[0]},{double[1]}; each --style needs a place of its own. Move one."
        )


def check_absent(path: Path, *, force: bool) -> None:
    """Raise RefusedError where a file, or the one beside it, is there already that was not asked to be replaced."""
    there = next((one for one in (path, path.with_name(f"{path.name}.json")) if one.exists()), None)
    if there is not None and not force:
        raise RefusedError(f"{there} is there already. Give another --out, or --force to replace it.")


def circumference(about: Described, width: int) -> int:
    """The cells of a panorama `width` pixels around. Raises RefusedError for a width that is no whole number of them,
    naming the nearest."""
    cell = int(2**about.config.blocks)
    if width % cell:
        near = sorted({max(width // cell, 1) * cell, -(-width // cell) * cell})
        raise RefusedError(
            f"A panorama goes around in whole latent cells of {cell} px, which {width} px are not. Use a width of "
            f"{' or '.join(map(str, near))}."
        )
    return width // cell
