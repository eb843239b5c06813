"""How wide a view is, in metres and in words, and the bar that shows it."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from zoomlib.errors import InvalidInputError

SHARE = 0.35
"""The longest bar, as a share of the frame's width; 1-2-5 steps make the shortest 2.5 times shorter."""
_STEPS = (1, 2, 5, 10)
_ROUNDING = 1e-9
_LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Unit:
    """A unit of length of `metres`, said from `least` of it on."""

    name: str
    metres: float
    least: float = 1.0


UNITS = (
    Unit("light years", 9_460_730_472_580_800.0, 0.1),  # IAU: a Julian year
    Unit("AU", 149_597_870_700.0, 0.1),  # IAU 2012, resolution B2
    Unit("km", 1e3),
    Unit("m", 1.0),
    Unit("cm", 1e-2),
    Unit("mm", 1e-3),
    Unit("µm", 1e-6),
    Unit("nm", 1e-9, 0.1),
    Unit("pm", 1e-12),
    Unit("fm", 1e-15, 0.1),
)
"""From the widest; what is narrower is said in metres and a power of ten."""


def width_at(position: float, widths_m: Sequence[float | None], factors: Sequence[float]) -> float | None:
    """Width of the view at a level position in metres; None where no level has a width.

    `widths_m` holds one entry per level, None where nobody said it, and `factors` p of each step (one more for a closed
    loop, whose positions go on beyond the last level). Between two known levels the width is log-linear in the zoom;
    beyond them it follows from the factors. Raises InvalidInputError for lengths that do not fit, for widths and
    factors that are not finite or too small, and for a position outside the levels.
    """
    zooms, known = _known(tuple(widths_m), tuple(factors))
    if not 0 <= position <= len(zooms) - 1:
        raise InvalidInputError(f"Position {position!r} is outside the levels 0 to {len(zooms) - 1}.")
    if not known:
        return None
    level = min(int(position), max(len(zooms) - 2, 0))
    zoom = zooms[level] + (position - level) * (zooms[level + 1] - zooms[level]) if len(zooms) > 1 else 0.0
    return math.exp(_log_width(zoom, known))


def in_words(metres: float) -> str:
    """A length in two significant digits for people: "3.2 million light years", "12 km", "40 µm", "0.1 nm".

    Raises InvalidInputError unless it is finite and above 0.
    """
    _check_width(metres)
    rounded = float(f"{metres:.1e}")
    unit = _unit(rounded)
    if unit is None:
        digits, _, power = f"{metres:.1e}".partition("e")
        return f"{digits.removesuffix('.0')} × 10{str(int(power)).translate(_SUPERSCRIPTS)} m"
    return _said(float(f"{metres / unit.metres:.1e}"), unit)


def bar(width_m: float, frame_px: float) -> tuple[float, str]:
    """The scale bar of a view of `width_m` on `frame_px` pixels: its length in pixels, and what it says.

    The longest of 1, 2, 5, 10, ... of a unit that takes no more than SHARE of the frame; at least 14 % of it. Raises
    InvalidInputError unless both are finite and above 0.
    """
    _check_width(width_m)
    if not 0 < frame_px < math.inf:
        raise InvalidInputError(f"A scale bar is drawn on a frame of some pixels, not {frame_px!r}.")
    longest = width_m * SHARE
    unit = _unit(longest) or Unit("m", 1.0)
    power = 10.0 ** math.floor(math.log10(longest / unit.metres * (1 + _ROUNDING)))
    steps = [step * power for step in _STEPS if step * power * unit.metres <= longest * (1 + _ROUNDING)]
    said = in_words(steps[-1]) if unit.name == "m" and steps[-1] < 1 else _said(steps[-1], unit)
    return steps[-1] * unit.metres / width_m * frame_px, said


def share_in_view(frame: tuple[int, int], level: tuple[int, int], margin: float = 1.0) -> float:
    """How much of a level's width a frame shows, both as (width, height), when it fills the frame at its position.

    A frame of another shape shows the largest centred part; `margin` is the camera's constant magnification.
    """
    return min(frame[0] / frame[1] / (level[0] / level[1]), 1.0) / margin


def _check_width(metres: float) -> None:
    if not 0 < metres < math.inf:
        raise InvalidInputError(f"A view is some metres wide, not {metres!r}. Give a number above 0.")


@lru_cache(maxsize=16)
def _known(
    widths_m: tuple[float | None, ...], factors: tuple[float, ...]
) -> tuple[list[float], list[tuple[float, float]]]:
    """Log zoom of every level, and (log zoom, log width) of those whose width is known."""
    if len(factors) not in (len(widths_m) - 1, len(widths_m)) or not widths_m:
        raise InvalidInputError(
            f"{len(widths_m)} widths need {max(len(widths_m) - 1, 0)} factors between them, not {len(factors)}. "
            "Give one width per level, None where it is not known."
        )
    if not all(1 < factor < math.inf for factor in factors):
        raise InvalidInputError(f"Zoom factors are numbers above 1, not {factors!r}.")
    for width in filter(lambda width: width is not None, widths_m):
        _check_width(width or 0.0)
    zooms = list(accumulate(map(math.log, factors), initial=0.0))
    return zooms, [(zoom, math.log(m)) for zoom, m in zip(zooms, widths_m, strict=False) if m is not None]


def _log_width(zoom: float, known: Sequence[tuple[float, float]]) -> float:
    after = bisect_right(known, (zoom, math.inf))
    if after in (0, len(known)):
        at, log_width = known[max(after - 1, 0)]
        return log_width - (zoom - at)
    (x0, y0), (x1, y1) = known[after - 1 : after + 1]
    return y0 + (zoom - x0) / (x1 - x0) * (y1 - y0)


def _unit(metres: float) -> Unit | None:
    """The largest unit of which there is enough."""
    return next((unit for unit in UNITS if metres >= unit.least * unit.metres * (1 - _ROUNDING)), None)


def _said(value: float, unit: Unit) -> str:
    if unit.name == "light years" and abs(value - 1) < _ROUNDING:
        return "1 light year"
    for size, word in _LARGE:
        if value >= size * (1 - _ROUNDING):
            return f"{value / size:.3g} {word} {unit.name}"
    return f"{value:,.0f} {unit.name}" if value >= 10 else f"{value:.2g} {unit.name}"
