"""How evenly a film zooms, by its camera's plan; and what that plan says of the motion from frame to frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluation.alignment import Motion
from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.film.planes import Size
from zoomlib.film.render import needed_margin
from zoomlib.film.view import Course, View, course
from zoomlib.stack import ZoomStack

STANDS = 1e-6  # of the longest step between frames: a shorter one is none


@dataclass(frozen=True)
class Plan:
    """What a film of T frames is to show from each to the next.

    motions: T - 1 of them, of a loop one more, from the last frame to the first, in pixels of the film's frames. asked:
    (T - 1,) how far each step was asked to go, above 0 inwards, in any unit. passes: the steps in which a level fills
    the frame.
    """

    motions: tuple[Motion, ...]
    asked: NDArray[np.float64]
    passes: tuple[int, ...]
    loop: bool = False

    @property
    def moving(self) -> NDArray[np.bool_]:
        """(T - 1,) the steps in which the camera moves: not those of holds."""
        moving: NDArray[np.bool_] = np.abs(self.asked) > STANDS * np.abs(self.asked).max(initial=0)
        return moving


def log_speed_sd(log_zooms: Sequence[float] | NDArray[np.float64]) -> float:
    """Standard deviation of the log-zoom steps between frames over their mean; 0 is a constant speed."""
    steps = np.asarray(log_zooms, dtype=np.float64)
    if len(steps) < 2 or not steps.mean():
        raise InvalidInputError("The evenness of a zoom needs at least three frames that move.")
    return float(steps.std() / abs(steps.mean()))


def unevenness(log_zooms: NDArray[np.float64], asked: NDArray[np.float64]) -> float:
    """As `log_speed_sd`, for steps that were asked to differ: what is left when the asked ones are fitted to them.

    Standard deviation of the rest, over the mean length of the fitted steps. Equal to `log_speed_sd` where the asked
    steps are all alike. NaN for fewer than two steps or no zoom.
    """
    if len(asked) < 2 or not asked.any():
        return math.nan
    fitted = asked * (log_zooms @ asked) / (asked @ asked)
    length = np.abs(fitted).mean()
    return float((log_zooms - fitted).std() / length) if length else math.nan


def log_zooms(positions: NDArray[np.float64], p: float | Sequence[float]) -> NDArray[np.float64]:
    """Log-zoom step between frames, from their level positions (T,): (T - 1,), natural logarithm.

    `p`: the zoom factor of every step, or one for each.
    """
    if not isinstance(p, Sequence):
        return np.diff(positions) * math.log(p)
    depths = np.concatenate([[0.0], np.cumsum(np.log(p))])
    return np.diff(np.interp(positions, np.arange(len(depths)), depths))


def score_motion(camera: Camera, p: float | Sequence[float]) -> list[Score]:
    """`log_speed_sd` of a camera's plan over a stack with factor p, or one p for each step.

    What is judged is the log zoom for each part of the way that the camera was asked to go: an even camera's speed
    itself, and whether an eased one's deviates from its curve. Frames that stand, as in holds and where the camera
    turns, are left out; there is nothing for a still film.
    """
    positions, asked = camera.positions(), np.diff(camera.ways())
    if camera.loop:
        positions = np.unwrap(positions, period=camera.levels)
        p = p[0] if isinstance(p, Sequence) else p
    moving = np.abs(asked) > STANDS * np.abs(asked).max(initial=0)
    steps = log_zooms(positions, p)[moving] / asked[moving]
    return [Score("log_speed_sd", log_speed_sd(steps), "video")] if len(steps) > 1 and np.any(steps) else []


def planned(stack: ZoomStack, camera: Camera, size: Size) -> Plan:
    """What a film of `stack` with frames of `size` = (width, height) is to show, turns and pans included."""
    track, margin = course(stack, camera.loop), needed_margin(stack, camera, size)
    places = np.unwrap(camera.positions(), period=camera.levels) if camera.loop else camera.positions()
    angles, shifts = camera.angles(), camera.shifts()
    if camera.loop:  # the frame after the last is the first, a round further
        rounds = round((places[-1] - places[0]) / camera.levels) * camera.levels
        places = np.append(places, places[0] + rounds)
        angles, shifts = np.append(angles, angles[0]), np.vstack([shifts, shifts[:1]])
    looks = [
        (_look(track, place, size, margin, (x, y)), angle)
        for place, angle, (x, y) in zip(places.tolist(), angles.tolist(), shifts.tolist(), strict=True)
    ]
    motions = tuple(_motion(track, size, *before, *after) for before, after in pairwise(looks))
    passes = np.flatnonzero(np.diff(np.floor(places[: len(camera)])))
    return Plan(motions, np.diff(camera.ways()), tuple(passes.tolist()), camera.loop)


def _look(track: Course, place: float, size: Size, margin: float, shift: tuple[float, float]) -> View:
    """As `Course.look`, with levels that go on being counted round a loop."""
    view, L = track.look(place, size, margin, shift), len(track.windows)
    return replace(view, level=view.level + math.floor(place / L) * L) if track.loop else view


def _motion(track: Course, size: Size, before: View, turn: float, after: View, turned: float) -> Motion:
    """From one view to the next, whose pictures turn the other way than they do themselves."""
    while after.level < before.level:
        after = track.deeper(after)
    while after.level > before.level:
        after = track.wider(after)
    x, y = ((getattr(before, edge) - getattr(after, edge)) * after.scale for edge in ("left", "top"))
    zoom, (width, height) = after.scale / before.scale, size
    # The frame's middle, seen by the next view: from the edges to the middles of both.
    x, y = x + (zoom - 1) * width / 2, y + (zoom - 1) * height / 2
    shift = Motion(0.0, turn=-turned).at(x, y)
    return Motion(math.log(zoom), *shift, -math.remainder(turned - turn, math.tau))
