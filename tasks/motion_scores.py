"""The scores of a run's film, measured from its decoded frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from evaluation.film_scores import score_film
from evaluation.motion import planned, score_motion
from evaluation.table import Score
from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import Film, beats, film_of
from tasks.render import load_stack
from tasks.run import Results, Run, Stage
from tasks.score import MEASURED, write_measured
from tasks.stage import Json, Made
from zoomlib.film.planes import Frame
from zoomlib.film.video import read
from zoomlib.stack import ZoomStack

NAME = "motion"


def motion_inputs(_run: Run, results: Results) -> Json:
    """The film, by its files and by all that it was drawn of."""
    film = results["video"]
    return {"video": film.key.digest, "files": {name: a.sha256 for name, a in sorted(film.artifacts.items())}}


def make_motion(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Measure the film, as a list of plain scores."""
    film, stack = film_of(run), load_stack(run, results, work)
    on_event(StageStarted(NAME, len(film.camera(stack.factors)), "frames"))
    files = {name: run.workshop.store.path(artifact) for name, artifact in results["video"].artifacts.items()}
    scores = film_scores(film, stack, files, lambda seen: on_event(StageMoved(NAME, seen)))
    return Made({MEASURED: write_measured(scores, work)})


def film_scores(
    film: Film, stack: ZoomStack, files: Mapping[str, Path], on_frame: Callable[[int], None] | None = None
) -> list[Score]:
    """The scores of a film that was made of `stack`: its plan's evenness, and what is seen in its `files`, by name.

    Of a film that is written on, with captions or a scale bar, only the plan: writing stands still while the picture
    moves. Nothing of a still one. on_frame: called with the number of frames seen. Raises InvalidInputError where the
    files are not the film's, VideoError where they cannot be decoded.
    """
    camera = film.camera(stack.factors, beats(film))
    found = score_motion(camera, stack.factors) if len(stack) > 1 else []
    if not found or film.spec.captions == "burnt" or film.spec.scale_bar:
        return found
    return found + score_film(frames_in(film, files), planned(stack, camera, film.size), on_frame=on_frame)


def frames_in(film: Film, files: Mapping[str, Path]) -> Iterator[Frame]:
    """The frames of a film, uint8 (H, W, 3), from its files by name."""
    if film.encoding.format == "webp":
        yield from _animated(files[film.name], float(film.spec.rate))
    elif film.encoding.suffix:
        yield from read(files[film.name])
    else:
        for name in sorted(name for name in files if name.startswith(f"{film.name}/")):
            with Image.open(files[name]) as picture:
                yield np.array(picture.convert("RGB"))


def _animated(path: Path, fps: float) -> Iterator[Frame]:
    """The frames of an animated picture, which holds equal ones that follow each other as one that stays longer."""
    end_s, given = 0.0, 0
    with Image.open(path) as picture:
        for shown in ImageSequence.Iterator(picture):
            frame = np.array(shown.convert("RGB"))
            end_s += shown.info["duration"] / 1000
            for _ in range(round(end_s * fps) - given):
                given += 1
                yield frame


MOTION = Stage(NAME, ("levels", "video"), motion_inputs, make_motion)
