"""What `tenfold study --report` and `--power` print."""

from __future__ import annotations

import json
from pathlib import Path

from evaluation.page import write_page
from evaluation.study.answers import read_answers
from evaluation.study.power import SHARES, people_needed
from evaluation.study.report import Report, report
from evaluation.study.report_page import report_page
from evaluation.study.tables import anchor, as_csv, markdown, summary, tables
from flows.opening import root_of
from flows.terminal import plain, table
from tasks.errors import RefusedError
from tasks.study import read_study

ALIKE = (0.0, 0.1, 0.3)
"""How much a person's answers resemble each other, for the table of people."""


def report_command(
    what: tuple[str, ...], out: Path | None, min_attention: float | None, to: Path | None, *, as_json: bool
) -> None:
    """Print the report of a study, or write it to a file whose name says as what."""
    if len(what) != 1:
        raise RefusedError("Name one study to report: its folder, its name, or its id.")
    if to is not None and to.suffix.lower() not in WRITERS:
        raise RefusedError(f"{to.name} names no kind of report. End it with one of {', '.join(WRITERS)}.")
    study, folder = read_study(what[0], root_of(out))
    answers, damaged = read_answers(folder)
    found = report(study, answers, damaged=damaged, min_attention=min_attention)
    if to is not None:
        if not to.absolute().parent.is_dir():
            raise RefusedError(f"There is no folder {to.absolute().parent} to write {to.name} to. Make it first.")
        write_page(to, WRITERS[to.suffix.lower()](found))
        print(to)
    elif as_json:
        print(_json(found), end="")
    else:
        _show(found)


def power_command(pairs: int) -> None:
    """Print how many people find a preference of some strength."""
    rows = [(f"{share:.0%}", *(f"{people_needed(share, pairs, alike):,}" for alike in ALIKE)) for share in SHARES]
    print(
        f"People who each judge {pairs} pairs of the same two arms, so that a preference of this share is told from "
        "none with a chance of 80 % (exact two-sided binomial test at 5 %). A person's own answers resemble each "
        "other; how much is not known beforehand, and 0.1 is a usual guess."
    )
    table(("true share", *(f"likeness {alike:g}" for alike in ALIKE)), rows)


def _show(found: Report) -> None:
    print(f"Study {plain(found.name)} ({found.study})")
    for line in summary(found):
        print(plain(line))
    for one in tables(found):
        print(f"\n{one.title}. {plain(one.about)}".rstrip())
        table(one.head, one.rows)
    for note in (*found.notes, *(f"Damaged, and left out: {path}" for path in found.damaged), anchor()):
        print(f"Note: {plain(note)}")


def _json(found: Report) -> str:
    return json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n"


WRITERS = {".html": report_page, ".md": markdown, ".csv": as_csv, ".json": _json}
