"""What `tenfold infinity explore` does: serve a page on which one looks around on planes, until it is stopped."""

from __future__ import annotations

from evaluation.explorer.app import Start, explorer
from evaluation.explorer.studio import Studio
from flows.pages import serve_page
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
    with Studio(source) as studio:
        page = explorer(studio, start)
        serve_page(page, "Explorer", host=host, port=port, opens=opens, sees="can look")


def _check_within(start: Start, source: GeneratorTiles) -> None:
    """Raise RefusedError for a place at which there is no plane any more."""
    end = source.models[0].most * source.models[0].step
    if not all(-end <= place < end for place in (start.y, start.x)):
        raise RefusedError(
            f"--at {start.y},{start.x} lies beyond the plane, whose rows and columns go from {-end} to {end - 1}. Give "
            "a place within."
        )
