"""The scores of a run: how well each level shows its prompt, and how well the levels agree."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from evaluation import table
from evaluation.measures import load_measure
from evaluation.scoring import score_stack
from evaluation.table import Score
from tasks.events import Listener, StageMoved, StageStarted
from tasks.records import kept_changes
from tasks.render import load_stack, stack_inputs
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made, Manifest
from tasks.variants import variant_of
from tasks.versions import software

NAME, MEASURED = "scores", "scores.json"
SHOWN = {
    "clip_score": "text",
    "window_psnr": "windows dB",
    "estimate_psnr": "agreement dB",
    "seam": "seam",
    "delta_e": "ΔE",
    "colour_drift": "drift",
}
"""The scores that a summary shows, and its heads for them; the file holds them all."""


def score_inputs(run: Run, results: Results) -> Json:
    """The stack, the model's own estimates, the prompts, and who judges."""
    return {
        "stack": stack_inputs(results),
        "sampled": results["sampling"].artifacts["sampled"].sha256 if "sampling" in results else None,
        "kept": [[level, change] for level, change in sorted(kept_changes(run, results).items())],
        "prompts": list(run.story.prompts()),
        "scorer": dict(run.scorer or {}),
        "measures": [dict(measure) for measure in run.measures],
    }


def make_scores(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Measure everything, as a list of plain scores."""
    on_event(StageStarted(NAME, 1, "stack"))
    stack = load_stack(run, results, work)
    name, device = run.config.scores.scorer, run.config.model.devices[0]
    scorer = None if run.scorer is None else run.tools.load_scorer(name, device=device)
    measures = [load_measure(asked, device=device, scorer=scorer) for asked in run.config.scores.measures]
    scores = score_stack(
        stack,
        run.story.prompts(),
        scorer,
        estimates=_estimates(run, results),
        kept=kept_changes(run, results),
        measures=measures,
    )
    file = write_measured(scores, work)
    on_event(StageMoved(NAME, 1))
    return Made({MEASURED: file})


def _estimates(run: Run, results: Results) -> Tensor | None:
    """The model's own estimates of the levels; None for levels that no model made."""
    if "sampling" not in results:
        return None
    tensors: dict[str, Tensor] = load_file(run.workshop.store.path(results["sampling"].artifacts["sampled"]))
    return tensors["estimate"]


def write_measured(scores: Iterable[Score], work: Path) -> Path:
    """The scores that are defined, as a file of plain values in `work`; `read_measured` is the inverse."""
    file = work / MEASURED
    measured = [asdict(score) for score in scores if math.isfinite(score.value)]
    file.write_text(json.dumps(measured, allow_nan=False), encoding="utf-8")
    return file


def read_measured(run: Run, stage: Manifest) -> list[Score]:
    """The scores that a stage has stored."""
    path = run.workshop.store.path(stage.artifacts[MEASURED])
    return [Score(**score) for score in json.loads(path.read_text(encoding="utf-8"))]


def origin_of(run: Run) -> table.Run:
    """What all rows of a run's scores have in common."""
    return table.Run(
        run_id=run.id,
        story=run.story.title,
        method=run.config.method,
        variant=variant_of(run.config),
        seed=run.config.seed,
        model=str(run.model["id"]),
        model_revision=str(run.model["revision"]),
        software=software(),
    )


def score_table(run: Run, results: Mapping[str, Manifest]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A summary for people: heads, and a row of text per level with the mean of each column below."""
    values: dict[tuple[str, int], float] = {}
    columns: dict[str, list[float]] = defaultdict(list)
    for score in read_measured(run, results[NAME]):
        if score.level is not None and score.score in SHOWN:
            values[score.score, score.level] = score.value
            columns[score.score].append(score.value)
    shown = [name for name in SHOWN if columns[name]]
    rows = [
        (str(level), *(_cell(values.get((name, level))) for name in shown), entry.prompt)
        for level, entry in enumerate(run.story.levels)
    ]
    means = ("mean", *(_cell(sum(columns[name]) / len(columns[name])) for name in shown), "")
    return ("level", *(SHOWN[name] for name in shown), "prompt"), [*rows, means]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.2f}"


SCORES = Stage(NAME, ("levels",), score_inputs, make_scores)
