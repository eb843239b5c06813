"""Stories in the words of the bundled model, whose world has twelve kinds of things and no metres."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError
from prompts.offline import vocabulary
from prompts.offline.composing import Composed
from prompts.offline.data import read
from prompts.offline.frame import story_of, title
from prompts.offline.lengths import SCHEMATIC_P
from prompts.offline.photograph import wish_of
from prompts.offline.stops import Stop
from prompts.offline.understanding import Wish, text_of
from prompts.offline.vocabulary import classes
from prompts.request import PlanRequest
from prompts.schedule import TextLimit, check_schedule
from prompts.story import Story

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

USUAL, MOST = 8, 16  # levels where nobody asked for a number: at least, and at most


def compose_bundled(
    request: PlanRequest, limit: TextLimit | None = None, banned: Sequence[str] = (), opening: Caption | None = None
) -> Composed:
    """A story that says only what the bundled model was taught, deterministic by the request's seed.

    Every level names the next one's phrase in its centre, and classes never go back. There are no widths, no viewpoint
    and no style. Raises PlanError for a wish that is not understood or asks for more levels than there are phrases.
    """
    wish = wish_of(request, opening)
    places = _between(wish, request.levels)
    count = request.levels or min(MOST, max(USUAL, len(places)))
    if count > vocabulary.most() * len(places):
        raise PlanError(
            f"The bundled model has words for {vocabulary.most() * len(places)} different levels from "
            f"{classes()[places[0]].name} to {classes()[places[-1]].name}, and {count} were asked for. Ask for fewer, "
            "or for ends that are farther apart."
        )
    rng = Random(f"bundled {request.seed}")
    said = _phrases(_thinned(places, count), count, _wanted(text_of(request), wish), rng)
    story = _story(request, wish, said)
    if faults := check_schedule(story, limit, banned):
        raise PlanError(f"The words of the bundled model do not pass the checks: {faults[0]}", story, map(str, faults))
    return Composed(story, (*wish.notes, *_notes(request, wish, opening)))


def _place(stop: Stop) -> int:
    """The class that is put for a stop: that of the thing, else the nearest in size."""
    if stop.thing is not None and stop.thing.bundled is not None:
        return vocabulary.index_of(stop.thing.bundled)
    return vocabulary.nearest(stop.size_m)


def _between(wish: Wish, levels: int | None) -> list[int]:
    """The classes from end to end; around a single one, as many more as the levels need."""
    places = [_place(stop) for stop in wish.stops]
    first, last = min(places), max(places)
    if first == last:
        more = -(-(levels or USUAL) // 3) - 1  # about three views of each
        deeper = min(len(classes()) - 1, last + (more + 1) // 2)
        first = max(0, deeper - more)
        last = min(len(classes()) - 1, first + more)
    return list(range(first, last + 1))


def _thinned(places: list[int], count: int) -> list[int]:
    """At most `count` classes, evenly, with both ends."""
    if count >= len(places):
        return places
    if count == 1:
        return places[:1]
    return [places[round(i * (len(places) - 1) / (count - 1))] for i in range(count)]


def _wanted(text: str, wish: Wish) -> dict[int, str]:
    """Colours that the user gave to things."""
    said = {_place(s): vocabulary.colour_in(text[s.start : s.end]) for s in wish.stops if s.thing}
    return {place: colour for place, colour in said.items() if colour}


def _phrases(places: list[int], count: int, wanted: dict[int, str], rng: Random) -> list[str]:
    """A phrase per level, the levels shared evenly among the classes."""
    chosen = vocabulary.colours(places, wanted, rng)
    share, more = divmod(count, len(places))
    favoured = set(rng.sample(range(len(places)), more))
    return [
        phrase
        for i, (place, colour) in enumerate(zip(places, chosen, strict=True))
        for phrase in vocabulary.phrases(classes()[place], colour, share + (i in favoured), rng)
    ]


def _story(request: PlanRequest, wish: Wish, said: list[str]) -> Story:
    centre = read("bundled.yaml")["centre"]
    levels = [f"{outer} with {inner} {centre}" for outer, inner in itertools.pairwise(said)]
    ends = dict.fromkeys(stop.name for stop in (wish.stops[0], wish.stops[-1]))
    return story_of(
        {
            "title": title(request, tuple(ends)),
            "p": checks.zoom_factor(request.p or SCHEMATIC_P),
            "about": (
                f"In the vocabulary of the bundled model, composed by rule with seed {request.seed}. Its world is "
                "schematic, so no widths are given."
            ),
            "negative": request.negative or "",
            "levels": [*levels, said[-1]],
        }
    )


def _notes(request: PlanRequest, wish: Wish, opening: Caption | None) -> tuple[str, ...]:
    """What was put for what, and what was left out."""
    put = {s.name: classes()[_place(s)].name for s in wish.stops}
    other = [f"{name} as {shown}" for name, shown in put.items() if shown not in name]
    notes = ["The bundled model knows twelve kinds of things" + (f": {', '.join(other)}." if other else ".")]
    if request.viewpoint or request.style or opening:
        notes.append("It was taught no viewpoint, style or caption, so these are left out.")
    return tuple(notes)
