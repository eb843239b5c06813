"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Direction(StrEnum):
    """Which way the film goes."""

    inward = "in"
    outward = "out"


Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any setting of the run, e.g. film.quality=20; repeatable."),
]
Runs = Annotated[Path | None, typer.Option(help="Folder of all runs. [default: runs]")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show configuration, plan and cost; write nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Make every stage again.")]
NoEngine = Annotated[bool, typer.Option("--no-engine", help="Run without Prefect.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the video's path.")]
Finished = Annotated[str, typer.Argument(metavar="RUN", help="A finished run: its id, or its folder.")]
RunsMethod = Annotated[str | None, typer.Option(help="Sampling method. [default: the run's]")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. [default: auto]")]
