"""How many levels, of which zoom factor, from which width: what a wish leaves open is computed here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prompts import checks
from prompts.errors import PlanError
from prompts.scales.units import say_length

USUAL = (2, 3, 4, 8, 10, 16)  # zoom factors to choose from where the wish names none
FEW = 16  # levels that a plan has at most where nobody asked for a number
SINGLE = 8  # levels around a single thing
SLACK = 3.0  # factor by which the view of a thing may be wider or narrower than usual
EXACT = 2.0  # the same for a deepest width that was asked for in metres
DEEPEST, WIDEST = checks.MIN_WIDTH_M * 1.01, checks.MAX_WIDTH_M / 1.01  # with room for rounding
SCHEMATIC_P = 2  # of a story whose levels cannot be true to scale

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Room:
    """Where the widest and the deepest view may lie, in metres: smallest and largest width of each.

    exact: the deepest was asked for in metres, so that it is told where it moves.
    """

    wide: Bounds
    deep: Bounds
    exact: bool = False


@dataclass(frozen=True)
class Lengths:
    """The grid of a story. levels None: free. widest_m None: no widths are known.

    step: the factor between the views of neighbouring levels; p unless the story is schematic, which has fewer or more
    levels than its ends need and therefore states no widths. notes: sentences for the user.
    """

    p: float
    levels: int | None
    widest_m: float | None
    step: float
    schematic: bool = False
    notes: tuple[str, ...] = ()

    def widths(self) -> tuple[float, ...]:
        """The width of every level in metres, true or (where schematic) as the even rungs stand for."""
        if self.widest_m is None or self.levels is None:
            return ()
        return tuple(self.widest_m / self.step**i for i in range(self.levels))


def fit(
    ends_m: Bounds | None, levels: int | None, p: float | None, *, exact: bool = False, room: Room | None = None
) -> Lengths:
    """The grid from a widest to a deepest view (metres, the larger first).

    exact: the ends are widths that were asked for, else they are the usual views of things and have room. Raises
    PlanError where the ends are too far apart for the p asked for.
    """
    if ends_m is None:
        return Lengths(p or SCHEMATIC_P, levels, None, p or SCHEMATIC_P)
    room = room or usual_room(ends_m, exact)
    if levels == 1:
        note = "One level shows the widest view alone."
        return Lengths(p or SCHEMATIC_P, 1, ends_m[0], p or SCHEMATIC_P, notes=(note,))
    if levels is None:
        factor, steps = _steps(ends_m, p)
        return _true(ends_m, room, factor, min(steps, int(math.log(DEEPEST / WIDEST) / -math.log(factor))))
    steps, known = levels - 1, USUAL if p is None else (p,)
    fitting = [f for f in (range(2, checks.MAX_P + 1) if p is None else known) if _feasible(room, f, steps)]
    if fitting:
        return _true(ends_m, room, min(fitting, key=lambda f: abs(_excess(ends_m, f, steps))), steps)
    return _schematic(ends_m, levels, p)


def around(size_m: float, levels: int | None, p: float | None, bounds: Bounds) -> Lengths:
    """The grid around one thing: rather more of its insides than of its surroundings within bounds (deep, wide)."""
    factor, steps = p or SCHEMATIC_P, (levels or SINGLE) - 1
    deep, wide = bounds
    if steps and factor**steps > wide / deep * 1.01:
        return _schematic((wide, deep), steps + 1, p)
    inside, outside = (
        math.floor(math.log(ratio) / math.log(factor) + 1e-9) for ratio in (size_m / deep, wide / size_m)
    )
    above = min(max(round(0.45 * steps), steps - inside), outside)  # of whole steps, so that one view fits the thing
    return Lengths(factor, steps + 1, size_m * factor**above, factor)


def usual_room(ends_m: Bounds, exact: bool) -> Room:
    """How far the ends may move."""
    wide, deep = ends_m
    if exact:
        return Room((wide, wide), (max(DEEPEST, deep / EXACT), deep * EXACT), exact=True)
    return Room((wide / SLACK, min(WIDEST, wide * SLACK)), (max(DEEPEST, deep / SLACK), deep * SLACK))


def _excess(ends_m: Bounds, p: float, steps: int) -> float:
    """Natural logarithm of how much farther the steps lead than the ends are apart."""
    return steps * math.log(p) - math.log(ends_m[0] / ends_m[1])


def _feasible(room: Room, p: float, steps: int) -> bool:
    nearest, farthest = math.log(room.wide[0] / room.deep[1]), math.log(room.wide[1] / room.deep[0])
    return nearest - 1e-9 <= steps * math.log(p) <= farthest + 1e-9


def _steps(ends_m: Bounds, p: float | None) -> tuple[float, int]:
    """The zoom factor, and the steps of it that lead from end to end."""

    def count(factor: float) -> int:
        return max(1, round(math.log(ends_m[0] / ends_m[1]) / math.log(factor)))

    if p is None:
        p = next((f for f in USUAL if count(f) < FEW), USUAL[-1])
    if count(p) < checks.MAX_LEVELS:
        return p, count(p)
    enough = [f for f in range(2, checks.MAX_P + 1) if count(f) < checks.MAX_LEVELS]
    remedy = f"ask for p = {enough[0]} or more." if enough else "name ends that are nearer to each other."
    needed = f"The way {_far(ends_m)} takes {count(p) + 1:,} levels at p = {p:g}"
    raise PlanError(f"{needed}, and a story has at most {checks.MAX_LEVELS}: {remedy}")


def _true(ends_m: Bounds, room: Room, p: float, steps: int) -> Lengths:
    """Widths true to scale: what the steps lead too far or too short is shared by the ends, each within its room."""
    (wide, deep), excess = ends_m, _excess(ends_m, p, steps)
    if excess > 0:
        outer, inner = math.log(room.wide[1] / wide), math.log(deep / room.deep[0])
    else:
        outer, inner = math.log(wide / room.wide[0]), math.log(room.deep[1] / deep)
    share = outer / (outer + inner) if outer + inner > 0 else 0.0
    widest = _allowed(wide * math.exp(excess * share), p, steps)
    return Lengths(p, steps + 1, widest, p, notes=_moved(ends_m, widest, p, steps, room))


def _allowed(widest: float, p: float, steps: int) -> float:
    """The width, moved to where all levels are within what a story may state."""
    return min(WIDEST, max(widest, DEEPEST * p**steps))


def _moved(ends_m: Bounds, widest: float, p: float, steps: int, room: Room) -> tuple[str, ...]:
    """A note where an end that was asked for in metres had to move."""
    deepest = widest / p**steps
    if not room.exact or 0.9 < deepest / ends_m[1] < 1.1:
        return ()
    said = f"The deepest view is {say_length(deepest)} wide instead of {say_length(ends_m[1])}"
    return (f"{said}: {steps} steps of p = {p:g} lead there.",)


def _schematic(ends_m: Bounds, levels: int, p: float | None) -> Lengths:
    factor = p or SCHEMATIC_P
    step = (ends_m[0] / ends_m[1]) ** (1 / (levels - 1))
    steps = math.log(ends_m[0] / ends_m[1]) / math.log(factor)
    true = f"at p = {factor:g} true scale takes {max(2, round(steps) + 1)}"
    note = (
        f"Schematic: {_far(ends_m)} is a zoom of {ends_m[0] / ends_m[1]:.2g} times, and {levels} levels show it in "
        f"even steps of about {step:.3g} ({true}), so no widths are given.{_way(ends_m)}"
    )
    return Lengths(factor, levels, ends_m[0], step, schematic=True, notes=(note,))


def _way(ends_m: Bounds) -> str:
    """How to get it true to scale."""
    ratio = math.log(ends_m[0] / ends_m[1])
    ways = [(f, max(1, round(ratio / math.log(f))) + 1) for f in USUAL]
    p, levels = next(((f, n) for f, n in ways if n <= 24), ways[-1])
    return f" True to scale: --p {p} --levels {levels}." if levels <= checks.MAX_LEVELS else ""


def _far(ends_m: Bounds) -> str:
    return f"from {say_length(ends_m[0])} to {say_length(ends_m[1])}"
