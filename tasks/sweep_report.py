"""What a sweep has found: the ranking of its arms, as a table for programs and a page for people."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import read_scores
from evaluation.cards import Selection
from evaluation.catalogue import CATALOGUE
from evaluation.ranking_text import Words, counted, ranking_markdown
from evaluation.statistics import in_order, rankings
from tasks.errors import RefusedError
from tasks.selection import select
from tasks.store import write_bytes
from tasks.sweep_file import SWEEP
from tasks.sweeps import Sweep

if TYPE_CHECKING:
    import pandas as pd

MARKDOWN, CSV, PAGE = "ranking.md", "ranking.csv", "comparison.html"
PUBLISHED = (MARKDOWN, CSV, PAGE, SWEEP)


@dataclass(frozen=True)
class Findings:
    """The ranking of every score, and which of them decide, in order. missing: what is not there, a sentence each."""

    rankings: pd.DataFrame
    decide: tuple[str, ...]
    missing: tuple[str, ...]
    markdown: str


def findings(sweep: Sweep, command: str = "") -> Findings | None:
    """Rank the arms of a sweep by what is there of it; None where nothing is. Reads only. `command`: as it was run."""
    try:
        selection = select([str(sweep.folder)], sweep.root, fewest=1)
    except RefusedError:
        return None
    missing = list(selection.missing)
    frame = scores_of(selection, missing)
    if frame.empty:
        return None
    table = rankings(frame, baseline=_baseline(sweep, frame))
    decide = _deciding(sweep, table)
    words = _words(sweep, selection, frame, missing, command)
    markdown = ranking_markdown(table, decide, words, str(_baseline(sweep, frame)))
    return Findings(table, decide, tuple(missing), markdown)


def scores_of(selection: Selection, missing: list[str]) -> pd.DataFrame:
    """All scores of the selected runs, with a column `arm`; files that cannot be read are told in `missing`."""
    import pandas as pd

    folders = [card.folder for card in selection.cards]
    frame = read_scores(folders, on_damaged=lambda path, why: missing.append(f"{path.name} of {path.parent}: {why}"))
    arms = frame["run_id"].map(dict(selection.arms))
    return frame.assign(arm=pd.Categorical(arms, [*selection.arm_names])).dropna(subset=["arm"])


def _baseline(sweep: Sweep, frame: pd.DataFrame) -> str | None:
    return sweep.baseline if sweep.baseline in frame["arm"].cat.categories else None


def _deciding(sweep: Sweep, table: pd.DataFrame) -> tuple[str, ...]:
    """The scores that decide: those that the sweep names, or all that judge."""
    judging = [name for name in in_order(table["score"].unique()) if name in CATALOGUE and CATALOGUE[name].better]
    return tuple(sweep.spec.scores or judging)


def _words(sweep: Sweep, selection: Selection, frame: pd.DataFrame, missing: Sequence[str], command: str) -> Words:
    preset, seeds = sweep.preset, ", ".join(map(str, sorted({card.seed for card in selection.cards})))
    stories = dict.fromkeys(card.story for card in selection.cards)
    models = dict.fromkeys(f"{card.model} ({card.model_revision[:12]})" for card in selection.cards)
    facts = (
        f"{len(selection.cards)} of {counted(len(sweep.points), 'run', 'runs')}: "
        f"{counted(len(sweep.arms), 'arm', 'arms')}, {counted(len(stories), 'story', 'stories')}, seeds {seeds}; drawn "
        f"by {', '.join(models)}.",
        f"Stories: {', '.join(stories)}.",
        f"{CSV} beside this file holds all {frame['score'].nunique()} scores.",
    )
    return Words(
        title=sweep.spec.title,
        asks="" if preset is None else preset.asks,
        reading="" if preset is None else preset.reading,
        command=command,
        facts=facts,
        missing=missing,
        anchors=() if preset is None else preset.anchors,
    )


def write_findings(found: Findings, folder: Path) -> tuple[Path, Path]:
    """Write the page and the table into `folder`; returns their paths."""
    write_bytes(folder / MARKDOWN, found.markdown.encode())
    write_bytes(folder / CSV, found.rankings.to_csv(index=False, float_format="%.6g").encode())
    return folder / MARKDOWN, folder / CSV


def publish_to(sweep: Sweep, target: Path) -> list[Path]:
    """Copy the results of a sweep, without its runs, into `target`; returns the copies."""
    target.mkdir(parents=True, exist_ok=True)
    there = [sweep.folder / name for name in PUBLISHED if (sweep.folder / name).is_file()]
    return [Path(shutil.copyfile(file, target / file.name)) for file in there]
