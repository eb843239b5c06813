"""Programs that make runs with the painter, slowly, as a command would: `python -m tests.doubles.slow_runs WHAT ROOT`.

zoom: a run. batch: four runs, two at a time. Each step takes STEP_S seconds; the file `steps` in ROOT's
parent has a line for each evaluation, and the exit status and the last words are those of `tenfold`.
"""

import os
import sys
import threading
from pathlib import Path

from flows import failures
from flows.terminal import progress
from prompts import Story
from tasks import pipeline
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Painter, Studio

STEPS = 12
STORY = {"title": "Slow", "p": 2, "levels": ["a", "b", "c"]}
SETTINGS = [
    "scores.scorer=none",
    f"sampling.steps={STEPS}",
    "film.fps=4",
    "film.seconds_per_level=1",
    "film.size_px=64",
]


def zoom(root: Path, studio: Studio) -> None:
    with progress(sys.stderr) as listener:
        config = with_settings(RunConfig(), SETTINGS)
        pipeline.run_zoom(config, Story.model_validate(STORY), root, tools=studio.tools(), on_event=listener)


def batch(root: Path, studio: Studio) -> None:
    from tasks.batch.making import run_batch
    from tasks.batch.plan import plan_batch
    from tasks.batch.spec import BatchSpec

    file = root.parent / "story.json"
    if not file.exists():
        file.write_text(Story.model_validate(STORY).model_dump_json())
    config = with_settings(RunConfig(), SETTINGS)
    spec = BatchSpec(title="Slow", stories=[str(file)], seeds=[0, 1, 2, 3], config=config)
    with progress(sys.stderr) as listener:
        summary = run_batch(plan_batch(spec, root, tools=studio.tools()), on_event=listener, tools=studio.tools())
    print(summary.headline())
    raise SystemExit(summary.exit_code)


def watch(ledger: Path) -> None:
    """A line for every evaluation of every painter: the thread that made it."""
    evaluate = Painter.predict_clean

    def watched(self, *arguments, **options):
        found = evaluate(self, *arguments, **options)
        with ledger.open("a") as file:
            file.write(f"{threading.current_thread().name}\n")
        return found

    Painter.predict_clean = watched


if __name__ == "__main__":
    what, root = sys.argv[1], Path(sys.argv[2])
    watch(root.parent / "steps")
    try:
        {"zoom": zoom, "batch": batch}[what](root, Studio(seconds_per_step=float(os.environ["STEP_S"])))
    except (Exception, KeyboardInterrupt) as error:
        raise SystemExit(failures.report(error)) from error
