"""What of a schedule is fixed before a model is asked: how many levels, how far apart, from which width on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.lengths import Lengths, fit
from prompts.offline.outline import outline
from prompts.offline.understanding import ends_m, understand
from prompts.request import PlanRequest

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

FREE_P = 4  # where the model chooses the ends: few levels lead far
ZOOM = 1.2  # what is not so many times as small as a photograph's view does not lie in it
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
    and ends cannot be had together, or nothing is wished for.
    """
    lengths = _opened(request, opening) if opening is not None and request.widths_m is None else _named(request)
    frame = Frame(float(lengths.p), lengths.step, lengths.levels, lengths.widest_m, lengths.schematic)
    if frame.levels and frame.most(frame.widest_m or checks.MAX_WIDTH_M) < frame.levels:
        raise PlanError(
            f"{frame.levels} levels of p = {frame.p:g} are more than there is between the largest and the smallest "
            f"view. Ask for fewer levels or a smaller p."
        )
    return frame, lengths.notes


def _named(request: PlanRequest) -> Lengths:
    """The grid that the offline planner would take, where it knows what is named."""
    if request.widths_m is not None:
        request = request.model_copy(update={"text": ""})  # the model reads it, and the widths say where it goes
    try:
        wish = understand(request)
    except PlanError:
        if request.widths_m is not None or not request.text.strip():
            raise
        return _free(request)
    if len(wish.stops) == 1 and wish.notes:  # one thing of several: the others are known to the model perhaps
        return _free(request)
    return outline(request, wish, Random(request.seed)).lengths


def _opened(request: PlanRequest, opening: Caption) -> Lengths:
    """The grid from the width of a photograph on, to the smallest thing that is named."""
    ends, widest_m = ends_m(request), opening.width_m
    if widest_m is None:
        return _free(request)
    if ends is None or ends[1] * ZOOM > widest_m:
        return replace(_free(request), widest_m=widest_m)
    return fit((widest_m, ends[1]), request.levels, request.p, exact=True)


def _free(request: PlanRequest) -> Lengths:
    """The grid where the model chooses the ends."""
    return fit(None, request.levels, request.p or FREE_P)
