"""What `tenfold infinity explore` does: serve a page on which one looks around on planes, until it is stopped."""

from __future__ import annotations

import sys
import threading

from evaluation.explorer.app import Start, explorer
from evaluation.explorer.studio import Studio
from evaluation.serving import Address, serve
from flows.browser import shown
from tasks.errors import RefusedError
from tasks.infinity_explore import GeneratorTiles
from tasks.infinity_words import check_seed, read_point
from tasks.machine import resolve_device


def explore_command(
    model: str | None, seed: int, at: str, device: str | None, host: str, port: int, *, opens: bool
) -> None:
    """Serve until Ctrl-C; the address is printed on standard output."""
    start = Start(check_seed(seed), *read_point(at, "--at"))
    source = GeneratorTiles(model or "bundled", resolve_device(device or "auto"))
    _check_within(start, source)

    def ready(address: Address) -> None:
        if address.moved:
            print(f"Port {port} is taken, so the page is at another one.", file=sys.stderr)
        print(f"Explorer: {address.link()}", flush=True)
        if address.token is not None:
            print("Open to the network: whoever has this link can look. The token is part of it.", file=sys.stderr)
        print("Ctrl-C ends it.", file=sys.stderr)
        if opens:
            threading.Thread(target=shown, args=(address.link(),), daemon=True).start()

    with Studio(source) as studio:
        serve(explorer(studio, start), host=host, port=port, on_ready=ready)


def _check_within(start: Start, source: GeneratorTiles) -> None:
    """Raise RefusedError for a place at which there is no plane any more."""
    end = source.models[0].most * source.models[0].step
    if not all(-end <= place < end for place in (start.y, start.x)):
        raise RefusedError(
            f"--at {start.y},{start.x} lies beyond the plane, whose rows and columns go from {-end} to {end - 1}. Give "
            "a place within."
        )
