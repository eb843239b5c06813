"""The page in which people explore a run: as a stage of it, and of a finished one at any time."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.viewer import write_view
from prompts import Story
from tasks.errors import RefusedError
from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import model_name
from tasks.finished import STACK, Finished, unpack_stack
from tasks.render import load_stack, stack_inputs
from tasks.run import Results, Run, Stage
from tasks.specs import RunConfig
from tasks.stage import Json, Made, StageKey
from tasks.store import is_copy
from tasks.versions import algorithm

NAME, FILE = "view", "view.html"


def view_inputs(run: Run, results: Results) -> Json:
    """The stack, and the words that the page shows."""
    return {"stack": stack_inputs(results), **_words(run.story, run.config, run.model)}


def make_view(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Write the page."""
    on_event(StageStarted(NAME, 1, "page"))
    words = _words(run.story, run.config, run.model)
    file = write_view(work / FILE, load_stack(run, results, work), **words)
    on_event(StageMoved(NAME, 1))
    return Made({FILE: file})


VIEW = Stage(NAME, ("levels",), view_inputs, make_view)


def page_of(run: Finished, to: Path | None = None, *, force: bool = False) -> Path:
    """The page of a finished run, in its folder or at `to`: the run's own where the store has it, or else a new one.

    force: another file at `to` may be replaced. Raises RefusedError for such a file without it, for a folder that is
    not there, and where the run's pictures are no longer what they were.
    """
    target = run.folder / FILE if to is None else to.absolute()
    words = _words(run.story, run.config, run.facts["model"])
    key = StageKey(NAME, algorithm(NAME), {"stack": run.stack_files, **words})
    manifest = run.workshop.find(key)
    kept = None if manifest is None else manifest.artifacts[FILE]
    if to is not None and not force and target.exists() and not (kept and is_copy(target, kept)):
        raise RefusedError(f"{target} is there already. Name another file with --to, or replace it with --force.")
    if not target.parent.is_dir():
        raise RefusedError(f"There is no folder {target.parent} to write {target.name} to. Make it, or name another.")
    if kept is not None:
        run.workshop.store.copy_out(kept, target)
        return target
    with tempfile.TemporaryDirectory() as work:
        return write_view(target, unpack_stack(run, Path(work) / STACK), **words)


def _words(story: Story, config: RunConfig, model: Mapping[str, Any]) -> dict[str, Json]:
    return {
        "title": story.title,
        "prompts": [level.prompt for level in story.levels],
        "widths_m": [level.width_m for level in story.levels],
        "loop": bool(config.sampling.get("loop")),
        "facts": _facts(config, model),
    }


def _facts(config: RunConfig, model: Mapping[str, Any]) -> dict[str, str]:
    if config.compose is not None:
        return {"Pictures": "given, and joined by Tenfold"}
    made = {"Pictures": "made by a machine: Tenfold with an image model"}
    return made | {"Method": config.method, "Model": model_name(model), "Seed": str(config.seed)}
