"""What `tenfold infinity evaluate` does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flows.infinity import Manner, Painter, nothing_kept
from flows.opening import root_of
from flows.terminal import plain, progress, table
from tasks.infinity_words import check_seed, read_list

if TYPE_CHECKING:
    from tasks.set_folder import SetOutcome

COUNTS = ("set_images", "set_stories", "reference_images")
"""What the names of sizes of sets contain; they are the same by all protocols."""


@dataclass(frozen=True)
class Judged:
    """How a generator is judged, as the command line says it."""

    reference: str | None = None
    extractor: str = "bundled"
    protocols: str = "patch,ext2,scaleinv,spatial"
    scales: str = "1,2,4,8"
    images: int = 2048
    real_size: int | None = None
    seed: int = 0
    runs: Path | None = None
    painter: Painter = field(default_factory=Painter)


def evaluate_command(what: Judged, manner: Manner) -> None:
    """Judge a generator and show what came of it, or with a dry run say what that takes."""
    scales, seed = read_list(what.scales, "--scales"), check_seed(what.seed)
    kinds = tuple(part.strip() for part in what.protocols.split(","))
    look = what.painter.look()
    from tasks.infinity_scores import JudgeSpec, judge, plan_judging, usual_reference
    from tasks.machine import check_writable

    reference = what.reference or usual_reference(look.model)
    spec = JudgeSpec(reference, what.extractor, kinds, scales, what.images, what.real_size, seed, look=look)
    judging = plan_judging(spec)
    root = root_of(what.runs)
    check_writable(root, "Give another --runs.")
    if manner.dry_run:
        print(json.dumps(judging.facts, indent=2) if manner.as_json else f"{plain(judging.told)} Nothing was written.")
        return
    with nothing_kept(), progress(sys.stderr, quiet=manner.quiet) as listener:
        outcome = judge(judging, root, on_event=listener)
    if manner.as_json:
        facts = {
            "table": str(outcome.table),
            "scores": [vars(score) for score in outcome.scores],
            "notes": list(outcome.notes),
        }
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    elif manner.quiet:
        print(outcome.table)
    else:
        show(outcome)


def show(outcome: SetOutcome) -> None:
    """Print the table of scores, with published ones beside those of the same name."""
    from tasks.set_notes import HEADS, lines

    counts = {score.score: score.value for score in outcome.scores if any(one in score.score for one in COUNTS)}
    table(HEADS, lines([score for score in outcome.scores if score.score not in counts]))
    drawn, real = (max(value for name, value in counts.items() if end in name) for end in COUNTS[::2])
    print(f"{drawn:,.0f} pictures by each protocol, against {real:,.0f}.")
    for note in outcome.notes:
        print(plain(note))
    print(f"{'Scores':<10} {outcome.table}")
