"""What a run will cost: calls of the model, frames, room on the disk, time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks import planes
from tasks.film import Film, film_of
from tasks.run import Run
from tasks.sample import evaluations
from tasks.stage import Manifest

BYTES_PER_PIXEL = {"ffv1": 4.0, "png": 4.0, "prores": 2.0, "gif": 1.2, "webp": 0.6}
"""Of a frame, by codec, at most; of the others `USUAL_BYTES`, measured on white noise at quality 18 and 5 frames/s:
pictures take a third or less."""
USUAL_BYTES = 0.5
BYTES_PER_TILE = 3 * 256 * 384  # of the contact sheet: a level and its words


@dataclass(frozen=True)
class Cost:
    """What a run will take, all stages being made: calls of the model on one level, frames, bytes on disk at most.

    enlarging: calls of models that draw levels larger, on one tile of a level.
    sampling_s: seconds of sampling, judged by the latest with the same weights in the same store; None without one.
    guess_s: the same by what its networks multiply, where that is known. unit: what `evaluations` counts, in words.
    """

    evaluations: int
    frames: int
    disk_bytes: int
    sampling_s: float | None
    enlarging: int = 0
    guess_s: float | None = None
    unit: str = "evaluations of the model"


def cost(run: Run) -> Cost:
    """The estimated cost of a run, from its configuration and what the store remembers of earlier ones."""
    calls, pace = 0 if run.config.compose else evaluations(run), latest_pace(run)
    enlarging = len(run.story.levels) * sum(stage.evaluations for stage in run.cascade)
    sampling_s = None if pace is None else pace * calls
    frames, room = len(film_of(run).camera()), disk_bytes(run)
    if run.config.compose or not planes.draws_plane(run.method):
        return Cost(calls, frames, room, sampling_s, enlarging)
    guess, px = planes.usual_pace(run) * calls, run.model["tile_px"]
    return Cost(calls, frames, room, sampling_s, enlarging, guess, f"tiles of {px} x {px} pixels of the plane")


def disk_bytes(run: Run) -> int:
    """Room that a run needs at most, while it is made: a part is in its work folder, the store and the run folder."""
    L, (C, h, w), (H, W) = len(run.story.levels), run.shape, run.size_px
    film = film_of(run)
    width, height = film.size
    largest = run.cascade[-1].size_px if run.cascade else (H, W)
    levels, pictures = L * 3 * math.prod(largest), 3 * width * height + L * BYTES_PER_TILE
    sampled = 2 * 4 * L * 3 * H * W  # float32 pixels, levels and estimates; not in the run folder
    checkpoints = 2 * 3 * 4 * L * C * h * w  # three float32 tensors, the old file while the new one is written
    # Of each stage the finished levels, and those of its parts or its state, old and new.
    enlarging = sum(3 * 4 * L * 3 * math.prod(stage.size_px) for stage in run.cascade)
    return 3 * (levels + pictures) + 4 * film_bytes(film) + 2 * sampled + max(checkpoints, enlarging)


def film_bytes(film: Film) -> int:
    """Size of a film's file at most. While it is made there are its segments too."""
    width, height = film.size
    per_pixel = BYTES_PER_PIXEL.get(str(film.encoding.codec), USUAL_BYTES)
    return int(len(film.camera()) * width * height * per_pixel)


def latest_pace(run: Run) -> float | None:
    """Seconds per evaluation in the latest sampling that this store has seen with the run's weights at its size; where
    there is none of that size, by the pixels of the latest. Of tiles, in the quickest."""
    found = [m for m in run.workshop.manifests("sampling") if m.key.inputs.get("revision") == run.model["revision"]]
    paces = [(_pixels(m), m.facts["evaluation_s"]) for m in found if m.facts.get("evaluation_s") is not None]
    if not paces:
        return None
    if planes.draws_plane(run.method):  # tiles of one size; of a few tiles, most of the time is the start
        return float(min(pace for _, pace in paces))
    own = math.prod(run.size_px)
    same = [pace for pixels, pace in paces if pixels == own]
    pixels, pace = paces[-1]
    return float(same[-1] if same else pace * own / pixels)


def _pixels(sampling: Manifest) -> int:
    """Of a picture of a sampling."""
    return math.prod(sampling.facts["shape"][2:])
