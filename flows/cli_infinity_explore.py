"""The command that serves a page for looking around on planes."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli_infinity import ModelName, Seed, infinity
from flows.options import Device


@infinity.command()
def explore(
    model: ModelName = None,
    seed: Seed = 0,
    at: Annotated[str, typer.Option(metavar="Y,X", help="Pixel in the middle; row 0 is the horizon.")] = "0,0",
    device: Device = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on: 0.0.0.0 opens the page to the network, by a link with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 8011,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Look around on the planes of seeds in the browser, and choose a window to render or to zoom from."""
    from flows.exploring import explore_command

    explore_command(model, seed, at, device, host, port, opens=opens)
