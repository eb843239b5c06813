"""The command that asks people: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import Runs

What = Annotated[
    list[str] | None,
    typer.Argument(metavar="WHAT...", help="Runs, sweeps or folders of runs to compare; or a study that is there."),
]


@app.command()
def study(
    what: What = None,
    question: Annotated[
        str | None,
        typer.Option(help="[default: Which looks like a camera zooming into a consistent scene?]"),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs that each person judges.")] = 18,
    repeats: Annotated[int, typer.Option(min=0, help="Of these, how many come again with sides exchanged.")] = 2,
    catch: Annotated[int, typer.Option(min=0, help="Further pairs of a film and a copy that was spoiled.")] = 0,
    participants: Annotated[
        int | None, typer.Option(min=1, help="Make so many personal links. [default: one link for whoever comes]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of order and sides.")] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the study. [default: that of the sweep or folder]")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="An arm to compare; repeatable. [default: all]")] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="ARM", help="Compare each arm with this one only. [default: all with all]")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=64, max=2048, help="Longer side of the films. [default: the levels' own, to 768]")
    ] = None,
    seconds_per_level: Annotated[float, typer.Option(min=0.1, max=30, help="How long films take over a level.")] = 1.0,
    host: Annotated[str, typer.Option(help="127.0.0.1 is this machine alone, 0.0.0.0 the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8766,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Only make the study ready and print its links.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked; write nothing.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Report the answers to the study WHAT so far.")] = False,
    min_attention: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="With --report: leave out who answered fewer repeats and catch trials right."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --report: print it as JSON.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="With --report: write it to this .html, .md, .csv or .json file.")
    ] = None,
    power: Annotated[bool, typer.Option("--power", help="Print how many people a study needs.")] = False,
    out: Runs = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the links.")] = False,
) -> None:
    """Ask people which of two films looks better, and report what they chose."""
    if power:
        from flows.study_report import power_command

        power_command(pairs)
        return
    if report:
        from flows.study_report import report_command

        report_command(tuple(what or ()), out, min_attention, to, as_json=as_json)
        return
    from flows.studying import Request, study_command

    wanted = {
        "question": question,
        "name": name,
        "arms": tuple(arm or ()),
        "baseline": baseline,
        "size_px": size,
        "seconds_per_level": seconds_per_level,
    }
    design = {"pairs": pairs, "repeats": repeats, "catches": catch, "seed": seed}
    study_command(
        Request(tuple(what or ()), wanted, design, participants, out, host, port, not no_serve, dry_run, quiet)
    )
