"""Runs whose method draws from a generator of planes instead of a denoiser: what they need that others do not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from prompts import Story
from tasks import environment
from tasks.cores import cores
from tasks.errors import RefusedError
from tasks.infinity_spec import check_devices
from tasks.machine import resolve_devices
from tasks.model_spec import ModelSpec
from tasks.run import Run, Tools
from tasks.specs import RunConfig
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.planes import USUAL_PX, Planes

USUAL_MACS_S = 5e10
"""Multiplications of a second of one core, for estimates where the store knows no run: about what a small core does."""
USUAL_MPX = 70
"""Megapixels that a run paints where no size is asked for: eight levels of 64 pixels with p = 2, six of 256."""
_STEP_PX = 16
_NOT_HERE = ("loras", "embeddings", "tiny_vae")


def draws_plane(method: ModuleType) -> bool:
    """Whether a method is given planes in the place of a denoiser."""
    return getattr(method, "DRAWS", "") == "plane"


def describe(config: RunConfig, story: Story, tools: Tools) -> Mapping[str, Any]:
    """What the configured generator, or the first of its fallbacks that is here, says of itself at the configured or
    `usual_size`. Raises RefusedError for settings that only denoisers have, InvalidInputError where there is none."""
    spec = config.model
    unfit = [name for name in _NOT_HERE if getattr(spec, name)]
    if unfit:
        raise RefusedError(f"A generator of planes knows no model.{unfit[0]}. Leave it out.")
    check_devices(spec.device)
    resolve_devices(spec.device)
    size = usual_size(config, story) if spec.size_px is None else spec.size_px
    models, failed = environment.read().models, list[InvalidInputError]()
    for name in (spec.name, *spec.fallbacks):
        try:
            return tools.describe_planes(name, size=size, models=models)
        except InvalidInputError as error:
            failed.append(error)
    raise failed[0]


def usual_size(config: RunConfig, story: Story) -> tuple[int, int]:
    """(height, width) of a level where none is asked for: as large as the film, as long as the widest window then has
    not much more than USUAL_MPX, yet at least 64 pixels."""
    p = story.p if config.p is None else config.p
    reach = max(float(p) ** min(len(story.levels) - 1, 64), 1.0)
    side = max(min(config.film.size_px, int(math.sqrt(USUAL_MPX * 1e6) / reach)) // _STEP_PX * _STEP_PX, USUAL_PX)
    return side, side


def load(run: Run) -> Planes:
    """The run's planes, painted by as many processes as this one may use cores, or by one for each of several
    devices."""
    from tasks.loading import DTYPES

    spec = run.config.model
    found: Planes = run.tools.load_planes(
        run.model["id"],
        device=spec.device,
        dtype=DTYPES[spec.dtype],
        size=run.size_px,
        models=environment.read().models,
        workers=cores(),
    )
    return found


def processes(spec: ModelSpec) -> int:
    """How many processes paint a long run."""
    several = len(spec.devices)
    return several if several > 1 else cores() if spec.devices[0].startswith("cpu") else 1


def by_whom(spec: ModelSpec) -> str:
    """Where a plane is painted and by how many processes, in words."""
    count, devices = processes(spec), list(dict.fromkeys(spec.devices))
    return f"on {' and '.join(devices)} by {f'{count} processes' if count > 1 else 'one process'}"


def painted(run: Run, config: Any, given: frozenset[int]) -> int:
    """How many tiles a run paints."""
    count: int = run.method.tiles(
        config, len(run.story.levels), run.size_px, run.p, run.focus, run.model["tile_px"], given
    )
    return count


def usual_pace(run: Run) -> float:
    """Seconds for a tile where nobody knows better."""
    work = float(run.model["macs"]) * int(run.model["tile_px"]) ** 2
    several = len(run.config.model.devices)
    return work / USUAL_MACS_S / (several if several > 1 else cores())


def notes_on_planes(run: Run) -> tuple[str, ...]:
    """What a user should know of a run that draws from a plane, a sentence each."""
    if not draws_plane(run.method):
        return ()
    return (
        f"Method {run.config.method} shows one plane of {run.model['id']} and reads no prompts: they only say how many "
        "levels there are.",
        *_flat(run),
    )


def _flat(run: Run) -> tuple[str, ...]:
    """That a level far from the horizon's height shows a band, where it does."""
    flat, sampling = run.model["flat_px"], run.config.sampling
    if flat is None or sampling["vertical"] != "plane":
        return ()
    rows = run.size_px[0] * sampling["scale"]
    first = math.floor(math.log(max(2 * flat / rows, 1)) / math.log(run.p) + 1e-9)
    thin = len(run.story.levels) - 1 - first
    if thin < 1:
        return ()
    share = 2 * flat / (rows * run.p ** (len(run.story.levels) - 1))
    return (
        f"Rows differ up to {flat} pixels from the horizon, and above and below all are alike: from level {thin - 1} "
        f"outwards that is a band, of {100 * share:.2g} % of level 0. Ways out: sampling.vertical=scaled, planes "
        "without a horizon (docs/infinity.md), or fewer levels.",
    )
