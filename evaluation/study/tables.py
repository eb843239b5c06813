"""A report as tables of text, for terminals and Markdown, and as rows of numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from evaluation.presets import OTHER_MODELS
from evaluation.spreadsheets import shown_as_text
from evaluation.study.report import ANCHOR, Report
from evaluation.study.shares import Share

NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table for people. about: how to read it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    about: str = ""


def summary(report: Report) -> tuple[str, ...]:
    """The report in a few lines: who answered what, and how."""
    lines = [
        f"“{report.question}”",
        f"{_count(report.people, 'person', 'people')}, {_count(report.answers, 'answer')}, "
        f"{_count(report.stories, 'story', 'stories')}; {report.finished} answered to the end.",
    ]
    if report.left is not None:
        share, low, high = report.left
        lines.append(f"The left, or first, film was chosen in {percent(share)} [{percent(low)}, {percent(high)}].")
    if report.response_s is not None:
        fast, usual, slow = report.response_s
        lines.append(
            f"From seeing a pair to choosing it took {usual:.1f} s (median; 5 % to 95 %: {fast:.1f} to {slow:.1f} s)."
        )
    lines.append(_agreement(report))
    return tuple(line for line in lines if line)


def tables(report: Report) -> tuple[Table, ...]:
    """All tables that have rows."""
    made = (
        Table(
            "Two arms",
            ("arm", "against", "share", "95 % (Wilson)", "95 % (people and stories)", "answers", "people", "stories"),
            tuple(_row(share, share.against or "") for share in report.pairs),
            "How often the first was chosen. Wilson's interval takes all answers as independent; the other one draws "
            "people and stories anew, and is the one to trust where each gave many answers.",
        ),
        Table(
            "Every arm against the rest",
            ("arm", "share", "95 % (Wilson)", "95 % (people and stories)", "answers", "people", "stories"),
            tuple(_row(share) for share in report.overall),
        ),
        Table(
            "Strengths",
            ("rank", "arm", "strength", "95 % (people and stories)", "answers"),
            tuple(
                (str(one.rank), one.arm, f"{one.strength:+.2f}", _ends(one.low, one.high, "{:+.2f}"), str(one.answers))
                for one in report.strengths
            ),
            "Bradley and Terry's model: two strengths differ by the logarithm of the odds that one is chosen over the "
            "other; 1.1 is three to one. Their mean is 0.",
        ),
        Table(
            "Attention",
            ("participant", "answers", "repeats alike", "catch trials right", "left", "median time", ""),
            tuple(_attention(report)),
            "A repeat is alike when the same film was chosen with the sides exchanged.",
        ),
    )
    return tuple(table for table in made if table.rows)


def anchor() -> str:
    """What the paper found, and why it is no result of this study."""
    return f"Published: {ANCHOR.arm} was chosen in {ANCHOR.value:g} % ({ANCHOR.about}). {OTHER_MODELS}"


def markdown(report: Report) -> str:
    """The report as Markdown, in which names of arms are text and nothing else."""
    lines = [f"# Study: {_plain(report.name)}", "", *(f"{_plain(line)}  " for line in summary(report))]
    for table in tables(report):
        lines += ["", f"## {table.title}", ""]
        lines += [_cells(table.head), _cells("---" for _ in table.head), *map(_cells, table.rows)]
        lines += ["", table.about] if table.about else []
    told = [*report.notes, *(f"Damaged, and left out: {one}" for one in report.damaged)]
    lines += ["", "## To be known", "", *(f"- {_plain(note)}" for note in (*told, anchor()))]
    return "\n".join(lines) + "\n"


def as_csv(report: Report) -> str:
    """The shares and strengths as rows of numbers."""
    columns = [*Share.__dataclass_fields__, "rank", "strength"]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["table", *columns], lineterminator="\n")
    writer.writeheader()
    for name, rows in (("pair", report.pairs), ("overall", report.overall), ("strength", report.strengths)):
        writer.writerows(
            {"table": name} | {key: shown_as_text(value) for key, value in asdict(row).items()} for row in rows
        )
    return text.getvalue()


def percent(share: float) -> str:
    """A share as text; no share that is not whole looks as if it were."""
    shown = f"{100 * share:.1f}"
    if (shown == "100.0" and share < 1) or (shown == "0.0" and share > 0):
        shown = f"{100 * share:.3f}"
    return f"{shown} %"


def _row(share: Share, *against: str) -> tuple[str, ...]:
    return (
        share.arm,
        *against,
        percent(share.share),
        _ends(share.low, share.high),
        _ends(share.redrawn_low, share.redrawn_high),
        f"{share.chosen} of {share.answers}",
        str(share.people),
        str(share.stories),
    )


def _attention(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.attention:
        yield (
            one.participant,
            str(one.answers),
            f"{one.again} of {one.repeats}" if one.repeats else NONE,
            f"{one.right} of {one.catches}" if one.catches else NONE,
            percent(one.left),
            f"{one.median_s:.1f} s",
            "left out" if one.excluded else "",
        )


def _agreement(report: Report) -> str:
    found = report.agreement
    if found.observed is None:
        return "No pair was judged by more than one person yet, so that nothing is known of their agreement."
    alpha = "not defined, as all answers are alike" if found.alpha is None else f"{found.alpha:.2f}"
    return (
        f"Two people who judged the same pair agreed in {percent(found.observed)}; Krippendorff's alpha: {alpha} "
        f"({_count(found.questions, 'pair')}, {_count(found.answers, 'answer')}). Alpha is low wherever nearly all "
        "prefer the same arm."
    )


def _ends(low: float | None, high: float | None, form: str | None = None) -> str:
    if low is None or high is None:
        return NONE
    return f"{form.format(low)} to {form.format(high)}" if form else f"{percent(low)} to {percent(high)}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _cells(cells: Sequence[str] | Iterator[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no mark of it means anything."""
    one_line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!~$&" else letter for letter in one_line)
