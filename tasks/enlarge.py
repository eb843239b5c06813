"""The stack: sampled levels enlarged by super-resolution, made to agree again at that size, kept as 8-bit pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import loops
from tasks.given import fitted_photo, put_back
from tasks.loop import reach, unrolled
from tasks.run import Results, Run, Stage
from tasks.sample import plain_focus
from tasks.stage import Json, Made
from zoomlib.geometry import Focus
from zoomlib.photograph import Photograph
from zoomlib.scene import placed_focus
from zoomlib.stack import ZoomStack, consolidate

NAME = "levels"


def enlarging_inputs(run: Run, results: Results) -> Json:
    """The sampled levels, the net, and how levels are made to agree."""
    return {
        "sampled": results["sampling"].artifacts["sampled"].sha256,
        "p": run.p,
        "focus": plain_focus(run),
        "photo": None if run.photo is None else run.photo.sha256,
        "upscaler": None if run.upscaler is None else [run.upscaler["id"], run.upscaler["revision"]],
        "dtype": run.config.model.dtype,
        "consolidation": consolidation(run),
    } | ({} if run.upscaler is None else _given_inputs(run))


def _given_inputs(run: Run) -> dict[str, Json]:
    """The given pictures, which are put back where they hold more than was sampled."""
    base, inputs = run.config.base, dict[str, Json]()
    if run.images:
        inputs["images"] = {str(level): picture.sha256 for level, picture in sorted(run.images.items())}
    if base is not None:
        inputs["base"] = {"stack": list(base.stack), "levels": list(base.levels)}
    return inputs


def consolidation(run: Run) -> dict[str, Any] | None:
    """How the run's method makes levels agree; None for a method that leaves them alone."""
    settings = run.config.sampling
    names = ("blending", "coarse_weight", "feather", "loop")
    found = {name: settings[name] for name in names if name in settings}
    if "feather" in found:
        return {"blending": "none", **found}
    return {"nested": True} if getattr(run.method, "NESTS", False) else None


def make_levels(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """The stack of the run, at the denoiser's size or enlarged."""
    sampled = load_file(run.workshop.store.path(results["sampling"].artifacts["sampled"]))["levels"]
    on_event(StageStarted(NAME, len(sampled), "levels"))
    focus = sampled_focus(run, len(sampled))
    levels = sampled if run.upscaler is None else enlarge(run, run.upscaler, sampled, on_event)
    if run.upscaler is not None:
        levels = reconcile(run, put_back(run, sampled, levels), focus)
        levels = put_back(run, sampled, levels)
    folder = ZoomStack(levels.clamp(-1, 1), run.p, focus, loops(run)).save(work / "stack")
    on_event(StageMoved(NAME, len(sampled)))
    return Made({file.name: file for file in sorted(folder.iterdir())}, {"shape": list(levels.shape)})


def sampled_focus(run: Run, levels: int) -> Focus:
    """The focus of the windows that the run's method sampled."""
    grid = getattr(run.method, "GRID", "pixels")
    return placed_focus(levels, run.model["shape"][1:], run.model["factor"], run.p, run.focus, grid)


def enlarge(run: Run, net: Mapping[str, Any], levels: Tensor, on_event: Listener) -> Tensor:
    """Every level (L, 3, H, W) by a super-resolution net, one at a time: memory does not grow with L."""
    spec = run.config.model
    dtype = getattr(torch, spec.dtype)
    upscaler = run.tools.load_upscaler(net["id"], device=spec.device, dtype=dtype)
    larger = []
    for done, level in enumerate(torch.split(levels, 1), start=1):
        larger.append(upscaler(level).float().cpu())
        on_event(StageMoved(NAME, done))
    return torch.cat(larger)


def reconcile(run: Run, levels: Tensor, focus: Focus) -> Tensor:
    """Make enlarged levels agree again as the run's method does: each was enlarged without regard to others.

    They are blended, rendered and held to the photograph, or, where levels are made around each other, windows show
    the deeper levels, which now hold more.
    """
    settings = consolidation(run)
    if settings is None:
        return levels
    if "nested" in settings:
        return ZoomStack(levels.clamp(-1, 1), run.p, focus).rendered().levels
    L, p, size = len(levels), int(run.p), (levels.shape[2], levels.shape[3])
    photo = fitted_photo(run, size)
    if not settings.pop("loop", False):
        held = None if photo is None else Photograph(photo, L, p, focus)
        return consolidate(levels, p, focus=focus, photo=held, **settings)
    # In larger pictures a level can see itself round the loop. It then meets as many copies of the others as it sees.
    beyond = reach(*size, p)
    levels, focus = unrolled(levels, focus, beyond)
    return consolidate(levels, p, focus=focus, **settings)[beyond : beyond + L]


LEVELS = Stage(NAME, ("sampling",), enlarging_inputs, make_levels)
