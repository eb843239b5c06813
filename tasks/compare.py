"""Runs compared: their scores read, their pictures and films drawn small, and one page written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import read_scores
from evaluation.cards import RunCard, Selection
from evaluation.comparison import comparison_page
from evaluation.comparison.data import baseline_of, ordered_scores, preset_of, with_arms
from evaluation.page import write_page
from evaluation.spreadsheets import without_formulas
from evaluation.statistics import rankings
from prompts import slug
from tasks.compared_sets import sets_among
from tasks.errors import RefusedError
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.comparison.drawing import Films

COMPARISONS = "_comparisons"
OnDone = Callable[[int, int], None]
_OF_RUNS = "scores*.parquet"


@dataclass(frozen=True)
class Comparison:
    """Runs with their scores. frame: as `with_arms` gives it. sets: the rows of `sets_among`. notes: what could not be
    read, a sentence each."""

    selection: Selection
    frame: pd.DataFrame
    baseline: str
    scores: tuple[str, ...]
    notes: tuple[str, ...]
    sets: Sequence[Mapping[str, Any]] = ()

    def table(self) -> pd.DataFrame:
        """The ranking of every score, one below the other (`evaluation.statistics.rankings`)."""
        return rankings(self.frame, self.scores, baseline=self.baseline)

    def page(self, *, films: Films = "first", max_mb: float = 12.0, on_done: OnDone | None = None) -> str:
        """The page as HTML. films, max_mb, on_done: as `evaluation.comparison.drawing.draw_media`."""
        from evaluation.comparison.drawing import draw_media  # with torch, which who only looks at numbers needs not

        chosen = self.selection
        media = draw_media(chosen.cards, chosen.arms, films=films, max_mb=max_mb, on_done=on_done)
        return comparison_page(
            chosen,
            self.frame,
            media=media,
            baseline=self.baseline,
            scores=self.scores,
            sets=self.sets,
            notes=self.notes,
        )


def compare(selection: Selection, *, baseline: str | None = None, scores: Sequence[str] = ()) -> Comparison:
    """The comparison of selected runs. Raises RefusedError for runs without scores, and for an unknown arm or score."""
    frame, notes = frame_of(selection.cards)
    try:
        rows = with_arms(frame, selection)
        against = baseline_of(selection, rows, baseline)
        wanted = ordered_scores(rows, preset_of(selection), scores)
    except InvalidInputError as error:
        raise RefusedError(str(error)) from error
    sets, damaged = sets_among(selection)
    return Comparison(selection, rows, against, tuple(wanted), (*notes, *damaged), sets)


def frame_of(cards: Sequence[RunCard]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """All scores of runs as one long-form frame, and what was damaged and left out, a sentence each."""
    damaged: list[str] = []
    files = [path for card in cards for path in sorted(card.folder.glob(_OF_RUNS))]
    frame = read_scores(files, on_damaged=lambda path, why: damaged.append(f"{path} was left out: {why}."))
    return frame, tuple(damaged)


def default_place(root: Path, selection: Selection) -> Path:
    """Where the page of a selection is written when no file is named: equal runs and arms have one place."""
    told = "\n".join(f"{card.id} {selection.arms[card.id]}" for card in selection.cards)
    return root / COMPARISONS / f"{slug(selection.title)}-{hashlib.sha256(told.encode()).hexdigest()[:8]}.html"


def write_comparison(text: str, to: Path) -> Path:
    """Write a page; its folder is made only where it is ours. Raises RefusedError for a place that cannot take it."""
    if to.is_dir():
        raise RefusedError(f"{to} is a folder. Name a file, as {to / 'comparison.html'}.")
    if to.parent.name == COMPARISONS:
        to.parent.mkdir(parents=True, exist_ok=True)
    if not to.parent.is_dir():
        raise RefusedError(f"There is no folder {to.parent} to write {to.name} to. Make it, or name another.")
    return write_page(to, text)


def write_csv(frame: pd.DataFrame, to: Path) -> Path:
    """Write the rows of a comparison as CSV, whole or not at all. Raises RefusedError where its folder is missing."""
    if not to.parent.is_dir():
        raise RefusedError(f"There is no folder {to.parent} to write {to.name} to. Make it, or name another.")
    return write_page(to, without_formulas(frame).to_csv(index=False, lineterminator="\n"))
