"""What of a schedule is fixed before a model is asked: how many levels, how far apart, from which width on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.lengths import fit
from prompts.offline.understanding import ends_m
from prompts.request import PlanRequest
from prompts.scales.units import say_length

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

FREE_P = 4  # where the model chooses the ends: few levels lead far
ZOOM = 1.2  # ends whose widths differ by less are one view
DIGITS = 4  # of widths in a story: enough that p^i never drifts from them


@dataclass(frozen=True)
class Frame:
    """The grid of widths: level i shows widest_m / step ** i metres.

    levels, widest_m: None where the model chooses. step: the factor between the widths of two levels; it is p, unless
    the schedule is schematic: then levels are even steps on a way that p does not cover, and the story holds no widths.
    """

    p: float
    step: float
    levels: int | None = None
    widest_m: float | None = None
    schematic: bool = False

    def width_m(self, level: int, widest_m: float) -> float:
        """The width of a level's view in metres, rounded."""
        width = math.exp(math.log(widest_m) - level * math.log(self.step))
        return max(checks.MIN_WIDTH_M, float(f"{width:.{DIGITS}g}"))

    def most(self, widest_m: float) -> int:
        """How many levels there are at most: what is asked for and the story format allow."""
        room = math.log(widest_m / checks.MIN_WIDTH_M) / math.log(self.step)
        return min(self.levels or checks.MAX_LEVELS, int(room + 1e-6) + 1)


def framed(request: PlanRequest, opening: Caption | None = None) -> tuple[Frame, tuple[str, ...]]:
    """What the wish fixes, and notes about it for the user. A photograph that opens the story gives level 0 its width.

    Words of the wish that the scale ladder does not know leave the ends to the model. Raises PlanError where levels, p
    and ends cannot be had together.
    """
    ends = ends_m(request)
    exact = request.widths_m is not None
    opened = None if opening is None or exact else opening.width_m
    if opened is not None:
        ends, exact = (opened, ends[1]) if ends and ends[1] < opened else None, True
    if ends is not None and request.levels != 1 and ends[0] < ZOOM * ends[1]:
        raise PlanError(f"From {say_length(ends[0])} to {say_length(ends[1])} is no zoom. Name ends farther apart.")
    p = request.p if ends is not None or request.p is not None else FREE_P
    lengths = fit(ends, request.levels, p, exact=exact)
    widest_m = lengths.widest_m or opened
    frame = Frame(float(lengths.p), lengths.step, lengths.levels, widest_m, lengths.schematic)
    if frame.levels and frame.most(widest_m or checks.MAX_WIDTH_M) < frame.levels:
        raise PlanError(
            f"{frame.levels} levels of p = {frame.p:g} are more than there is between the largest and the smallest "
            f"view. Ask for fewer levels or a smaller p."
        )
    return frame, lengths.notes
