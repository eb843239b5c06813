"""A film of a finished run rendered again, as a Prefect flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.parameters import Root
from flows.progress_artifacts import reporting
from tasks.depot.roots import open_root, send_all
from tasks.engine import render_film
from tasks.events import listener
from tasks.finished import read_run
from tasks.rerender import planned


@flow(name="render", flow_run_name="render {run}", persist_result=False)
async def render(
    run: str,
    root: Root = "runs",
    changes: dict[str, Any] | None = None,
    to: Path | None = None,
    preview: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Render the film of a finished run again, with `changes` (settings by dotted path); returns plain facts."""
    place = open_root(root)
    rendering = planned(read_run(run, place), changes or {}, to=to, preview=preview, force=force)
    with reporting(rendering.film.title), rendering.in_progress():
        facts = render_film(rendering, listener(), force=force)
    send_all(place)
    return facts
