"""The command that holds runs against each other."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import Quiet, Runs


class Films(StrEnum):
    """Which runs the page shows as films."""

    first = "first"
    all = "all"
    none = "none"


@app.command()
def compare(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP_OR_RUNS...",
            help="Sweeps by name or id, runs by id, stories by their folder's name, or any folders that hold runs.",
        ),
    ],
    to: Annotated[
        Path | None, typer.Option(help="HTML file to write. [default: in _comparisons among the runs]")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="ARM", help="Arm that others are compared with. [default: the preset's, or the first]"),
    ] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these scores, the first shown first. [default: all]")
    ] = None,
    films: Annotated[Films, typer.Option(help="Films of one seed per story, of all runs, or of none.")] = Films.first,
    max_mb: Annotated[
        float, typer.Option(min=2, help="About how large the page may be; pictures and films are drawn to fit.")
    ] = 12.0,
    csv: Annotated[Path | None, typer.Option(help="Write all rows of scores to this CSV file, too.")] = None,
    out: Runs = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Show the page in the browser.")] = True,
    quiet: Quiet = False,
) -> None:
    """Compare runs: a ranking with intervals, and one page with plots, pictures and films side by side."""
    from flows.comparing import Request, compare_command

    wanted = tuple(name.strip() for name in (scores or "").split(",") if name.strip())
    compare_command(Request(tuple(what), out, to, csv, baseline, wanted, films.value, max_mb, opens, quiet))
