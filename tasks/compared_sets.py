"""Scores of sets of pictures (`tasks.sets`) that tell of runs which are compared, arm by arm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation import read_scores
from evaluation.cards import Selection
from evaluation.catalogue import CATALOGUE
from evaluation.sets.naming import ANTIALIASED
from tasks.errors import UNUSABLE
from tasks.set_folder import SET, SETS, TABLE
from tasks.set_notes import is_own, title

Row = dict[str, Any]


def sets_among(selection: Selection) -> tuple[list[Row], list[str]]:
    """A row for each score of every set whose pictures are all of one arm of `selection`, as JSON can hold it; and
    what was damaged and left out, a sentence each. Sets are looked for in the roots of the runs."""
    rows: list[Row] = []
    damaged: list[str] = []
    roots = dict.fromkeys(card.folder.absolute().parent.parent for card in selection.cards)
    for path in (path for root in roots for path in sorted(root.glob(f"{SETS}/*/{SET}"))):
        try:
            rows += _rows(path, selection)
        except UNUSABLE as error:
            damaged.append(f"{path} was left out: {error!r:.200}.")
    return sorted(rows, key=_place), damaged


def _rows(path: Path, selection: Selection) -> Iterator[Row]:
    facts = json.loads(path.read_text(encoding="utf-8"))
    runs = {str(member["run_id"]) for member in facts["members"]}
    arms = {selection.arms.get(run) for run in runs}
    if len(arms) != 1 or None in arms:
        return
    frame = read_scores([path.with_name(TABLE)], on_damaged=_refuse)
    values = {str(name): float(value) for name, value in zip(frame["score"], frame["value"], strict=True)}
    common = _common(facts, str(arms.pop()), len(runs))
    for name in (name for name in values if is_own(name, values)):
        entry = CATALOGUE.get(name.removesuffix(ANTIALIASED))
        if entry is None or entry.better is None:  # how many there are stands in columns of its own
            continue
        yield {
            **common,
            "score": name,
            "title": title(name),
            "better": entry.better,
            "value": values[name],
            "low": values.get(f"{name}_low"),
            "high": values.get(f"{name}_high"),
        }


def _common(facts: Mapping[str, Any], arm: str, runs: int) -> Row:
    """What all scores of one set have in common; of the reference the folder's name only, as pages are passed on."""
    levels = sorted({int(member["level"]) for member in facts["members"]})
    return {
        "arm": arm,
        "set": str(facts["id"]),
        "runs": runs,
        "pictures": len(facts["members"]),
        "stories": len(facts["stories"]),
        "levels": _span(levels),
        "extractor": f"{facts['extractor']['name']} ({str(facts['extractor']['revision'])[:8]})",
        "reference": f"{Path(facts['reference']['folder']).name} ({int(facts['reference']['pictures'])} pictures)",
        "notes": [str(note) for note in facts["notes"]],
    }


def _span(levels: Sequence[int]) -> str:
    whole = len(levels) > 2 and levels[-1] - levels[0] == len(levels) - 1
    return f"{levels[0]} to {levels[-1]}" if whole else ", ".join(map(str, levels))


def _place(row: Row) -> tuple[Any, ...]:
    """Rows that may be held against each other stand together, the best first."""
    at = [*CATALOGUE].index(row["score"].removesuffix(ANTIALIASED))
    value = -row["value"] if row["better"] == "higher" else row["value"]
    return at, row["score"], row["reference"], row["extractor"], row["levels"], value


def _refuse(path: object, why: str) -> None:
    raise ValueError(f"{path}: {why}")
