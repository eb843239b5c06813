"""The ladder planner: a wish to a story, without a language model; the same wish and seed give the same story."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.data import read
from prompts.offline.outline import Outline, outline
from prompts.offline.stops import Stop, stops
from prompts.offline.understanding import Wish, understand
from prompts.offline.wording import Wording, head
from prompts.request import PlanRequest
from prompts.schedule import TextLimit, Violation, check_schedule
from prompts.schedule.centre import own_part
from prompts.story import Story

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

TRIES = 6  # other ways and words, where the checks find fault with the first
FINE = 1.2  # zoom factors below this need more digits of their widths
AROUND = 4.0  # how much wider than what is in its middle a photograph is taken to be
SHOWN = 12  # words of a wish that a title holds


@dataclass(frozen=True)
class Composed:
    """A story, and sentences about it for the user."""

    story: Story
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """How much a story may say: short names alone (brief), and whether viewpoint and style words are chosen."""

    brief: bool = False
    viewpoint: bool = True
    style: bool = True


FORMS = (Form(), Form(style=False), Form(style=False, viewpoint=False), Form(brief=True, style=False, viewpoint=False))


def compose(
    request: PlanRequest, limit: TextLimit | None = None, banned: Sequence[str] = (), opening: Caption | None = None
) -> Composed:
    """A story that passes `check_schedule` with the same limit and banned words.

    Raises PlanError for a wish that is not understood, or whose own words the checks refuse (with the draft).
    """
    wish = opened(understand(request), opening) if opening else understand(request)
    drafts: list[tuple[Composed, tuple[Violation, ...]]] = []
    for attempt in range(TRIES):
        for form in FORMS:
            made = _made(request, wish, opening, form, f"{request.seed} {attempt}")
            faults = check_schedule(made.story, limit, banned)
            if not faults:
                return made
            drafts.append((made, faults))
            if all(fault.kind != "length" for fault in faults):
                break
    made, faults = min(drafts, key=lambda draft: len(draft[1]))
    said = [str(fault) for fault in faults]
    raise PlanError(f"No story that passes the checks came of this wish: {said[0]}", made.story, said)


def _made(request: PlanRequest, wish: Wish, opening: Caption | None, form: Form, seed: str) -> Composed:
    found = outline(request, wish, Random(f"way {seed}"))
    rng = Random(f"words {seed}")
    prompts = Wording(found.way, found.lengths.p, rng, form.brief).prompts(found.views)
    if opening:
        prompts[0] = _opening(opening, prompts)
    viewpoint, style = _manner(request, opening, found, form, rng)
    levels = [{"prompt": text, "width_m": width} for text, width in zip(prompts, _widths(found), strict=True)]
    story = Story.model_validate(
        {
            "title": title(request, found.ends),
            "p": checks.zoom_factor(found.lengths.p),
            "about": about(request, found.lengths.schematic),
            "viewpoint": viewpoint,
            "style": style,
            "negative": read("manner.yaml")["negative"] if request.negative is None else request.negative,
            "levels": levels,
        }
    )
    return Composed(story, (*found.notes, *_shortened(form)))


def _shortened(form: Form) -> tuple[str, ...]:
    if form == FORMS[0]:
        return ()
    left = "Style words are" if form.viewpoint else "Viewpoint and style words are"
    also = ", and things have their short names," if form.brief else ""
    return (f"{left} left out{also} because the text encoder reads little.",)


def _widths(found: Outline) -> Iterator[float | None]:
    for width in found.lengths.widths():
        if found.lengths.schematic:
            yield None
        else:
            yield float(f"{width:.3g}") if found.lengths.step >= FINE else width


def _manner(request: PlanRequest, opening: Caption | None, found: Outline, form: Form, rng: Random) -> tuple[str, str]:
    """Viewpoint and style: asked for, the photograph's, or chosen among those that fit all widths."""
    widths = found.lengths.widths()

    def chosen(kind: str) -> str:
        fitting = [
            str(entry["words"])
            for entry in read("manner.yaml")[kind]
            if float(entry.get("widest", 1e99)) >= widths[0] and float(entry.get("deepest", 0)) <= widths[-1]
        ]
        return rng.choice(fitting)

    viewpoint, style = chosen("viewpoints"), chosen("styles")
    if opening:
        viewpoint, style = opening.viewpoint or viewpoint, opening.style or style
    viewpoint = viewpoint if form.viewpoint else ""
    style = style if form.style else ""
    return (
        viewpoint if request.viewpoint is None else request.viewpoint,
        style if request.style is None else request.style,
    )


def title(request: PlanRequest, ends: Sequence[str]) -> str:
    """The title asked for, or the names of the ends."""
    if request.title:
        return request.title
    said = re.sub(r"[^\w\s'.,+-]", " ", " to ".join(ends))
    words = " ".join(re.sub(r"\.{2,}", ".", said).split()[: 2 * SHOWN])[: checks.MAX_TITLE]
    return f"{words[:1].upper()}{words[1:]}" or "Story"


def about(request: PlanRequest, schematic: bool) -> str:
    """How the story came about."""
    text = checks.FORBIDDEN.sub(" ", " ".join(request.text.split()))
    said = f" from '{text}'" if text else " between two widths"
    scale = " Its levels are schematic, so no widths are given." if schematic else ""
    return f"Composed from the scale ladder{said}, seed {request.seed}.{scale}"


def opened(wish: Wish, opening: Caption) -> Wish:
    """The wish with the photograph as its widest view, and what stands in its middle on the way."""
    shown = next((s for s in stops(opening.subject) if s.thing), None)
    width = opening.width_m or (wish.stops[0].size_m if len(wish.stops) > 1 else None)
    width = width or (AROUND * shown.size_m if shown else AROUND * wish.stops[0].size_m)
    deeper = [s for s in wish.stops if s.size_m < width]
    if shown and deeper and deeper[-1].size_m < shown.size_m < width:
        deeper.append(shown)
    if not deeper:
        return replace(wish, stops=(Stop(0, 0, width_m=width), Stop(0, 0, width_m=width / AROUND**3)))
    return replace(wish, stops=(Stop(0, 0, width_m=width), *sorted(deeper, key=lambda s: -s.size_m)))


def _opening(opening: Caption, prompts: Sequence[str]) -> str:
    """The caption as the first prompt, with what the next level shows in its centre."""
    own = own_part(opening.prompt).rstrip(" .,;")
    return f"{own}, {head(own_part(prompts[1]))} in the centre" if len(prompts) > 1 else own
