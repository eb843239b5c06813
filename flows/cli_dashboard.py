"""The command that serves the page of all runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flows.app import app
from flows.options import Runs


@app.command()
def dashboard(
    out: Runs = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on: 0.0.0.0 opens the page to the network, by a link with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 8010,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """See all runs in the browser, live while batches run: filter, search, rank, and pin runs to compare them."""
    # Before NumPy is loaded: tables of rankings are small, and threads that wait for each other on a busy machine take
    # three times as long as the sums.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from flows.dashboarding import dashboard_command

    dashboard_command(out, host, port, opens=opens)
