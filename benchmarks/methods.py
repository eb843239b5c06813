"""Every sampling method on the same stories, seeds and model: what it costs, and what its seams and colours are like.

    python benchmarks/methods.py [--methods joint ...] [--seeds 0 1] [--stories 5] [--set KEY=VALUE] [--sheet FILE]

Eight levels, p = 2, the bundled model at 64 px with the guidance that runs have. Means over stories and seeds:

- seam: step across a window's border over the step beside it, in the levels as stored; 1 is invisible.
- kept: largest difference between a window and the area average of the level that it shows, in grey levels of 255.
- drift: `colour_drift` at level 0, the colour steps at all borders summed as vectors (CIE 1976).
- text: 100 cos of picture and prompt by the bundled scorer, which measures words and not beauty.
- calls: levels that passed the model, guidance counted. seconds: wall time of sampling on this machine.

`infinity` asks no model and reads no prompts: its levels are windows of a plane, whose tiles are not counted here.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evaluation.networks.clip import Scorer, load_scorer
from evaluation.windows import pairs, score_windows
from prompts import load_story
from tasks.loading import USUAL_GUIDANCE, USUAL_RESCALE
from zoomlib.bundled.sheets import sheet
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Condition, Denoiser
from zoomlib.guidance import Guided
from zoomlib.images import save_png
from zoomlib.infinity.planes import load_planes
from zoomlib.ladder import Step
from zoomlib.methods import load_method, method_names
from zoomlib.models import load_denoiser
from zoomlib.scene import Scene, finished
from zoomlib.walk import last

LEVELS = 8


def stories() -> list[Sequence[str]]:
    """The prompts of five stories of eight levels in the bundled model's words."""
    whole = load_story("whole-ladder").prompts()
    named = [load_story(name).prompts() for name in ("cosmic-leaf", "star-island", "autumn-crystal")]
    return [*named, whole[:LEVELS], whole[LEVELS:]]


class Counting(Chunked):
    """Counts the levels that pass the model."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__(denoiser, rows=10_000)
        self.count = 0

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of the model within."""
        self.count += len(z)
        return super().predict_clean(z, step, condition)


@dataclass(frozen=True)
class Row:
    """The figures of a method, or of one of its runs."""

    seam: float
    kept: float
    drift: float
    text: float
    calls: float
    seconds: float


def run(
    name: str, model: Denoiser, prompts: Sequence[str], seed: int, settings: Mapping[str, Any], scorer: Scorer
) -> tuple[Row, Tensor]:
    """One run of a method, and its levels."""
    method, counting = load_method(name), Counting(model)
    denoiser: Any = Guided(counting, USUAL_GUIDANCE, rescale=USUAL_RESCALE, clamp=True)
    if getattr(method, "DRAWS", "") == "plane":
        denoiser = load_planes()
    scene, generator = Scene(2.0), torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    states = method.run(denoiser, prompts, method.Config(**settings), scene, generator=generator)
    stack = finished(denoiser, last(states), scene)
    seconds = time.perf_counter() - started
    scores = score_windows(stack)
    seams = [score.value for score in scores if score.score == "seam"]
    drift = next(score.value for score in scores if score.score == "colour_drift" and score.level == 0)
    wide, fine = pairs(stack.levels, stack.p, stack.focus)
    kept = float((wide - fine).abs().max()) * 127.5
    text = float(scorer.text_image(stack.levels, prompts).mean())
    return Row(sum(seams) / len(seams), kept, drift, text, counting.count, seconds), stack.levels


def mean(rows: Sequence[Row]) -> Row:
    """Field by field; of `kept` the largest."""
    means = {f.name: sum(getattr(row, f.name) for row in rows) / len(rows) for f in fields(Row)}
    return Row(**means | {"kept": max(row.kept for row in rows)})


def show(table: dict[str, Row], runs: int) -> None:
    """Print the table as Markdown."""
    print(f"| method ({runs} runs each) | seam | kept change | colour drift | text | model calls | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, row in table.items():
        print(
            f"| {name} | {row.seam:.2f} | {row.kept:.3f} | {row.drift:.1f} | {row.text:.1f} | "
            f"{row.calls:,.0f} | {row.seconds:.1f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=method_names(), choices=method_names())
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--stories", type=int, default=5, choices=range(1, 6), help="only the first of the five")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of the methods, as JSON")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sheet", type=Path, help="picture to write: the first story's levels, a row for each method")
    asked = parser.parse_args()
    model, scorer, table, rows = load_denoiser("bundled"), load_scorer("bundled"), {}, []
    chosen = stories()[: asked.stories]
    settings = {"steps": asked.steps} | {key: json.loads(value) for key, value in (s.split("=", 1) for s in asked.set)}
    for name in asked.methods:
        runs = [run(name, model, told, seed, settings, scorer) for told in chosen for seed in asked.seeds]
        table[name] = mean([row for row, _ in runs])
        rows.append(runs[0][1])
    if asked.sheet is not None:
        save_png(sheet(torch.cat(rows), len(rows[0])), asked.sheet)
    if asked.json:
        print(json.dumps({name: asdict(row) for name, row in table.items()}))
    else:
        show(table, len(chosen) * len(asked.seeds))


if __name__ == "__main__":
    main()
