"""How `tenfold score` shows what it found: tables for people, or plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cards import Selection
from evaluation.dataset import score_files
from flows.terminal import plain, table
from tasks import foreign
from tasks.score_report import levels_table, runs_table, whole_table
from tasks.scoring_plan import Work

if TYPE_CHECKING:
    import pandas as pd


def show(frame: pd.DataFrame, selection: Selection, facts: Sequence[Mapping[str, Any]], sets: Sequence[Any]) -> None:
    """Print the scores: level by level of one run, the means of several."""
    if len(selection.cards) == 1:
        (card,) = selection.cards
        if frame["level"].notna().any():
            table(*levels_table(frame, card))
        if frame["level"].isna().any():
            table(*whole_table(frame))
    else:
        table(*runs_table(frame, selection.cards), folding="by")
    for outcome in sets:
        _show_set(outcome)
    made = sum(len(one["made"]) for one in facts)
    kept = sum(len(one["kept"]) for one in facts)
    print(f"{made} file{'s' * (made != 1)} of scores measured, {kept} kept.")
    if len(selection.cards) == 1:
        for path in score_files(selection.cards[0].folder):
            print(f"{'Scores':<14} {path}")
    else:
        print(f"{'Scores':<14} {_common(selection)}/**/scores*.parquet")


def show_plan(works: Sequence[Work]) -> None:
    """Print what would be measured."""
    rows = []
    for work in works:
        card = work.subject.card
        made = ", ".join(part.file for part in work.missing)
        kept = ", ".join(part.file for part in work.parts if part.there)
        rows.append((card.story, card.id, kept, made if work.fault is None else f"cannot: {work.fault}"))
    table(("story", "run", "is there", "would be measured"), rows)
    missing, parts = sum(len(work.missing) for work in works), sum(len(work.parts) for work in works)
    print(f"{missing} of {parts} files of scores would be measured. Nothing was written.")


def show_taken(taken: foreign.Taken, root: Path) -> None:
    """Print what would be taken of another tool's work."""
    L, _, H, W = taken.stack.levels.shape
    factors = ", ".join(dict.fromkeys(f"{factor:g}" for factor in taken.stack.factors))
    print(f"{plain(taken.title)} by {plain(taken.given.name)}: {L} levels of {W} x {H} px, p = {factors}.")
    words = "their prompts are known" if any(taken.prompts) else "without prompts, so that no text score is measured"
    print(f"{'with' if taken.film else 'without'} a film; {words}. It would lie in {root}.")
    print("Nothing was written.")


def as_json(
    frame: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    selection: Selection,
    damaged: Mapping[Path, str],
    sets: Sequence[Any],
) -> dict[str, Any]:
    """Everything as plain values: the scores of each run, what was missing or damaged, and sets."""
    shown = ["score", "scope", "level", "value", "scorer"]
    of_run = {run_id: json.loads(rows[shown].to_json(orient="records")) for run_id, rows in frame.groupby("run_id")}
    return {
        "runs": [{**one, "scores": of_run.get(one["run_id"], [])} for one in facts],
        "missing": list(selection.missing),
        "damaged": {str(path): why for path, why in damaged.items()},
        "sets": [
            {"arm": one.arm, "table": str(one.table), "scores": [vars(score) for score in one.scores]} for one in sets
        ],
    }


def _show_set(outcome: Any) -> None:
    from tasks.set_notes import HEADS, lines

    print(f"\n{plain(outcome.arm)} as a set of pictures")
    table(HEADS, lines(outcome.scores))
    for note in outcome.notes:
        print(plain(note))
    print(f"{'Scores':<14} {outcome.table}")


def _common(selection: Selection) -> Path:
    roots = list(dict.fromkeys(card.folder.parent.parent for card in selection.cards))
    return roots[0] if len(roots) == 1 else Path("...")
