"""`tenfold batch`: many videos by one command, of which one that fails stops no other."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.app import app, given
from flows.options import Device, DryRun, Force, InFlight, NoEngine, Place, Preset, Runs, Settings, Shape


@app.command()
def batch(
    stories: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STORIES]...",
            help="Ready stories, story files, folders of them, patterns, or in words what to see; or one file that "
            "says what a batch is.",
        ),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Sampling methods with commas between them. [default: joint, or the file's]")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="How many, or which: 3, 0,7 or 3-5. [default: 0, or those of the file]")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's name or folder, or ORG/NAME. [default: bundled]")] = None,
    preset: Preset = None,
    shape: Shape = None,
    device: Device = None,
    settings: Settings = None,
    title: Annotated[str | None, typer.Option(help="What the batch is called. [default: Batch, or the file's]")] = None,
    failed: Annotated[
        str | None,
        typer.Option(metavar="BATCH", help="Make again only what failed, was refused or left of this earlier batch."),
    ] = None,
    in_flight: InFlight = 2,
    engine: Annotated[Place, typer.Option(help="Where videos are made: in this process, or by whom.")] = "here",
    deployment: Annotated[str, typer.Option(help="With --engine deployment: of which one.")] = "zoom/zoom",
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the summary's path.")] = False,
) -> None:
    """Make many videos; what is there is reused, one that fails stops no other, and a summary says what came of it."""
    from flows.batching import Request, batch_command
    from flows.command import Manner

    values = given(**{"preset": preset, "model.name": model, "model.size": shape, "model.device": device})
    manner = Manner(dry_run, force, no_engine, quiet)
    named = None if methods is None else tuple(filter(None, (name.strip() for name in methods.split(","))))
    request = Request(tuple(stories or ()), named, seeds, values, tuple(settings or ()), title, failed, out, manner)
    batch_command(request, in_flight=in_flight, engine=engine, deployment=deployment)
