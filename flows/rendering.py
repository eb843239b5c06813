"""What `tenfold render` does: a finished run's film again, otherwise."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.command import Manner, perform
from flows.opening import root_of
from flows.terminal import plain, progress
from tasks.cost import film_bytes
from tasks.finished import read_run
from tasks.rerender import Rendering, make, planned
from tasks.specs import read_settings


@dataclass(frozen=True)
class Request:
    """What the command line asked for. `values`: settings by dotted path from named options; `settings`: from --set."""

    run: str
    values: Mapping[str, Any]
    settings: tuple[str, ...] = ()
    to: Path | None = None
    preview: bool = False
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)

    @property
    def changes(self) -> dict[str, object]:
        """Settings by dotted path; those of --set go last."""
        return {**self.values, **read_settings(self.settings)}


def render_command(request: Request) -> None:
    """Render the film, or with a dry run only say how it would be."""
    root, manner = root_of(request.out), request.manner
    run = read_run(request.run, root)
    rendering = planned(run, request.changes, to=request.to, preview=request.preview, force=manner.force)
    if not manner.quiet:
        for note in rendering.notes():
            print(f"Note: {plain(note)}", file=sys.stderr)
    if manner.dry_run:
        show_plan(rendering)
        return

    def start() -> Any:
        from flows.render import render

        return render(str(run.folder), root, request.changes, request.to, request.preview, manner.force)

    quick = request.preview or (not manner.force and rendering.workshop.find(rendering.key) is not None)
    with rendering.in_progress(), progress(sys.stderr, quiet=manner.quiet) as listener:
        facts = perform(start, lambda: make(rendering, listener, force=manner.force), manner, listener, quick=quick)
    show_result(rendering, facts, quiet=manner.quiet)


def show_plan(rendering: Rendering) -> None:
    """Print the resolved settings of the film, what it will take, and where it will go."""
    film = rendering.film
    print(json.dumps(film.spec.model_dump(mode="json"), indent=2, ensure_ascii=False))
    (width, height), track = film.size, film.camera()
    print(f"\n{plain(film.title)}: {len(track):,} frames of {width} x {height}, {track.duration_s:.2f} s.")
    print(f"{'Video':<14} {rendering.target}")
    there = rendering.workshop.find(rendering.key) is not None
    print(
        "It is there already: it would only be put in its place."
        if there
        else f"At most about {film_bytes(film) / 2**20:,.0f} MB. Nothing was written."
    )


def show_result(rendering: Rendering, facts: Mapping[str, Any], *, quiet: bool = False) -> None:
    """Print where the film is and what it is."""
    if not quiet:
        (width, height), said = facts["size"], "made" if facts["made"] else "reused"
        seconds = facts["frames"] / float(rendering.film.spec.rate)
        print(f"{said} in {facts['seconds']:.1f} s: {facts['frames']:,} frames of {width} x {height}, {seconds:.2f} s")
        if facts["margin"] > 1:
            print(f"Magnified {facts['margin']:.3g} times throughout: turn and pan show nothing beyond level 0.")
        print(f"{'Settings':<14} {rendering.settings}")
        if rendering.film.spec.captions == "file":
            print(f"{'Captions':<14} {rendering.words}")
        print(f"{'Video':<14} {rendering.target}")
    else:
        print(rendering.target)
