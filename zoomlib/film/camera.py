"""Where the camera is at each frame: level position, angle and shift as functions of time, in plain numbers."""

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.easing import Easing, curve, on_beats

Direction = Literal["in", "out", "in-out", "out-in"]
DIRECTIONS: tuple[Direction, ...] = ("in", "out", "in-out", "out-in")
MAX_FRAMES = 1_000_000
SAME = 1e-12  # relative difference of zoom factors that is rounding


@dataclass(frozen=True)
class Camera:
    """A camera that crosses the levels of a stack at constant log speed, or as `easing` and `beats` bend it.

    `levels`: of the stack. `fps`: frames per second. `seconds_per_level`: time of one step, on average; or `seconds`:
    length of the whole film, holds included. `direction`: "in" (widest level to finest), "out", or there and back,
    "in-out" and "out-in": half the time each way, the second half the mirror of the first.

    `easing` bends the moving time (`zoomlib.film.easing`); there and back it bends each way, mirrored. The film stands
    still for `hold_start_s` and `hold_end_s`. Both are told in the order of the film, whatever its direction: easing
    "in" starts slowly, `hold_start_s` is at the start. `beats`: seconds from the start of the film at which the speed
    peaks, by 1 +- `beat_strength` (`easing.on_beats`); there and back the ways are then no mirrors of each other.

    `turn_deg`, `pan_from`, `pan_to` belong to the way: the view turns from 0 at the widest level to `turn_deg`
    (counter-clockwise) at the finest, and shifts from `pan_from` to `pan_to`, fractions of the frame's sides.

    So the film "out" is, frame by frame, the reverse of the film "in" with holds exchanged and easing and beats
    mirrored; with symmetric ones of the same film.

    `factors`: the zoom of each step, so that steps take time by their logarithms; None: all alike. `loop`: a closed
    story, whose last level leads on to level 0: levels steps instead of levels - 1, the last frame one step before the
    first. A stack of one level is held still.

    Raises InvalidInputError for what makes no film of 1 to MAX_FRAMES frames, or no closed one for a loop.
    """

    levels: int
    fps: float = 30
    seconds_per_level: float = 2.0
    direction: Direction = "in"
    _: KW_ONLY
    seconds: float | None = None
    easing: Easing = "linear"
    hold_start_s: float = 0.0
    hold_end_s: float = 0.0
    turn_deg: float = 0.0
    pan_from: tuple[float, float] = (0.0, 0.0)
    pan_to: tuple[float, float] = (0.0, 0.0)
    loop: bool = False
    factors: tuple[float, ...] | None = None
    beats: tuple[float, ...] = ()
    beat_strength: float = 0.5

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_motion(self)
        _check_length(self)
        if self.loop:
            _check_closed(self)

    @property
    def steps(self) -> int:
        """How many zooms by p the whole way has: round a loop one more, from the last level to the first."""
        return self.levels if self.loop else self.levels - 1

    @property
    def counts(self) -> tuple[int, int, int]:
        """Frames that stand at the start, that move, and that stand at the end."""
        start, end = round(self.hold_start_s * self.fps), round(self.hold_end_s * self.fps)
        return start, round(_asked_s(self) * self.fps) - start - end, end

    def __len__(self) -> int:
        """The number of frames: the length asked for times the rate, rounded."""
        return sum(self.counts)

    @property
    def duration_s(self) -> float:
        """Length of the film in seconds, a whole number of frames."""
        return len(self) / self.fps

    def times(self) -> NDArray[np.float64]:
        """The time in seconds at which each frame (T,) comes up; it stays for 1 / fps."""
        return np.arange(len(self)) / self.fps

    def positions(self) -> NDArray[np.float64]:
        """Level position of each frame (T,), 0 = widest: in [0, levels - 1], round a loop in [0, levels).

        Frames stand at half-frame offsets, s = (f + 1/2) / n with n frames per level: a frame exactly on a level would
        be the one that is not resampled, and flash sharp among its neighbours. Holds stand where the motion starts and
        ends.
        """
        logs = self._logs()
        marks = np.concatenate([[0.0], np.cumsum(logs)]) / (sum(logs) or 1)
        reached: NDArray[np.float64] = np.interp(self.ways(), marks, np.arange(len(marks)))
        return reached % self.levels if self.loop else reached

    def ways(self) -> NDArray[np.float64]:
        """Fraction of the whole zoom (of its logarithm) at each frame (T,): 0 at the widest view, 1 at the finest."""
        if self.direction == "out":
            return self._mirrored().ways()[::-1].copy()
        start, moving, end = self.counts
        time, way = self._time(), curve(self.easing)
        if self.direction == "in":
            ways = way((1 + time) / 2)
        else:
            # Of an odd number of frames the middle one would stand exactly on the level where the camera turns.
            there = way(np.minimum(1 - abs(time), 1 - 1 / moving))
            ways = there if self.direction == "in-out" else 1 - there
        return np.pad(ways, (start, end), mode="edge")

    def angles(self) -> NDArray[np.float64]:
        """Angle in radians by which the view is turned counter-clockwise at each frame (T,)."""
        return math.radians(self.turn_deg) * self.ways()

    def shifts(self) -> NDArray[np.float64]:
        """Shift of the view (right, down) at each frame (T, 2), as fractions of the frame's width and height."""
        begin, finish = np.array(self.pan_from), np.array(self.pan_to)
        shifts: NDArray[np.float64] = begin + self.ways()[:, None] * (finish - begin)
        return shifts

    def log_zooms(self, p: float | None = None) -> NDArray[np.float64]:
        """Natural logarithm of each frame's magnification against the first frame (T,), growing on round a loop.

        `p`: the factor of every step, for a camera without `factors`. Raises InvalidInputError for both or neither.
        """
        if (p is None) == (self.factors is None):
            raise InvalidInputError(
                "Magnifications need the zoom of each step once: "
                f"as the camera's factors (got {self.factors}) or as p (got {p})."
            )
        whole = sum(self._logs()) if p is None else self.steps * math.log(p)
        ways = self.ways()
        grown: NDArray[np.float64] = whole * (ways - ways[0])
        return grown

    def frame_at(self, position: float) -> int:
        """The frame nearest to a level position; of several, as there and back, the first."""
        away = abs(self.positions() - position)
        if self.loop:
            away = np.minimum(away, self.levels - away)
        return int(np.argmin(away))

    def _logs(self) -> tuple[float, ...]:
        """The length of each step, in units that are alike for all."""
        if self.factors is None or self.loop:
            return (math.log(self.factors[0]) if self.factors else 1.0,) * self.steps
        return tuple(math.log(factor) for factor in self.factors)

    def _time(self) -> NDArray[np.float64]:
        """The moving time of each moving frame, from -1 to 1: about its middle, so that mirrors are exact."""
        start, moving, end = self.counts
        time: NDArray[np.float64] = (2 * np.arange(moving) + 1 - moving) / moving
        if not self.beats:
            return time
        length_s = moving / self.fps
        beats = tuple(beat - start / self.fps for beat in self.beats)
        cyclic = self.loop and not start + end
        bent = on_beats((1 + time) / 2 * length_s, beats, length_s, self.beat_strength, cyclic)
        return 2 * bent / length_s - 1

    def _mirrored(self) -> "Camera":
        """The camera whose film, shown backwards, is this one's."""
        return replace(
            self,
            direction="in",
            hold_start_s=self.hold_end_s,
            hold_end_s=self.hold_start_s,
            easing=curve(self.easing).mirrored,
            beats=tuple(self.duration_s - beat for beat in reversed(self.beats) if beat <= self.duration_s),
        )


def _asked_s(camera: Camera) -> float:
    """The length asked for, holds included."""
    if camera.seconds is not None:
        return camera.seconds
    return max(camera.steps, 1) * camera.seconds_per_level + (camera.hold_start_s + camera.hold_end_s)


def _check_numbers(camera: Camera) -> None:
    if camera.levels < 1:
        raise InvalidInputError(f"A camera needs at least one level, got levels={camera.levels}.")
    for name in ("fps", "seconds_per_level", "seconds"):
        value = getattr(camera, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InvalidInputError(f"{name} must be a positive number, got {value}. Usual: fps=30, 2 s per level.")
    for name in ("hold_start_s", "hold_end_s"):
        value = getattr(camera, name)
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInputError(f"{name} must be a time in seconds, 0 or more, got {value}.")
    if not math.isfinite(camera.turn_deg):
        raise InvalidInputError(f"turn_deg must be a finite angle in degrees, got {camera.turn_deg}.")
    for name in ("pan_from", "pan_to"):
        shift = getattr(camera, name)
        if len(shift) != 2 or not all(math.isfinite(part) for part in shift):
            raise InvalidInputError(f"{name} must be (right, down), fractions of the frame's sides, got {shift}.")


def _check_motion(camera: Camera) -> None:
    if camera.direction not in DIRECTIONS:
        raise InvalidInputError(f"The camera's direction is one of {', '.join(DIRECTIONS)}; got {camera.direction!r}.")
    curve(camera.easing)
    if not 0 <= camera.beat_strength <= 1:
        raise InvalidInputError(f"beat_strength must be between 0 (even) and 1, got {camera.beat_strength}.")
    if not all(math.isfinite(beat) and beat >= 0 for beat in camera.beats) or not (np.diff(camera.beats) > 0).all():
        raise InvalidInputError("Beats are growing times in seconds from the start of the film, 0 or more.")
    factors = camera.factors
    if factors is None:
        return
    if not all(math.isfinite(factor) and factor > 1 for factor in factors):
        raise InvalidInputError(f"The zoom factor of a step is above 1, got factors={factors}.")
    if len(factors) != camera.levels - 1 and not (camera.loop and len(factors) == camera.levels):
        raise InvalidInputError(
            f"A camera over {camera.levels} levels has {camera.levels - 1} steps, got {len(factors)} factors."
        )


def _check_length(camera: Camera) -> None:
    asked_s = _asked_s(camera)
    if not 0.5 < asked_s * camera.fps < MAX_FRAMES + 0.5:
        raise InvalidInputError(
            f"A film of {asked_s:.6g} s ({camera.seconds_per_level} s per level where the length is not given) at "
            f"{camera.fps} frames/s makes {asked_s * camera.fps:.3g} frames; choose them for 1 to {MAX_FRAMES}."
        )
    if camera.counts[1] < 1:
        raise InvalidInputError(
            f"Holds of {camera.hold_start_s} s and {camera.hold_end_s} s leave no frame to move in a film of "
            f"{asked_s:.6g} s; give it more seconds, or shorter holds."
        )


def _check_closed(camera: Camera) -> None:
    """Whether the last frame of a loop leads on to the first."""
    if camera.factors and max(camera.factors) / min(camera.factors) > 1 + SAME:
        raise InvalidInputError(f"A closed loop has one zoom factor for all its steps, got factors={camera.factors}.")
    if camera.direction in ("in-out", "out-in"):
        return
    if camera.turn_deg % 360 or camera.pan_from != camera.pan_to:
        raise InvalidInputError(
            f"A loop ends as it began: turn by whole turns of 360 degrees (got turn_deg={camera.turn_deg}) and do not "
            f"pan (got {camera.pan_from} to {camera.pan_to}), or go there and back (direction 'in-out')."
        )
    ends = curve(camera.easing)(np.array([0.0, 1.0]))
    if tuple(ends) != (0.0, 1.0):
        raise InvalidInputError(f"Keyframes of a loop go the whole way, from 0 to 1; got {ends[0]} to {ends[1]}.")
