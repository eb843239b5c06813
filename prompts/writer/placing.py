"""A draft's rows on the grid of widths: where each one stands, which are doubled, what lies outside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from prompts.checks import MAX_WIDTH_M, WIDTH_TOLERANCE
from prompts.errors import ReplyError
from prompts.scales.units import say_length
from prompts.writer.draft import Row
from prompts.writer.frame import DIGITS, Frame

APART = 0.3  # of a step: rows that are nearer to each other show one level
KEPT = 0.75  # of the rows: where fewer stand in order, there is none
ROUNDING = 0.3  # of a step: by so much may the steps of a draft that is shifted as a whole differ from ours


@dataclass(frozen=True)
class Placed:
    """Rows by level (0 is widest_m wide); `changes` says in sentences what was moved, merged or left out."""

    widest_m: float
    rows: dict[int, Row]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class _Seat:
    """A row, the level it goes to, and how far from that its own width lies (in steps; infinite: placed by order)."""

    row: Row
    level: int
    off: float


def place(rows: Sequence[Row], frame: Frame) -> Placed:
    """Each row at the level to which its width is nearest; rows without a width, or out of order, between the others.

    The nearest row to a level stays where there are several. Where the number of levels is right and their steps are
    not, the order is believed and not the widths. Raises ReplyError where no row states a width and none is fixed: then
    nothing tells the scale.
    """
    rows, changes = _ordered(rows, frame)
    depths = [_depth(row, frame) for row in rows]
    if len(rows) == frame.levels and not _even(depths):
        first = next((i for i, depth in enumerate(depths) if depth is not None and frame.widest_m is None), None)
        depths = [depth if i == first else None for i, depth in enumerate(depths)]
    chain = _falling(depths)
    origin = _origin(depths, chain, frame)
    seats = _seats(rows, depths, set(chain), origin)
    widest_m = frame.widest_m or _metres(origin, frame)
    return Placed(widest_m, _seated(seats, frame, widest_m, changes), tuple(changes))


def _depth(row: Row, frame: Frame) -> float | None:
    """How many steps the row's width lies below one metre."""
    return None if row.width_m is None else -math.log(row.width_m) / math.log(frame.step)


def _ordered(rows: Sequence[Row], frame: Frame) -> tuple[Sequence[Row], list[str]]:
    """The rows from the widest to the deepest where they came the other way round or in no order; what was done."""
    depths = [_depth(row, frame) for row in rows]
    forth, back = len(_falling(depths)), len(_falling(depths[::-1]))
    told = sum(depth is not None for depth in depths)
    if back > max(forth, told / 2, 1):
        return rows[::-1], ["The levels came from the deepest to the widest and were turned."]
    by_width = sorted(rows, key=lambda row: -(row.width_m or 0.0))
    if forth < KEPT * told and _even([_depth(row, frame) for row in by_width]):
        return by_width, ["The levels came in no order and were sorted by their widths."]
    return rows, []


def _even(depths: Sequence[float | None]) -> bool:
    """Whether at least half of the steps are ours."""
    steps = [b - a for a, b in itertools.pairwise(depths) if a is not None and b is not None]
    return 2 * sum(abs(step - 1) < ROUNDING for step in steps) >= len(depths) - 1


def _falling(depths: Sequence[float | None]) -> list[int]:
    """The longest chain of rows of which each is deeper than the one before: those whose widths can be believed."""
    chains: dict[int, list[int]] = {}
    for i, depth in enumerate(depths):
        if depth is not None:
            before = [chain for j, chain in chains.items() if depth - (depths[j] or 0.0) > APART]
            chains[i] = [*max(before, key=len, default=[]), i]
    return max(chains.values(), key=len, default=[])


def _origin(depths: Sequence[float | None], chain: Sequence[int], frame: Frame) -> float:
    """The depth of level 0: that of the first row that is believed, less the rows before it, unless it is fixed."""
    fixed = None if frame.widest_m is None else -math.log(frame.widest_m) / math.log(frame.step)
    if not chain:
        if fixed is None:
            raise ReplyError("No level states its width. Give the field of view of every level in metres as width_m.")
        return fixed
    first = (depths[chain[0]] or 0.0) - chain[0]
    if fixed is None:
        return max(first, -math.log(MAX_WIDTH_M) / math.log(frame.step))
    return first if _shifted(depths, frame) else fixed


def _shifted(depths: Sequence[float | None], frame: Frame) -> bool:
    """Whether the draft has all levels and the right steps, all off by one factor: kilometres for metres."""
    told = [depth for depth in depths if depth is not None]
    return len(told) == len(depths) == frame.levels and all(
        abs(after - before - 1) < ROUNDING for before, after in itertools.pairwise(told)
    )


def _metres(depth: float, frame: Frame) -> float:
    return min(float(f"{math.exp(-depth * math.log(frame.step)):.{DIGITS}g}"), MAX_WIDTH_M)


def _seats(rows: Sequence[Row], depths: Sequence[float | None], believed: set[int], origin: float) -> list[_Seat]:
    seats: list[_Seat] = []
    for i, (row, depth) in enumerate(zip(rows, depths, strict=True)):
        if i in believed and depth is not None:
            level = round(depth - origin)
            seats.append(_Seat(row, level, abs(depth - origin - level)))
        elif depth is not None and seats and abs(depth - origin - seats[-1].level) < APART:  # once more the same
            seats.append(_Seat(row, seats[-1].level, abs(depth - origin - seats[-1].level)))
        else:
            seats.append(_Seat(row, seats[-1].level + 1 if seats else 0, math.inf))
    return seats


def _seated(seats: Sequence[_Seat], frame: Frame, widest_m: float, changes: list[str]) -> dict[int, Row]:
    """The nearest row of each level, those outside left out; what was done is added to `changes`."""
    best: dict[int, _Seat] = {}
    for seat in seats:
        if not 0 <= seat.level < frame.most(widest_m):
            side = "wider than the first" if seat.level < 0 else "beyond the last"
            changes.append(f"{_said(seat.row)} is {side} level and was left out.")
        elif seat.level in best:
            kept, other = sorted((best[seat.level], seat), key=lambda s: s.off)
            best[seat.level] = kept
            changes.append(f"{_said(other.row)} shows level {seat.level} once more and was merged with it.")
        else:
            best[seat.level] = seat
    changes += [said for level, seat in sorted(best.items()) if (said := _moved(seat, frame, widest_m))]
    return {level: seat.row for level, seat in sorted(best.items())}


def _moved(seat: _Seat, frame: Frame, widest_m: float) -> str:
    width = frame.width_m(seat.level, widest_m)
    told = seat.row.width_m
    if told is not None and abs(math.log(told / width)) <= math.log(1 + WIDTH_TOLERANCE):
        return ""
    came = "stated no width" if told is None else f"stated {say_length(told)}"
    return f"Level {seat.level} {came} and was set to {say_length(width)}."


def _said(row: Row) -> str:
    width = "no width" if row.width_m is None else say_length(row.width_m)
    return f"'{row.prompt[:40]}' ({width})"
