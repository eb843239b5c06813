"""What `tenfold train-infinity` does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.terminal import plain, progress
from tasks import train_infinity
from tasks.machine import resolve_device
from tasks.specs import read_settings


@dataclass(frozen=True)
class Request:
    """What the command line asked for; None is the recipe's own. settings: texts `path=value`."""

    recipe: str | None
    data: str | None
    iterations: int | None
    seed: int | None
    checkpoints: Path
    out: Path
    device: str
    settings: tuple[str, ...]
    dry_run: bool
    no_engine: bool
    quiet: bool


def train_command(request: Request) -> None:
    """Train a generator of planes, or go on with it; what cannot be trained is refused before any work. With a dry run
    only say what it would be."""
    device, settings = resolve_device(request.device), read_settings(request.settings)
    recipe = train_infinity.recipe_for(request.recipe, request.data, request.iterations, request.seed, settings)
    if request.dry_run:
        from tasks.training_plan import training_plan

        for line in training_plan(recipe, request.checkpoints, device).splitlines():
            print(plain(line))
        return
    train_infinity.pictures_of(recipe)
    with progress(sys.stderr, quiet=request.quiet) as listener:
        if request.no_engine:
            train_infinity.train_infinity(recipe, request.checkpoints, request.out, device, listener)
        else:
            from flows.engine import run_flow

            run_flow(lambda: _flow(request, device, settings), listener)
    print(request.out)


def _flow(request: Request, device: str, settings: dict[str, object]) -> Any:
    from flows.train_infinity import train_infinity as flow

    return flow(
        request.recipe,
        request.data,
        request.iterations,
        request.seed,
        request.checkpoints,
        request.out,
        device,
        settings,
    )
