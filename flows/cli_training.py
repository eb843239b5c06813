"""The commands that train the models of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import NoEngine

Checkpoints = Annotated[Path, typer.Option(help="What a stopped training goes on from.")]
On = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any number of the recipe, e.g. batch=16; repeatable."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the recipe, the networks and what they take; write nothing.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the folder.")]


@app.command("train-bundled")
def train_bundled(
    images: Annotated[int | None, typer.Option(min=1, help="Pictures to train on. [default: as shipped]")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that train together. [default: 2]")] = None,
    checkpoints: Checkpoints = Path("checkpoints/bundled"),
    out: Annotated[Path | None, typer.Option(help="Folder of the finished model. [default: the shipped one]")] = None,
    device: On = "auto",
    settings: Numbers = None,
    dry_run: DryRun = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Train the bundled model from nothing, or go on with it; takes hours on a CPU."""
    from flows.training import Request, train_command

    told = tuple(settings or ())
    train_command(Request(images, workers, checkpoints, out, device, told, dry_run, no_engine, quiet))


@app.command("train-infinity")
def train_infinity(
    recipe: Annotated[
        str | None, typer.Option(help="cpu, cpu-maps, gpu or paper. [default: cpu, or cpu-maps for maps]")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A folder of pictures, or landscapes or maps. [default: the recipe's]")
    ] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Steps in all. [default: the recipe's]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all randomness. [default: the recipe's]")] = None,
    checkpoints: Checkpoints = Path("checkpoints/infinity"),
    out: Annotated[Path, typer.Option(help="Folder of the finished generator.")] = Path("models/infinity"),
    device: On = "auto",
    settings: Numbers = None,
    dry_run: DryRun = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Train a generator of planes (InfinityGAN), or go on with it; about half an hour on a CPU."""
    from flows.training_infinity import Request, train_command

    told = tuple(settings or ())
    train_command(Request(recipe, data, iterations, seed, checkpoints, out, device, told, dry_run, no_engine, quiet))
