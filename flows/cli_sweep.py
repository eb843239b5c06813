"""`tenfold sweep`: many runs by one command, and which of their arms does better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app, given
from flows.options import Device, DryRun, Force, InFlight, NoEngine, Preset, Runs, Settings


@app.command()
def sweep(
    sweep: Annotated[
        str,
        typer.Argument(help="table1, ablation, outpainting, or a YAML or JSON file that says what is to be compared."),
    ],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STORIES]...", help="Ready stories, story files, folders of them, or patterns."),
    ] = None,
    stories: Annotated[
        list[str] | None, typer.Option("--stories", help="The same. [default: those of the sweep]")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="How many, or which: 3, 0,7 or 3-5. [default: those of the sweep]")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name or folder of a model. [default: bundled]")] = None,
    preset: Preset = None,
    device: Device = None,
    settings: Settings = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder that gets a copy of the ranking and the comparison page.")
    ] = None,
    max_mb: Annotated[float, typer.Option(min=2, help="About how large the page may be.")] = 12.0,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    in_flight: InFlight = 2,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the folder of the results.")] = False,
) -> None:
    """Make many runs and rank what they compare; finished ones cost nothing."""
    from flows.command import Manner
    from flows.sweeping import Request, sweep_command

    values = given(**{"preset": preset, "model.name": model, "model.device": device})
    named = (*(stories or ()), *(more or ()))
    manner = Manner(dry_run, force, no_engine, quiet)
    sweep_command(Request(sweep, named, seeds, values, tuple(settings or ()), to, max_mb, out, manner, in_flight))
