"""The films of a study, drawn from the levels by one camera, so that nothing but the pictures tells them apart."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import torch

from evaluation.cards import RunCard
from evaluation.study.plan import Clip, Study
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.study import STACK, loops, missing_films
from zoomlib.errors import InvalidInputError
from zoomlib.film import render, video
from zoomlib.film.camera import Camera
from zoomlib.film.encoding import Encoding
from zoomlib.stack import ZoomStack

NAME = "films"
ENCODING = Encoding("mp4")


def draw_films(study: Study, folder: Path, cards: Mapping[str, RunCard], on_event: Listener = ignore) -> None:
    """Draw the films that are not in the study's `folder` yet; a stopped run goes on where it was.

    cards: the study's runs by id. Raises RefusedError where one is missing, or its levels are not as they were made.
    """
    missing = missing_films(study, folder)
    if not missing:
        return
    began = time.monotonic()
    on_event(StageStarted(NAME, len(missing), "films"))
    for done, (clip, path) in enumerate(missing, start=1):
        if clip.run not in cards:
            raise RefusedError(f"The film of run {clip.run} is not in {folder} any more. Name the study's runs again.")
        _draw(study, clip, cards[clip.run], path)
        on_event(StageMoved(NAME, done))
    on_event(StageDone(NAME, True, time.monotonic() - began))


def spoil(stack: ZoomStack) -> ZoomStack:
    """A copy that nobody takes for a consistent scene: every second level is a negative and upside down."""
    wrong = torch.arange(len(stack)) % 2 == 1
    return ZoomStack(
        torch.where(wrong[:, None, None, None], -stack.levels.flip(-2), stack.levels), stack.p, stack.focus
    )


def _draw(study: Study, clip: Clip, card: RunCard, path: Path) -> None:
    try:
        stack = ZoomStack.load(card.folder / STACK)
    except InvalidInputError as error:
        raise RefusedError(f"Run {card.id} of {card.story} cannot be shown: {error}") from error
    stack = spoil(stack) if clip.spoiled else stack
    fps, width_height = study.film["fps"], tuple(study.film["sizes"][card.story])
    camera = Camera(len(stack), fps=fps, seconds=clip.seconds, factors=stack.factors, loop=loops(card))
    frames = render.frames(stack, camera, width_height, layout=ENCODING.layout, reuse=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    # No title, no comment: the file tells nothing of how it was made.
    video.write(frames, path, fps=fps, encoding=ENCODING, layout=ENCODING.layout)
