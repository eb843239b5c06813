"""The stack: sampled levels enlarged stage by stage, made to agree after each, kept as 8-bit pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from tasks import cascade
from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import loops
from tasks.given import finished_pictures, fitted_photo, given_levels, known, put_back
from tasks.noting import Notes
from tasks.run import Results, Run, Stage
from tasks.sample import plain_focus
from tasks.stage import Json, Made
from zoomlib.cascade.agree import Agreement
from zoomlib.geometry import Focus
from zoomlib.scene import Grid, placed_focus
from zoomlib.stack import ZoomStack, bounded

NAME = "levels"


def enlarging_inputs(run: Run, results: Results) -> Json:
    """The sampled levels, the stages, and how levels are made to agree."""
    return {
        "sampled": results["sampling"].artifacts["sampled"].sha256,
        "p": run.p,
        "focus": plain_focus(run),
        "photo": None if run.photo is None else run.photo.sha256,
        "stages": [stage.inputs() for stage in run.cascade],
        "dtype": run.config.model.dtype,
        "consolidation": consolidation(run),
    } | ({} if not run.cascade else _given_inputs(run) | _drawing_inputs(run))


def _given_inputs(run: Run) -> dict[str, Json]:
    """The given pictures, which are put back where they hold more than was sampled."""
    base, inputs = run.config.base, dict[str, Json]()
    if run.images:
        inputs["images"] = {str(level): picture.sha256 for level, picture in sorted(run.images.items())}
    if base is not None:
        inputs["base"] = {"stack": list(base.stack), "levels": list(base.levels)}
    return inputs


def _drawing_inputs(run: Run) -> dict[str, Json]:
    """What stages that draw depend on beside the levels: words, guidance and seed."""
    if not any(stage.draws for stage in run.cascade):
        return {}
    return {
        "prompts": list(run.story.prompts()),
        "negatives": list(run.story.negatives()),
        "guidance": run.config.guidance.model_dump(mode="json"),
        "seed": run.config.seed,
        "model": [run.model["id"], run.model["revision"]],
    }


def consolidation(run: Run) -> dict[str, Any] | None:
    """How the run's method makes levels agree; None for a method that leaves them alone."""
    settings = run.config.sampling
    names = ("blending", "coarse_weight", "feather", "loop", "photo_mode")
    found = {name: settings[name] for name in names if name in settings}
    if "feather" in found:
        return {"blending": "none", **found}
    several = settings.get("vertical") == "scaled"  # planes that do not agree, faded into each other
    return {"nested": True} if getattr(run.method, "NESTS", False) and not several else None


def agreement_of(run: Run, levels: int) -> Agreement:
    """The same at any size."""
    settings, focus = consolidation(run), sampled_focus(run, levels)
    if settings is None:
        return Agreement("alone", run.p, focus)
    return Agreement("nested", run.p, focus) if "nested" in settings else Agreement("blended", run.p, focus, **settings)


def sampled_focus(run: Run, levels: int) -> Focus:
    """The focus of the windows that the run's method sampled."""
    grid: Grid = getattr(run.method, "GRID", "pixels")
    return placed_focus(levels, run.model["shape"][1:], run.model["factor"], run.p, run.focus, grid)


def make_levels(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """The stack of the run, at the denoiser's size or enlarged; goes on from the stages and steps found in `work`."""
    sampled = load_file(run.workshop.store.path(results["sampling"].artifacts["sampled"]))["levels"]
    agreement, notes = agreement_of(run, len(sampled)), Notes(NAME, on_event)
    levels = _Cascade(run, sampled, agreement, work, on_event, notes).levels()
    levels = levels.clamp(-1, 1) if run.cascade else _clamped(run, levels, agreement)
    stack = ZoomStack(levels, run.p, agreement.focus, loops(run))
    folder = stack.save(work / "stack")
    files = {file.name: file for file in sorted(folder.iterdir())}
    return Made(files, {"shape": list(levels.shape), **notes.facts()})


def _clamped(run: Run, sampled: Tensor, agreement: Agreement) -> Tensor:
    """Levels as they were sampled, within [-1, 1]; where windows agreed to the last digit, so that they still do, and
    what is kept of another run as it was finished there."""
    if agreement.how != "blended" or agreement.feather or run.photo is not None:
        return sampled.clamp(-1, 1)
    if not given_levels(run):
        return bounded(sampled, run.p, agreement.focus, loop=agreement.loop)
    levels = sampled.clamp(-1, 1)
    for level, picture in finished_pictures(run).items():
        levels[level] = picture
    return agreement.hold(levels, known(run, sampled, run.size_px), known(run, sampled, run.size_px, anywhere=True))


class _Cascade:
    """The stages of a run, from the sampled levels on."""

    def __init__(
        self, run: Run, sampled: Tensor, agreement: Agreement, work: Path, on_event: Listener, notes: Notes
    ) -> None:
        self.run, self.sampled, self.agreement, self.work = run, sampled, agreement, work
        self.on_event, self.notes, self.done = on_event, notes, 0

    def levels(self) -> Tensor:
        """The levels after all stages."""
        levels, units = self.sampled, [cascade.units(stage, len(self.sampled)) for stage in self.run.cascade]
        unit = "steps" if any(stage.draws for stage in self.run.cascade) else "levels"
        found = [number for number in range(len(units)) if cascade.is_kept(self.work, number)]
        first = max(found, default=-1) + 1
        self.done = sum(units[:first])
        self.on_event(StageStarted(NAME, sum(units) or len(levels), unit, done=self.done))
        for number in range(max(first - 1, 0), len(units)):
            levels = cascade.kept(self.work, number, partial(self._stage, number, levels))
        if not units:
            self.on_event(StageMoved(NAME, len(levels)))
        return levels

    def _stage(self, number: int, levels: Tensor) -> Tensor:
        """The levels after one stage, in agreement."""
        run, sampled = self.run, self.sampled
        size = run.cascade[number].size_px
        photo = fitted_photo(run, size) if self.agreement.how == "blended" and not loops(run) else None
        given = known(run, sampled, size) if run.cascade[number].draws else {}
        larger = cascade.made(run, number, levels, self.agreement, given, photo, self.work, self._moved, self.notes)
        larger = self.agreement.settle(put_back(run, sampled, larger), photo)
        shown = known(run, sampled, size, anywhere=True)
        if not shown:
            return larger
        return self.agreement.hold(put_back(run, sampled, larger), known(run, sampled, size), shown)

    def _moved(self) -> None:
        self.done += 1
        self.on_event(StageMoved(NAME, self.done))


LEVELS = Stage(NAME, ("sampling",), enlarging_inputs, make_levels)
