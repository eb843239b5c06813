"""Scores of a film, from its decoded frames: flicker, the level changes, the loop's end, and the speed as it is seen.

A difference is what remains when one frame is laid over the next by the motion that is known, of the camera, or
measured where no camera is known. Frames come one by one and two of them are held, with the first one of a loop.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.alignment import Motion, Picture, aligned, difference, likeness, shrinkage, small
from evaluation.motion import Plan, unevenness
from evaluation.table import Score
from zoomlib.errors import InvalidInputError

Frames = Iterable[NDArray[np.uint8]]
OnFrame = Callable[[int], None]
LOST = 0.5  # correlation of two frames below which the next search does not start from what was found


@dataclass(frozen=True)
class Step:
    """From a frame to the next.

    motion: as measured, in pixels of the film. difference: in grey levels, when the motion that is known is undone, or
    else the measured one. likeness: correlation of what both frames show then, 1 where the motion is known.
    """

    motion: Motion
    difference: float
    likeness: float = 1.0


def follow(
    frames: Frames, motions: Sequence[Motion] | None = None, *, loop: bool = False, on_frame: OnFrame | None = None
) -> Iterator[Step]:
    """The T - 1 steps of a film, uint8 (H, W, 3); of a `loop` one more, from the last frame to the first.

    motions: those planned, from which each search starts; without, it starts from the step before. on_frame: called
    with the number of frames seen so far. Raises InvalidInputError for frames of several sizes, and for another number
    of frames than there are planned motions for.
    """
    first: Picture | None = None
    before: Picture | None = None
    shape, count, last = (0, 0, 0), 0, None
    for count, frame in enumerate(frames, start=1):
        if before is None:
            shape = frame.shape
        if frame.shape != shape:
            raise InvalidInputError(f"Frames of one film have one size; the first is {shape}, one is {frame.shape}.")
        seen = small(frame)
        if before is not None:
            last = _step(before, seen, _planned(motions, count - 2), last, shrinkage(shape))
            yield last
        first, before = (seen if first is None else first), seen
        if on_frame is not None:
            on_frame(count)
    if motions is not None and count - (not loop) != len(motions):
        raise InvalidInputError(
            f"The film has {count} frames, and the camera's plan is made for {len(motions) + (not loop)}: score a film "
            "with the camera that drew it."
        )
    if loop and first is not None and before is not None and count > 1:
        yield _step(before, first, _planned(motions, count - 1), last, shrinkage(shape))


def score_film(
    frames: Frames,
    plan: Plan | None = None,
    *,
    passes: Sequence[int] = (),
    loop: bool = False,
    on_frame: OnFrame | None = None,
) -> list[Score]:
    """flicker, keyframe_pop, loop_error and log_speed_sd_measured of a film, in one pass over its frames.

    plan: of the camera that drew the film; it tells holds, turns and level changes. Without one the motion is measured,
    every step counts, and `passes` names the steps t -> t + 1 in which a level is passed; `loop`: whether the film is
    meant to go on from its last frame to its first. Raises InvalidInputError as `follow`.
    """
    passes, loop = (passes, loop) if plan is None else (plan.passes, plan.loop)
    steps = list(follow(frames, None if plan is None else plan.motions, loop=loop, on_frame=on_frame))
    end = steps.pop() if loop and len(steps) > 1 else None
    asked = np.ones(len(steps)) if plan is None else plan.asked
    moving = np.ones(len(steps), bool) if plan is None else plan.moving
    return scores_of(steps, asked, moving, passes) + ([] if end is None else [_video("loop_error", end.difference)])


def scores_of(
    steps: Sequence[Step], asked: NDArray[np.float64], moving: NDArray[np.bool_], passes: Sequence[int]
) -> list[Score]:
    """The scores of a film's steps (T - 1); none where nothing moves, none of level changes where no level is passed.

    asked: how far each step was to go. moving: those that count.
    """
    if not moving.any():
        return []
    differences = np.array([step.difference for step in steps])
    zooms = np.array([step.motion.log_zoom for step in steps])
    usual = float(np.nanmedian(differences[moving]))
    at_levels = [differences[step] for step in passes if moving[step]]
    pop = float(np.nanmean(at_levels)) / usual if at_levels and usual else math.nan
    found = [
        _video("flicker", float(np.nanmean(differences[moving]))),
        _video("keyframe_pop", pop),
        _video("log_speed_sd_measured", unevenness(zooms[moving], asked[moving])),
    ]
    return [score for score in found if not math.isnan(score.value)]


def _step(before: Picture, after: Picture, known: Motion | None, last: Step | None, n: int) -> Step:
    """The step between two small pictures of frames that are `n` times as large."""
    if known is not None:
        known = known.scaled(1 / n)
        return Step(aligned(before, after, known).scaled(n), difference(before, after, known))
    found = aligned(before, after, None if last is None or last.likeness < LOST else last.motion.scaled(1 / n))
    return Step(found.scaled(n), difference(before, after, found), likeness(before, after, found))


def _planned(motions: Sequence[Motion] | None, step: int) -> Motion | None:
    return motions[step] if motions is not None and step < len(motions) else None


def _video(name: str, value: float) -> Score:
    return Score(name, value, "video")
