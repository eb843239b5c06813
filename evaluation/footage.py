"""The levels of a zoom film that any tool has made, found by measuring how it moves."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.alignment import Motion, Picture, aligned, likeness, magnified, shrinkage, small
from evaluation.film_scores import LOST, Frames, OnFrame, Step, follow, scores_of
from evaluation.table import Score
from evaluation.windows import each_pair
from zoomlib.errors import InvalidInputError
from zoomlib.film.video import read
from zoomlib.geometry import check_factors
from zoomlib.stack import ZoomStack

Direction = Literal["in", "out"]
STILL = 0.03  # of a film's usual step: a slower one at an end belongs to a hold
BACK = 0.1  # of one zoom by p: a film that goes back by less has not turned round
TURNED = math.radians(0.5)  # by which levels may be turned against each other and still be compared
DRIFT = 0.01  # of a zoom may get lost when it is measured step by step, in films that are strongly compressed
REGISTERED_PX = 2.0
SAME_PX = 0.05  # a frame that is off a level by less is that level


@dataclass(frozen=True)
class Footage:
    """What was found in a film.

    stack: its levels, widest first, each p times as close as the one before, and where they lie in each other. scores:
    of the film itself. direction: in which it shows them. first, last: the frames between which it does. frames: those
    that the levels were taken from, widest first. notes: what was left out, a sentence each.
    """

    stack: ZoomStack
    scores: tuple[Score, ...]
    direction: Direction
    first: int
    last: int
    frames: tuple[int, ...]
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """Frames first .. last, over which the log zoom grows by `growth`, below 0 for a film that goes out."""

    first: int
    last: int
    growth: float


def levels_of(
    film: str | Path | Callable[[], Frames],
    p: float,
    *,
    direction: Direction | None = None,
    on_frame: OnFrame | None = None,
) -> Footage:
    """The levels of a zoom film, and the film's own scores.

    Frames are followed one by one and their zooms added up, over the longest part of the film that goes one way (the
    one asked for, with `direction`). Levels stand where the zoom has grown by p, p^2, ... since the widest frame of
    that part; each is the frame before it, magnified by what is missing, less than one step. Two passes, in constant
    memory but for the levels. film: a file, or what gives its frames, uint8 (H, W, 3), anew each time. on_frame: called
    with the number of frames that have been read, in both passes.

    Raises InvalidInputError for a film that does not zoom by p, turns, or cannot be followed; VideoError for no video.
    """
    (p,) = check_factors(2, p)
    frames: Callable[[], Frames] = film if callable(film) else lambda: read(film)
    steps = list(follow(frames(), on_frame=on_frame))
    part = _part(steps, p, direction)
    used = steps[part.first : part.last]
    motions = [step.motion for step in used] if part.growth > 0 else [step.motion.inverse for step in reversed(used)]
    looks = _looks(motions, p)
    numbers = [part.first + look.frame if part.growth > 0 else part.last - look.frame for look in looks]
    shown = dict(_pick(frames(), set(numbers), on_frame, len(steps) + 1))
    pictures = [_level(shown[number], look.rest) for number, look in zip(numbers, looks, strict=True)]
    stack = _registered(ZoomStack(torch.stack(pictures), p, _focus(looks, pictures[0].shape)))
    levels = [level * math.log(p) for level in range(1, len(looks))]
    scores = scores_of(used, np.ones(len(used)), np.ones(len(used), bool), _passes(motions, levels, part.growth))
    shows: Direction = "in" if part.growth > 0 else "out"
    return Footage(stack, tuple(scores), shows, part.first, part.last, tuple(numbers), _notes(steps, part))


class Look(NamedTuple):
    """A level: frames after the widest one, what is missing from there, and how the widest one shows it."""

    frame: int
    rest: Motion
    whole: Motion


def _looks(motions: Sequence[Motion], p: float) -> list[Look]:
    """The levels of frames that zoom in by `motions`, from the first frame on."""
    wholes = list(accumulate(motions, Motion.then, initial=Motion(0.0)))
    zooms = np.maximum.accumulate([whole.log_zoom for whole in wholes])
    usual = float(np.median(np.diff(zooms)))
    found = []
    for level in range(int(_reach(zooms[-1], usual) / math.log(p)) + 1):
        zoom = level * math.log(p)
        frame = min(int(np.searchsorted(zooms, zoom + 1e-9, side="right")) - 1, len(motions))
        rest = _to(zoom - wholes[frame].log_zoom, motions[min(frame, len(motions) - 1)])
        found.append(Look(frame, rest, wholes[frame].then(rest)))
    return found


def _reach(growth: float, usual: float) -> float:
    """How far a film may count as zooming: it may start and stop half a step off its levels, and errors add up."""
    return growth * (1 + DRIFT) + 1.5 * usual


def _to(log_zoom: float, step: Motion) -> Motion:
    """The part of a step that zooms by so much; about the centre where the step itself hardly zooms."""
    return step.part(log_zoom / step.log_zoom) if step.log_zoom > log_zoom / 2 else Motion(log_zoom)


def _focus(looks: Sequence[Look], shape: Sequence[int]) -> list[tuple[float, float] | None]:
    """Where each level's next one lies."""
    _, H, W = shape
    focus: list[tuple[float, float] | None] = []
    for wide, fine in pairwise(looks):
        back = wide.whole.inverse.then(fine.whole).inverse
        if abs(back.turn) > TURNED:
            raise InvalidInputError(
                f"The film turns by {math.degrees(abs(back.turn)):.1f} degrees from one level to the next, and levels "
                "that are turned against each other are not compared. Score a film of the same pictures that does "
                "not turn, or the pictures themselves."
            )
        x, y = back.at(0.0, 0.0)
        focus.append((_within(0.5 + x / W), _within(0.5 + y / H)))
    return [*focus, None]


def _registered(stack: ZoomStack) -> ZoomStack:
    """The stack with windows moved, by REGISTERED_PX at most, to where they agree best: errors of steps add up."""
    H, W = stack.levels.shape[-2:]
    focus = list(stack.focus or [None] * len(stack))
    for level, pair in enumerate(each_pair(stack.levels, stack.p, focus)):
        wide, fine = (small(((part[0] + 1) * 127.5).permute(1, 2, 0).numpy()) for part in pair)
        found = aligned(wide, fine, Motion(0.0)).scaled(shrinkage(tuple(pair[0].shape[2:])))
        point = focus[level]
        if point is None or not likeness(wide, fine, Motion(0.0)) >= LOST:
            continue
        if math.hypot(found.x_px, found.y_px) <= REGISTERED_PX:
            focus[level] = _within(point[0] - found.x_px / W), _within(point[1] - found.y_px / H)
    return ZoomStack(stack.levels, stack.p, focus)


def _within(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


def _level(frame: NDArray[np.uint8], rest: Motion) -> torch.Tensor:
    """A frame as a picture of a stack, magnified by what is missing."""
    H, W, _ = frame.shape
    away = max(abs(rest.x_px), abs(rest.y_px)) + abs(math.expm1(rest.log_zoom)) * max(H, W) / 2
    shown: Picture = frame.astype(np.float32) if away < SAME_PX else magnified(frame, rest)
    return torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1))) / 127.5 - 1


def _passes(motions: Sequence[Motion], levels: Sequence[float], growth: float) -> list[int]:
    """The steps, in the film's order, in which a level is passed."""
    zooms = np.cumsum([motion.log_zoom for motion in motions])
    passed = [int(step) for step in np.searchsorted(zooms, levels) if 0 < step < len(motions) - 1]
    return passed if growth > 0 else [len(motions) - 1 - step for step in reversed(passed)]


def _part(steps: Sequence[Step], p: float, direction: Direction | None) -> Part:
    """The longest part of a film that goes one way, without holds at its ends. Raises InvalidInputError for none."""
    zooms = np.array([step.motion.log_zoom for step in steps])
    lost = [number for number, step in enumerate(steps) if not step.likeness >= LOST]
    ends = [-1, *lost, len(steps)]
    parts = [part for a, b in pairwise(ends) for part in _ways(zooms[a + 1 : b], a + 1, BACK * math.log(p))]
    wanted = [part for part in parts if direction is None or (part.growth > 0) == (direction == "in")]
    best = max(wanted, key=lambda part: abs(part.growth), default=Part(0, 0, 0.0))
    if best.last - best.first >= 2:
        moved = zooms[best.first : best.last]
        going = np.flatnonzero(np.abs(moved) > STILL * np.quantile(np.abs(moved), 0.9))
        best = Part(best.first + int(going[0]), best.first + int(going[-1]) + 1, best.growth)
        if _reach(abs(best.growth), float(np.median(np.abs(moved[going])))) >= math.log(p):
            return best
    raise InvalidInputError(_refusal(best, lost, len(steps) + 1, p, direction))


def _refusal(best: Part, lost: Sequence[int], frames: int, p: float, direction: Direction | None) -> str:
    grown, way = math.exp(abs(best.growth)), {"in": " inwards", "out": " outwards", None: ""}[direction]
    if lost:
        return (
            f"The film cannot be followed from frame {lost[0]} to the next, which looks like something else, and "
            f"between such places it zooms{way} by {grown:.3g} at most, less than p = {p:g}. Give a film without cuts, "
            "or cut it to the part that zooms."
        )
    if grown < 1.02:
        return f"The film of {frames} frames does not zoom{way}: from its widest frame on by {grown:.4g}. Give another."
    return (
        f"The film zooms{way} by {grown:.3g}, less than p = {p:g}, so that it shows no two levels. Give a smaller p, "
        "or a longer film."
    )


def _ways(zooms: NDArray[np.float64], start: int, back: float) -> Iterator[Part]:
    """The parts of a film, whose first frame is number `start`, between its turning points.

    A point is one where the film goes back by more than `back` afterwards.
    """
    reached = np.concatenate([[0.0], np.cumsum(zooms)])
    since, highest, lowest = 0, 0, 0
    way = 0
    for frame, zoom in enumerate(reached):
        highest = frame if zoom >= reached[highest] else highest
        lowest = frame if zoom <= reached[lowest] else lowest
        if way >= 0 and reached[highest] - zoom > back:
            yield Part(start + since, start + highest, float(reached[highest] - reached[since]))
            since, way, lowest = highest, -1, frame
        elif way <= 0 and zoom - reached[lowest] > back:
            if way < 0:
                yield Part(start + since, start + lowest, float(reached[lowest] - reached[since]))
            since, way, highest = lowest, 1, frame
    end = highest if way > 0 else lowest if way < 0 else since
    yield Part(start + since, start + end, float(reached[end] - reached[since]))


def _pick(
    frames: Frames, numbers: set[int], on_frame: OnFrame | None, done: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The frames of these numbers, `done` frames having been read before."""
    for number, frame in enumerate(frames):
        if number in numbers:
            yield number, frame
        if on_frame is not None:
            on_frame(done + number + 1)
        if number >= max(numbers):
            return


def _notes(steps: Sequence[Step], part: Part) -> tuple[str, ...]:
    left_out = part.first + len(steps) - part.last
    if not left_out:
        return ()
    return (
        f"Of {len(steps) + 1} frames {part.first} to {part.last} were used: the longest part of the film that zooms "
        "one way, without frames that stand at its ends.",
    )
