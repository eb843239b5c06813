"""The page in which people explore a run."""

from __future__ import annotations

from pathlib import Path

from evaluation.viewer import write_view
from tasks.events import Listener, StageMoved, StageStarted
from tasks.render import load_stack, loops, stack_inputs
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made

NAME, FILE = "view", "view.html"


def view_inputs(run: Run, results: Results) -> Json:
    """The stack, and the words that the page shows."""
    return {"stack": stack_inputs(results), **_words(run)}


def make_view(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Write the page."""
    on_event(StageStarted(NAME, 1, "page"))
    file = write_view(work / FILE, load_stack(run, results, work), **_words(run))
    on_event(StageMoved(NAME, 1))
    return Made({FILE: file})


def _words(run: Run) -> dict[str, Json]:
    levels = run.story.levels
    return {
        "title": run.story.title,
        "prompts": [level.prompt for level in levels],
        "widths_m": [level.width_m for level in levels],
        "loop": loops(run),
        "facts": {"Method": run.config.method, "Model": str(run.model["id"]), "Seed": str(run.config.seed)},
    }


VIEW = Stage(NAME, ("levels",), view_inputs, make_view)
