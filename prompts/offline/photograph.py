"""A wish that begins with a photograph: its view is the widest, and what stands in its middle is on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prompts.errors import PlanError, shown
from prompts.offline.stops import Stop, called, plain, stops
from prompts.offline.understanding import HOW, Wish, understand
from prompts.request import PlanRequest
from prompts.scales.thing import Thing
from prompts.scales.units import say_length
from prompts.schedule.centre import own_part

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

AROUND = 4.0  # how much wider than what is in its middle a photograph is taken to be
INSIDE = 8.0  # how far into that the zoom goes where nothing else is asked for
LONGEST = 14  # words of a caption that stand around what is in its middle


def wish_of(request: PlanRequest, opening: Caption | None) -> Wish:
    """What is to be seen: what the request says, below the photograph where there is one.

    Raises PlanError as `understand` does, also where the photograph's middle is all that was asked for and is unknown.
    """
    if opening is None:
        return understand(request)
    middle = next((stop for stop in stops(opening.subject) if stop.thing), None)
    if middle is None and request.text.strip() == opening.subject.strip():
        raise PlanError(f"In its middle the photograph shows {shown(opening.subject)}, which is not known here. {HOW}")
    return _below(understand(request), opening, middle)


def _below(wish: Wish, opening: Caption, middle: Stop | None) -> Wish:
    first = wish.stops[0].view_m if len(wish.stops) > 1 else AROUND * (middle or wish.stops[0]).size_m
    width = opening.width_m or first
    deeper = [stop for stop in wish.stops if stop.size_m < width and not (stop.thing is None and stop.size_m == first)]
    through = middle if middle and middle.size_m < width and all(s.size_m <= middle.size_m for s in deeper) else None
    if through and through.thing:
        deeper = [s for s in deeper if s.thing is None or s.thing.id != through.thing.id]
        deeper.insert(0, _seen(through, through.thing, opening))
    if not deeper or (len(deeper) == 1 and through):
        deeper.append(Stop(0, 0, width_m=(deeper[0].size_m if deeper else width) / INSIDE))
    notes = wish.notes
    if len(wish.stops) == 1 and wish.stops[0].size_m >= width:
        too_large = f"{shown(wish.stops[0].name)} is larger than the photograph's view of {say_length(width)}"
        notes += (f"{too_large}, and left out.",)
    return replace(wish, stops=(Stop(0, 0, width_m=width), *deeper), notes=notes, photograph=through is not None)


def _seen(middle: Stop, thing: Thing, opening: Caption) -> Stop:
    """What stands in the middle, in the photograph's words for it and for what is around it."""
    around = " ".join(own_part(opening.prompt).replace(",", " and", 1).split(",")[0].split()[:LONGEST]).rstrip(" .;")
    return replace(middle, thing=called(thing, plain(opening.subject)).model_copy(update={"around": around}))
