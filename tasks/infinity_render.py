"""Windows of planes, painted tile by tile into a file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.infinity_plan import check_absent, check_style_places, check_time, planned
from tasks.infinity_spec import KEY, Look, WindowSpec
from tasks.machine import resolve_devices
from tasks.versions import software
from zoomlib.infinity import load_generator
from zoomlib.infinity.field.overrides import NONE, Overrides
from zoomlib.infinity.field.reseeding import reseeded
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.generator import Described, Generator
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.streams.writing import Estimate, check_target, write_window

TILES, LOADING = "tiles", "loading"
USUAL_BLUR_CELLS = 16
"""Width of the borders between styles where none is asked for, in latent cells: 256 px in the paper's generator."""


@dataclass(frozen=True)
class Painting:
    """A window that is to be painted into a file, found possible. about: the generator, without its weights. force:
    in the place of what is there."""

    spec: WindowSpec
    target: Path
    about: Described
    estimate: Estimate
    force: bool = False


def plan_painting(spec: WindowSpec, target: Path, *, force: bool = False, revision: str = "") -> Painting:
    """Look at everything that can be looked at without weights.

    revision: the weights that must be there, for a picture that is made again. Raises RefusedError and
    InvalidInputError for a target that cannot be written or is there already, no room on its disk, coordinates beyond
    64 bits, styles at one place, other weights, and work of more than a week.
    """
    check_style_places(spec.styles)
    check_absent(target, force=force)
    about, estimate = planned(spec, target)
    if revision and about.revision != revision:
        raise RefusedError(
            f"That picture was painted with the weights {revision[:12]}, and {spec.look.model} has "
            f"{about.revision[:12]}. Name the folder of those with --model."
        )
    check_time(estimate, spec.look.workers, force=force)
    check_target(target, spec.height, spec.width, needed=estimate.disk_bytes)
    return Painting(spec, target, about, estimate, force)


def paint(painting: Painting, *, on_event: Listener = ignore) -> Path:
    """Paint and write; the file, with one beside it that says how it is made again. All of it or none: what an
    interrupted call has left is gone on with by the same one (`write_window`)."""
    spec = painting.spec
    generator = loaded(spec.look, on_event)
    with plane_of(generator, spec) as plane:
        exact = replace(spec, look=replace(spec.look, cells=plane.grid.cells))  # whatever is usual later
        return write(plane, spec, painting.target, {"window": exact.as_json()}, on_event, force=painting.force)


def loaded(look: Look, on_event: Listener = ignore) -> Generator:
    """The generator, with its weights."""
    import torch

    begun = time.monotonic()
    on_event(StageStarted(LOADING, 1, "model"))
    generator = load_generator(look.model, device=resolve_devices(look.device), dtype=getattr(torch, look.dtype))
    on_event(StageDone(LOADING, True, time.monotonic() - begun))
    return generator


def plane_of(generator: Generator, spec: WindowSpec) -> Plane:
    """The plane that a specification means. One style alone is that of the whole plane."""
    points = [StylePoint(y, x, *generator.styles(seed)) for y, x, seed in spec.styles]
    fused = None
    if len(points) > 1:
        cell = 2**generator.config.blocks
        period_px = None if spec.period is None else spec.period * cell
        fused = Fusion(tuple(points), spec.blur_px or USUAL_BLUR_CELLS * cell - 1, period_px)
    return generator.plane(
        spec.seed,
        style=points[0].style if len(points) == 1 else None,
        fusion=fused,
        overrides=_regions(generator, spec),
        period=spec.period,
        stretch=spec.stretch,
        cells=spec.look.cells,
        batch=spec.look.batch,
    )


def _regions(generator: Generator, spec: WindowSpec) -> Overrides:
    found = NONE
    for y, x, height, width, seed in spec.regions:
        found = found | reseeded(generator.config, (y, x, height, width), seed)
    return found


def write(
    plane: Plane, spec: WindowSpec, target: Path, told: Mapping[str, Any], on_event: Listener, *, force: bool = False
) -> Path:
    """Write a window of a plane, telling of its tiles. `told` stands beside it, under this program's name.

    With `force` nothing is gone on with but what a call with `force` has left.
    """
    begun = time.monotonic()

    def found(done: int, total: int) -> None:
        check_absent(target, force=force)  # again, now that nobody else can be about to put one there
        on_event(StageStarted(TILES, total, "tiles", done))

    write_window(
        plane,
        *(spec.y, spec.x, spec.height, spec.width),
        target,
        workers=spec.look.workers,
        on_found=found,
        on_tile=lambda done, _total: on_event(StageMoved(TILES, done)),
        facts={KEY: {**told, "software": software()}},
        mark="force" if force else "",
    )
    on_event(StageDone(TILES, True, time.monotonic() - begun))
    return target
