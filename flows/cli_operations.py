"""The commands for whoever runs Tenfold every night: `setup-prefect` and `worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app


@app.command("setup-prefect")
def setup_prefect(
    gpus: Annotated[
        int | None, typer.Option(min=1, help="Slots of the limit tenfold-gpu. [default: what it has, or 1]")
    ] = None,
    cron: Annotated[
        str | None, typer.Option(help='When nightly runs, as "0 1 * * *"; off switches it off. [default: as it is]')
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Of --cron, as Europe/Berlin. [default: UTC]")] = None,
    stories: Annotated[
        list[str] | None,
        typer.Option(
            help="What nightly makes when it is due: stories, files, folders; repeatable. [default: as it is]"
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Folder or URL of all runs for all deployments. [default: as it is, or the worker's]"),
    ] = None,
) -> None:
    """Make the work pools, the limit and the deployments on Prefect's server; again is no harm."""
    from flows.setup import Wishes, set_up

    set_up(Wishes(gpus, cron, timezone, tuple(stories or ()), out))


@app.command()
def worker(
    pool: Annotated[str, typer.Option(help="Work pool: tenfold-gpu for videos, tenfold for batches.")] = "tenfold-gpu",
    name: Annotated[
        str | None, typer.Option(help="Name of the worker on this machine. [default: the machine's, and the GPU]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Flow runs at once. [default: 1; of the pool tenfold 10]")
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="The only GPU that it may see, as 0 or 1. [default: all]")] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder that relative paths start from. [default: TENFOLD_HOME, or the checkout]"),
    ] = None,
) -> None:
    """Take up work of a pool and see to it: start again what dies, lose no flow run. Ctrl-C finishes and ends."""
    from flows.posts import keep

    raise typer.Exit(keep(pool, name, limit, gpu, home))
