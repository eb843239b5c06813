"""What `tenfold train-bundled` does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.app import given
from flows.terminal import plain, progress
from tasks import train
from tasks.machine import resolve_device
from tasks.specs import read_settings
from zoomlib import bundled


@dataclass(frozen=True)
class Request:
    """What the command line asked for; None is the recipe's own, or the shipped model's folder.
    settings: texts `path=value`."""

    images: int | None
    workers: int | None
    checkpoints: Path
    out: Path | None
    device: str
    settings: tuple[str, ...]
    dry_run: bool
    no_engine: bool
    quiet: bool


def train_command(request: Request) -> None:
    """Train the bundled model, or go on with it; with a dry run only say what that would be."""
    device, out = resolve_device(request.device), request.out or bundled.folder()
    named = given(images=request.images, workers=request.workers)
    recipe = train.recipe_for(device, {**named, **read_settings(request.settings)})
    if request.dry_run:
        for line in train.training_plan(recipe, request.checkpoints).splitlines():
            print(plain(line))
        return
    with progress(sys.stderr, quiet=request.quiet) as listener:
        from flows.engine import run_flow

        def start() -> Any:
            from flows.train import train_bundled

            return train_bundled(recipe, request.checkpoints, out, device)

        if request.no_engine:
            from prompts import load_story
            from tasks.model_card import STORIES

            stories = {name: list(load_story(name).prompts()) for name in STORIES}
            train.train_bundled(recipe, request.checkpoints, out, device, stories, listener)
        else:
            run_flow(start, listener)
    print(out)
