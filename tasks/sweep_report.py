"""What a sweep has found: the ranking of its arms, as a table for programs, a text for people, and a page."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.cards import Selection
from evaluation.catalogue import CATALOGUE
from evaluation.page import write_page
from evaluation.ranking_text import Words, counted, ranking_markdown
from evaluation.spreadsheets import without_formulas
from evaluation.statistics import in_order
from tasks.compare import Comparison, compare
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.selection import select
from tasks.store import write_bytes
from tasks.sweep_file import SWEEP
from tasks.sweeps import Sweep

if TYPE_CHECKING:
    import pandas as pd

MARKDOWN, CSV, PAGE = "ranking.md", "ranking.csv", "comparison.html"
PUBLISHED = (MARKDOWN, CSV, PAGE, SWEEP)
MAX_MB = 12.0


@dataclass(frozen=True)
class Findings:
    """The ranking of every score, and which of them decide, in order. missing: what is not there, a sentence each."""

    comparison: Comparison
    rankings: pd.DataFrame
    decide: tuple[str, ...]
    missing: tuple[str, ...]
    markdown: str


def findings(sweep: Sweep, command: str = "") -> Findings | None:
    """Rank the arms of a sweep by what is there of it; None where nothing is. Reads only. `command`: as it was run."""
    try:
        selection = select([str(sweep.folder)], sweep.root, fewest=1)
        comparison = compare(selection, baseline=_baseline(sweep, selection))
    except RefusedError:
        return None
    table = comparison.table()
    judging = [name for name in in_order(table["score"].unique()) if name in CATALOGUE and CATALOGUE[name].better]
    decide = tuple(sweep.spec.scores or judging)
    missing = (*selection.missing, *comparison.notes)
    words = _words(sweep, comparison, missing, command)
    return Findings(comparison, table, decide, missing, ranking_markdown(table, decide, words, comparison.baseline))


def _baseline(sweep: Sweep, selection: Selection) -> str | None:
    """The sweep's own, unless none of its runs has scores."""
    having = {selection.arms[card.id] for card in selection.cards if any(card.folder.glob("scores*.parquet"))}
    return sweep.baseline if sweep.baseline in having else None


def _words(sweep: Sweep, comparison: Comparison, missing: Sequence[str], command: str) -> Words:
    selection, frame = comparison.selection, comparison.frame
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


def conclude(
    sweep: Sweep, command: str = "", *, max_mb: float = MAX_MB, on_event: Listener = ignore
) -> Findings | None:
    """Write the findings into the sweep's folder: text, table and page; None where there is nothing to tell.

    max_mb: about how large the page may be.
    """
    found = findings(sweep, command)
    if found is None:
        return None
    write_bytes(sweep.folder / MARKDOWN, found.markdown.encode())
    write_bytes(sweep.folder / CSV, without_formulas(found.rankings).to_csv(index=False, float_format="%.6g").encode())
    began = time.monotonic()
    page = found.comparison.page(max_mb=max_mb, on_done=_counter(on_event))
    write_page(sweep.folder / PAGE, page)
    on_event(StageDone("page", True, time.monotonic() - began))
    return found


def _counter(on_event: Listener) -> Callable[[int, int], None]:
    def moved(done: int, total: int) -> None:
        if done == 1:
            on_event(StageStarted("page", total, "pictures and films"))
        on_event(StageMoved("page", done))

    return moved


def publish_to(sweep: Sweep, target: Path) -> list[Path]:
    """Copy the results of a sweep, without its runs, into `target`; returns the copies."""
    target.mkdir(parents=True, exist_ok=True)
    there = [sweep.folder / name for name in PUBLISHED if (sweep.folder / name).is_file()]
    return [Path(shutil.copyfile(file, target / file.name)) for file in there]
