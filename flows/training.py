"""What `tenfold train-bundled` does."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.terminal import progress
from tasks.machine import resolve_device
from zoomlib import bundled
from zoomlib.bundled.recipe import Recipe


@dataclass(frozen=True)
class Request:
    """What the command line asked for; None is the recipe's own, or the shipped model's folder."""

    images: int | None
    workers: int | None
    checkpoints: Path
    out: Path | None
    device: str
    no_engine: bool
    quiet: bool


def train_command(request: Request) -> None:
    """Train the bundled model, or go on with it."""
    device, out = resolve_device(request.device), request.out or bundled.folder()
    recipe = Recipe().suited_to(device)
    recipe = replace(recipe, images=request.images or recipe.images, workers=request.workers or recipe.workers)
    with progress(sys.stderr, quiet=request.quiet) as listener:
        from flows.engine import run_flow

        def start() -> Any:
            from flows.train import train_bundled

            return train_bundled(recipe, request.checkpoints, out, device)

        if request.no_engine:
            from prompts import load_story
            from tasks import train
            from tasks.model_card import STORIES

            stories = {name: list(load_story(name).prompts()) for name in STORIES}
            train.train_bundled(recipe, request.checkpoints, out, device, stories, listener)
        else:
            run_flow(start, listener)
    print(out)
