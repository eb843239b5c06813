"""How far along its way a camera is: the fraction done as a function of the fraction of time, and time that beats bend.

All in closed form, on plain arrays.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError

Fractions = NDArray[np.float64]
EasingName = Literal["linear", "in", "out", "in-out"]
Point = tuple[float, float]

RAMP = 1 / 4  # of the time a named easing takes to gain, or to lose, the speed between


class Curve(Protocol):
    """The fraction of the way done (any shape, 0 to 1) at each fraction of time (same shape, 0 to 1)."""

    def __call__(self, time: Fractions) -> Fractions:
        """The way done at `time`."""

    @property
    def mirrored(self) -> "Curve":
        """The curve of the film shown backwards, 1 - e(1 - u)."""


@dataclass(frozen=True)
class Ramp:
    """A constant speed V between a smooth start and a smooth stop.

    The speed grows as V S(u / `start`) over the first `start` of the time and falls likewise over the last `stop`, with
    the smooth step S(x) = 3 x^2 - 2 x^3, so that it has no kink. As S has the integral x^3 - x^4 / 2, the way is

        e(u) = V start (x^3 - x^4 / 2) with x = u / start     in the start,
        e(u) = V (u - start / 2)                              between,
        e(u) = 1 - V stop (x^3 - x^4 / 2), x = (1 - u) / stop in the stop,    V = 1 / (1 - (start + stop) / 2).

    Without ramps e(u) = u. Raises InvalidInputError for ramps below 0 or longer than the time in all.
    """

    start: float = 0.0
    stop: float = 0.0

    def __post_init__(self) -> None:
        if not (self.start >= 0 and self.stop >= 0 and self.start + self.stop <= 1):
            raise InvalidInputError(
                f"The ramps of an easing are fractions of its time, at least 0 and at most 1 together; "
                f"got start={self.start}, stop={self.stop}. Usual: {RAMP} each."
            )

    def __call__(self, time: Fractions) -> Fractions:
        """The way done at `time`."""
        speed = 1 / (1 - (self.start + self.stop) / 2)
        between = speed * (time - self.start / 2)
        begun = np.where(time < self.start, speed * _gained(time, self.start), between)
        return np.where(1 - time < self.stop, 1 - speed * _gained(1 - time, self.stop), begun)

    @property
    def mirrored(self) -> "Ramp":
        """Start and stop exchanged."""
        return Ramp(self.stop, self.start)


@dataclass(frozen=True)
class Keyframes:
    """A curve through `points` = ((time, way), ...), fractions from 0 to 1; times grow from exactly 0 to exactly 1.

    `between` them the way is "smooth" (a cubic that neither overshoots nor turns between points: PCHIP, Fritsch and
    Butland 1984) or "linear". Equal ways are a stop, falling ones a way back. Raises InvalidInputError for others.
    """

    points: tuple[Point, ...]
    between: Literal["smooth", "linear"] = "smooth"

    def __post_init__(self) -> None:
        if self.between not in ("smooth", "linear"):
            raise InvalidInputError(f"Between keyframes the way is 'smooth' or 'linear', got {self.between!r}.")
        if len(self.points) < 2 or any(len(point) != 2 for point in self.points):
            raise InvalidInputError(f"Keyframes are two or more pairs (time, way), got {self.points!r}.")
        times, ways = np.array(self.points, dtype=np.float64).T
        if times[0] != 0 or times[-1] != 1 or not (np.diff(times) > 0).all():
            raise InvalidInputError(
                f"Times of keyframes are fractions of the moving time that grow from 0 to 1, got {times.tolist()}."
            )
        if not ((ways >= 0) & (ways <= 1)).all():
            raise InvalidInputError(f"Ways of keyframes are fractions of the whole zoom, 0 to 1, got {ways.tolist()}.")

    def __call__(self, time: Fractions) -> Fractions:
        """The way done at `time`."""
        times, ways = np.array(self.points, dtype=np.float64).T
        if self.between == "linear":
            straight: Fractions = np.interp(time, times, ways)
            return straight
        return _hermite(time, times, ways, _slopes(np.diff(times), np.diff(ways)))

    @property
    def mirrored(self) -> "Keyframes":
        """Points in reverse, counted from the other end."""
        return Keyframes(tuple((1 - time, 1 - way) for time, way in reversed(self.points)), self.between)


NAMED: dict[EasingName, Ramp] = {
    "linear": Ramp(),
    "in": Ramp(start=RAMP),
    "out": Ramp(stop=RAMP),
    "in-out": Ramp(RAMP, RAMP),
}
Easing = EasingName | Ramp | Keyframes | tuple[Point, ...]


def curve(easing: Easing) -> Ramp | Keyframes:
    """The curve of an easing: of its name, of bare keyframes (smooth between), or itself."""
    if isinstance(easing, Ramp | Keyframes):
        return easing
    if isinstance(easing, str):
        if easing not in NAMED:
            raise InvalidInputError(f"An easing is one of {', '.join(NAMED)}, or keyframes; got {easing!r}.")
        return NAMED[easing]
    return Keyframes(tuple(easing))


def on_beats(
    times_s: NDArray[np.float64], beats: tuple[float, ...], length_s: float, strength: float, cyclic: bool = False
) -> NDArray[np.float64]:
    """Time as the beats bend it: where an even motion would be at each of `times_s` (T,), within [0, length_s].

    Between two beats, d seconds apart, the speed of time is 1 + strength cos(2 pi x), x = 0 at the one and 1 at the
    other: 1 + strength on the beats, 1 - strength half-way, without a kink. Its integral

        b(t) = t + strength d / (2 pi) sin(2 pi x)

    is t again on every beat, so that nothing is early or late there. Before the first beat and after the last, half
    such a wave leads from and to the lowest speed (b(t) = t -+ strength d / pi sin(pi x)). If the film is `cyclic`, a
    whole one leads from the last beat on to the first, and b(t) - b(0) is returned, which may be late or early by a
    constant. It grows with t for strengths from 0 to 1, from 0 to length_s. Beats outside that time are left out.
    """
    inside = [beat for beat in beats if 0 <= beat <= length_s]
    if not inside:
        return times_s
    if cyclic:
        around = np.unique([inside[-1] - length_s, *inside, inside[0] + length_s])
        return _between(times_s, around, strength) - _between(np.zeros(1), around, strength)
    first, last = inside[0], inside[-1]
    bent = _between(times_s, np.array(inside), strength) if len(inside) > 1 else times_s
    lead_in = times_s - strength * first / np.pi * np.sin(np.pi * times_s / (first or 1))
    rest = length_s - last
    lead_out = times_s + strength * rest / np.pi * np.sin(np.pi * (times_s - last) / (rest or 1))
    return np.where(times_s < first, lead_in, np.where(times_s > last, lead_out, bent))


def _gained(time: Fractions, ramp: float) -> Fractions:
    """The integral of the smooth step over a ramp from 0 to `time`, in units of the full speed."""
    x = np.clip(time, 0, ramp) / ramp if ramp else np.zeros_like(time)
    return ramp * x**3 * (1 - x / 2)


def _slopes(steps: Fractions, rises: Fractions) -> Fractions:
    """The slope at each point (N,) from the N - 1 steps in time and way: 0 where the way turns, so none overshoots.

    Within, the harmonic mean of the slopes beside, weighted by the steps (Fritsch and Butland 1984, as in SciPy).
    """
    slopes = rises / steps
    if len(slopes) == 1:
        return np.repeat(slopes, 2)
    before, after = slopes[:-1], slopes[1:]
    a, b = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    same = before * after > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # of slopes that are, or are almost, 0
        inner = np.where(same, (a + b) / (a / before + b / after), 0.0)
    first = _end_slope(steps[0], steps[1], slopes[0], slopes[1])
    last = _end_slope(steps[-1], steps[-2], slopes[-1], slopes[-2])
    return np.concatenate([[first], inner, [last]])


def _end_slope(step: float, next_step: float, slope: float, next_slope: float) -> float:
    """The slope of a parabola through the last three points, limited so that the curve stays monotone."""
    found: float = ((2 * step + next_step) * slope - step * next_slope) / (step + next_step)
    if found * slope <= 0:
        return 0.0
    if slope * next_slope < 0 and abs(found) > 3 * abs(slope):
        return 3 * slope
    return found


def _hermite(time: Fractions, times: Fractions, ways: Fractions, slopes: Fractions) -> Fractions:
    """The cubic of Hermite through points with slopes."""
    i = np.clip(np.searchsorted(times, time, side="right") - 1, 0, len(times) - 2)
    step = times[i + 1] - times[i]
    x = (time - times[i]) / step
    rise = ways[i + 1] - ways[i]
    bend = step * (slopes[i] * (1 - x) - slopes[i + 1] * x) + rise * (2 * x - 1)
    found: Fractions = ways[i] + x * rise + x * (1 - x) * bend
    # Rounding could leave the range by an ulp, and a position outside the stack would be refused.
    return np.clip(found, ways.min(), ways.max())


def _between(times_s: NDArray[np.float64], beats: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Whole waves between neighbouring beats."""
    i = np.clip(np.searchsorted(beats, times_s, side="right") - 1, 0, len(beats) - 2)
    apart = beats[i + 1] - beats[i]
    turns = (times_s - beats[i]) / apart
    bent: NDArray[np.float64] = times_s + strength * apart / (2 * np.pi) * np.sin(2 * np.pi * turns)
    return bent
