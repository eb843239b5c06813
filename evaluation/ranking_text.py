"""Rankings in words: cells for a terminal's table, and a Markdown page for a repository."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation.catalogue import CATALOGUE
from evaluation.presets import OTHER_MODELS, Anchor

if TYPE_CHECKING:
    import pandas as pd

HEAD = ("rank", "arm", "mean", "95 %", "difference", "95 % of it", "effect", "won", "p", "p, Holm", "stories", "note")
WAYS = {"higher": "higher is better", "lower": "lower is better", "one": "best at 1", None: "describes, judges nothing"}
SMALLEST_P = 1e-4


def reading(baseline: str, stories: int) -> str:
    """How the columns are meant, a paragraph."""
    return (
        "Mean: over stories, each the mean of its seeds and levels, with the 95 % interval over stories. Difference: "
        f"the arm less {baseline!r} on the same stories and seeds, in the score's unit (for scores that are best at 1: "
        "of the distances |log x|, so that less is better). Effect: mean over standard deviation of the stories' "
        "differences; won: share of pairs of runs; both are positive or above one half where the arm is better. p: of "
        "flipping the signs of stories' differences; Holm: the same, adjusted for the number of arms. With "
        f"{counted(stories, 'story', 'stories')} no p can be below {2.0 ** (1 - max(stories, 1)):.2g}."
    )


def counted(count: int, one: str, more: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else more}"


def rank_cells(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """The rows of one score's ranking as text, under HEAD."""
    digits = decimals(table["mean"])
    return [_cells(row, digits, digits + 1) for row in table.to_dict("records")]


def _cells(row: dict[Any, Any], digits: int, finer: int) -> tuple[str, ...]:
    is_baseline = math.isnan(row["wins"]) and row["difference"] == 0
    compared = ("", "", "", "", "", "")
    if not is_baseline:
        compared = (
            number(row["difference"], finer, signed=True),
            interval(row["difference_low"], row["difference_high"], finer, signed=True),
            number(row["effect"], 2, signed=True),
            "" if math.isnan(row["wins"]) else f"{row['wins']:.0%}".replace("%", " %"),
            p_text(row["p_value"]),
            p_text(row["p_adjusted"]),
        )
    rank = "" if not isinstance(row["rank"], int) else str(row["rank"])
    about = (number(row["mean"], digits), interval(row["low"], row["high"], digits))
    return (rank, row["arm"], *about, *compared, str(row["stories"]), row["note"])


def decimals(values: Iterable[float]) -> int:
    """How many decimals show three or four digits of the largest of the values."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=1.0)
    return 0 if largest >= 1000 else min(6, max(0, 2 - math.floor(math.log10(largest)))) if largest > 0 else 2


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with a true minus sign; empty for NaN."""
    if math.isnan(value):
        return ""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.replace("-", "−")


def interval(low: float, high: float, digits: int, *, signed: bool = False) -> str:
    """An interval; empty where there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, digits, signed=signed)} to {number(high, digits, signed=signed)}"


def p_text(value: float) -> str:
    """A p-value with two digits; empty for NaN."""
    if math.isnan(value):
        return ""
    return f"< {SMALLEST_P:g}" if value < SMALLEST_P else f"{value:.2g}"


@dataclass(frozen=True)
class Words:
    """What stands around the tables. facts: sentences on what was compared. missing: what is not there, one each."""

    title: str
    asks: str = ""
    reading: str = ""
    command: str = ""
    facts: Sequence[str] = ()
    missing: Sequence[str] = ()
    anchors: Sequence[Anchor] = ()


def ranking_markdown(rankings: pd.DataFrame, scores: Sequence[str], words: Words, baseline: str) -> str:
    """A page with a table for each of `scores` that `evaluation.statistics.rankings` has, and what is missing.

    Titles, names and reasons are shown as text, whatever they hold.
    """
    stories = int(rankings["stories"].max()) if len(rankings) else 0
    parts = [f"# {escaped(words.title)}", escaped(words.asks), " ".join(map(escaped, words.facts))]
    parts += [f"Made by\n\n```\n{words.command.replace('```', '')}\n```"] if words.command else []
    parts += [escaped(words.reading), escaped(reading(baseline, stories))]
    there = [score for score in scores if (rankings["score"] == score).any()] if len(rankings) else []
    for score in there:
        parts += _section(rankings[rankings["score"] == score], score, words.anchors)
    absent = [score for score in scores if score not in there]
    parts += ["Not measured here: " + ", ".join(map(escaped, absent)) + "."] if absent else []
    elsewhere = [anchor for anchor in words.anchors if anchor.score not in there]
    parts += ["## Published elsewhere", *_anchors(elsewhere)] if elsewhere else []
    parts += ["## Not there", "\n".join(f"- {escaped(one)}" for one in words.missing)] if words.missing else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(rows: pd.DataFrame, score: str, anchors: Sequence[Anchor]) -> list[str]:
    entry = CATALOGUE.get(score)
    title = escaped(score) if entry is None else f"{escaped(entry.title)} (`{score}`)"
    about = "" if entry is None else f"{entry.about}{f', in {entry.unit}' if entry.unit else ''}; {WAYS[entry.better]}."
    parts = [f"## {title}", escaped(about[:1].upper() + about[1:])]
    for (scorer, revision), table in rows.groupby(["scorer", "scorer_revision"], dropna=False, sort=False):
        judged = f"Judged by {scorer} ({str(revision)[:12]})." if isinstance(scorer, str) else ""
        parts += [escaped(judged), _table(table)]
    return parts + _anchors([anchor for anchor in anchors if anchor.score == score])


def _table(table: pd.DataFrame) -> str:
    cells = rank_cells(table)
    shown = [at for at, name in enumerate(HEAD) if name != "note" or any(row[at] for row in cells)]
    lines = [[HEAD[at] for at in shown], ["---"] * len(shown)]
    lines += [[escaped(row[at]) for at in shown] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _anchors(anchors: Sequence[Anchor]) -> list[str]:
    if not anchors:
        return []
    by_source: dict[str, list[str]] = {}
    for anchor in anchors:
        what = "" if anchor.score in CATALOGUE else f" ({anchor.score}, %)"
        by_source.setdefault(anchor.about, []).append(f"{anchor.arm} {anchor.value:g}{what}")
    lines = [f"- Published: {', '.join(values)} ({about})." for about, values in by_source.items()]
    return ["\n".join(map(_line, lines)), escaped(OTHER_MODELS)]


def _line(text: str) -> str:
    return f"- {escaped(text.removeprefix('- '))}"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    text = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text)
