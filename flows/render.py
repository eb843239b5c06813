"""A film of a finished run rendered again, as a Prefect flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from tasks.engine import render_film
from tasks.events import listener
from tasks.finished import read_run
from tasks.rerender import planned


@flow(name="render", flow_run_name="render {run}", persist_result=False)
async def render(
    run: str,
    root: Path = Path("runs"),
    changes: dict[str, Any] | None = None,
    to: Path | None = None,
    preview: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Render the film of a finished run again, with `changes` (settings by dotted path); returns plain facts."""
    rendering = planned(read_run(run, root), changes or {}, to=to, preview=preview, force=force)
    return render_film(rendering, listener(), force=force)
