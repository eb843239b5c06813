"""What `tenfold compose` does: pictures from anywhere, placed, become a run like any other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flows.command import Manner, carry_out
from flows.opening import root_of
from flows.terminal import progress, table
from prompts import Story
from tasks.compose_folder import place, read_folder
from tasks.compose_spec import ComposeSpec, FoundStep
from tasks.compose_words import check_title, told
from tasks.events import Listener, StageMoved, StageStarted
from tasks.run import CACHE
from tasks.specs import RunConfig, parse_config, with_settings, with_values
from tasks.stage import Workshop

NAME = "registration"


@dataclass(frozen=True)
class Request:
    """What the command line asked for. `values`: settings by dotted path from named options; `settings`: from --set."""

    folder: Path
    title: str | None = None
    story: Story | None = None
    order: Literal["found", "name"] = "found"
    without: tuple[str, ...] = ()
    assumed_p: float | None = None
    colour: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)


def compose_command(request: Request) -> None:
    """Place the pictures of a folder, show what was found, and make the run; with a dry run only say how."""
    root, manner = root_of(request.out), request.manner
    _check(request)
    spec, notes = _placed(request, root)
    story, are_prompts, changed = told(spec, request.title, request.story)
    if not manner.quiet:
        table(*table_of(spec))
    config = configured(spec, are_prompts, request)
    carry_out(story, config, root, manner, (*notes, *changed))


def _placed(request: Request, root: Path) -> tuple[ComposeSpec, tuple[str, ...]]:
    """Where the pictures lie, and what is to be said of them. They are let go of: the run reads them again."""
    manner = request.manner
    found = read_folder(request.folder, request.without)
    with progress(sys.stderr, quiet=manner.quiet) as listener:
        spec, left_out = place(
            found,
            Workshop(root / CACHE),
            order=request.order,
            assumed_p=request.assumed_p,
            keep=not manner.dry_run,
            on_pair=_counted(listener),
        )
    return spec.model_copy(update={"colour": request.colour}), (*found.notes, *left_out)


def configured(spec: ComposeSpec, are_prompts: bool, request: Request) -> RunConfig:
    """The run's configuration: the film as large as the levels, scores of words only where there are prompts."""
    side = min(max(spec.views.size), 8192)
    values: dict[str, Any] = {"film.size_px": max(side, 32)}
    if not are_prompts:
        values["scores.scorer"] = "none"
    config = parse_config({"compose": spec.model_dump(mode="python")})
    return with_settings(with_values(config, {**values, **request.values}), request.settings)


def _check(request: Request) -> None:
    """Refuse now what would be refused anyhow after pictures have been compared for minutes."""
    check_title(request.title)
    with_settings(with_values(RunConfig(), request.values), request.settings)


def _counted(listener: Listener) -> Any:
    """A listener to pairs of pictures that tells of them as of a stage."""
    started = False

    def tell(done: int, total: int) -> None:
        nonlocal started
        if not started:
            listener(StageStarted(NAME, total, "pairs of pictures"))
            started = True
        listener(StageMoved(NAME, done))

    return tell


def table_of(spec: ComposeSpec) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of what was found, for people: shifts from the middle, in pixels of the wider picture."""
    heads = ("level", "zoom", "\N{PLUS-MINUS SIGN}", "shift px", "turn", "agreement", "sureness", "file")
    rows: list[tuple[str, ...]] = [("0", *[""] * 6, spec.pictures[0].file)]
    for i, (step, wider, picture) in enumerate(
        zip(spec.steps, spec.pictures, spec.pictures[1:], strict=False), start=1
    ):
        shift = f"{(step.x - 0.5) * wider.width:+.2f}, {(step.y - 0.5) * wider.height:+.2f}"
        error = "" if step.p_error is None else f"{step.p * step.p_error:.4f}"
        found = (f"{step.p:.4f}", error, shift, f"{step.turn_deg:+.2f}\N{DEGREE SIGN}", *_sure(step))
        rows.append((str(i), *found, picture.file))
    return heads, rows


def _sure(step: FoundStep) -> tuple[str, str]:
    if step.agreement is None or step.sureness is None:
        return "assumed", ""
    return f"{step.agreement:.2f}", f"{step.sureness:.4f}"
