"""What `tenfold compare` does: select, tell the ranking, write the page, and open it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.catalogue import CATALOGUE
from evaluation.comparison.drawing import Films
from flows.browser import shown
from flows.opening import root_of
from flows.terminal import plain, progress, table
from tasks.compare import Comparison, compare, default_place, write_comparison, write_csv
from tasks.events import Listener, StageMoved, StageStarted
from tasks.selection import select

STAGE = "films"


@dataclass(frozen=True)
class Request:
    """What was asked on the command line."""

    what: tuple[str, ...]
    out: Path | None
    to: Path | None
    csv: Path | None
    baseline: str | None
    scores: tuple[str, ...]
    films: Films
    max_mb: float
    opens: bool
    quiet: bool


def compare_command(asked: Request) -> None:
    """Print the ranking by the score that decides, and where the page is."""
    root = root_of(asked.out)
    selection = select(asked.what, root)
    comparison = compare(selection, baseline=asked.baseline, scores=asked.scores)
    if not asked.quiet:
        _tell(comparison)
    with progress(sys.stderr, quiet=asked.quiet) as listen:
        text = comparison.page(films=asked.films, max_mb=asked.max_mb, on_done=_counter(listen))
    if asked.csv is not None:
        write_csv(comparison.frame, asked.csv)
    page = write_comparison(text, asked.to or default_place(root, selection))
    print(page if asked.quiet else f"\n{page} ({page.stat().st_size / 1e6:.1f} MB)")
    if asked.opens and not shown(page.absolute().as_uri()):
        print("No browser was found here: open this file in one.", file=sys.stderr)


def _counter(listen: Listener) -> Any:
    """Tells a listener of pieces that are done, the first time also how many there are."""

    def moved(done: int, total: int) -> None:
        if done == 1:
            listen(StageStarted(STAGE, total, "pieces"))
        listen(StageMoved(STAGE, done))

    return moved


def _tell(comparison: Comparison) -> None:
    rows = comparison.table()
    first = rows[rows["score"] == _shown_first(comparison)]
    name = str(first["score"].iloc[0])
    entry = CATALOGUE.get(name)
    better = {"higher": "higher is better", "lower": "lower is better", "one": "nearer to 1 is better"}
    said = better.get(str(entry.better), "describes, does not judge") if entry else ""
    print(f"{plain(comparison.selection.title)}: {entry.title if entry else name} ({name}), {said}.\n")
    print(f"Differences are to {plain(comparison.baseline)}; in brackets 95 % intervals over stories.")
    rows_told = [_row(row, comparison.baseline) for row in first.to_dict("records")]
    table(("rank", "arm", "mean", "difference", "wins"), rows_told, folding="arm")
    for note in [*comparison.selection.missing, *comparison.notes]:
        print(f"note: {plain(note)}")


def _shown_first(comparison: Comparison) -> str:
    """The score that is told: the first that judges."""
    judging = [name for name in comparison.scores if name not in CATALOGUE or CATALOGUE[name].better]
    return (judging or list(comparison.scores))[0]


def _row(row: Mapping[Any, Any], baseline: str) -> tuple[str, ...]:
    own = row["arm"] == baseline
    return (
        str(row["rank"]) if row["rank"] is not None and row["rank"] == row["rank"] else "-",
        plain(str(row["arm"])),
        _with_interval(row["mean"], row["low"], row["high"]),
        "" if own else _with_interval(row["difference"], row["difference_low"], row["difference_high"], sign=True),
        "" if own or math.isnan(row["wins"]) else f"{row['wins']:.0%} of {row['pairs']}",
    )


def _with_interval(value: float, low: float, high: float, *, sign: bool = False) -> str:
    told = "-" if math.isnan(value) else f"{value:+.4g}" if sign else f"{value:.4g}"
    return told if math.isnan(low) else f"{told} [{low:.3g}, {high:.3g}]"
