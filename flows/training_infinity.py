"""What `tenfold train-infinity` does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.terminal import progress
from tasks import train_infinity
from tasks.machine import resolve_device


@dataclass(frozen=True)
class Request:
    """What the command line asked for; None is the recipe's own."""

    recipe: str | None
    data: str | None
    iterations: int | None
    seed: int | None
    checkpoints: Path
    out: Path
    device: str
    no_engine: bool
    quiet: bool


def train_command(request: Request) -> None:
    """Train a generator of planes, or go on with it; what cannot be trained is refused before any work."""
    device = resolve_device(request.device)
    recipe = train_infinity.recipe_for(request.recipe, request.data, request.iterations, request.seed)
    train_infinity.pictures_of(recipe)
    with progress(sys.stderr, quiet=request.quiet) as listener:
        if request.no_engine:
            train_infinity.train_infinity(recipe, request.checkpoints, request.out, device, listener)
        else:
            from flows.engine import run_flow

            run_flow(lambda: _flow(request, device), listener)
    print(request.out)


def _flow(request: Request, device: str) -> Any:
    from flows.train_infinity import train_infinity as flow

    return flow(
        request.recipe,
        request.data,
        request.iterations,
        request.seed,
        request.checkpoints,
        request.out,
        device,
    )
