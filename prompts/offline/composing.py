"""The ladder planner: a wish to a story, without a language model; the same wish and seed give the same story."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.frame import about, manner, negative, story_of, title
from prompts.offline.outline import Outline, outline
from prompts.offline.photograph import wish_of
from prompts.offline.phrases import head
from prompts.offline.understanding import Wish
from prompts.offline.wording import Wording
from prompts.request import PlanRequest
from prompts.schedule import TextLimit, Violation, check_schedule
from prompts.schedule.centre import own_part, split
from prompts.schedule.comparing import leads_to
from prompts.story import Story

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

TRIES = 6  # other ways and words, where the checks find fault with the first
MENDS = 4  # times that levels are said more plainly
FINE = 1.2  # zoom factors below this need more digits of their widths


@dataclass(frozen=True)
class Composed:
    """A story, and sentences about it for the user."""

    story: Story
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """How much a story may say: short names alone (brief), and whether viewpoint and style words are chosen.

    plain: levels that show nothing but what their width looks like, because no thing fits.
    """

    brief: bool = False
    viewpoint: bool = True
    style: bool = True
    plain: frozenset[int] = frozenset()


FORMS = (Form(), Form(style=False), Form(style=False, viewpoint=False), Form(brief=True, style=False, viewpoint=False))


@dataclass(frozen=True)
class _Composer:
    """One wish, and by what its stories are judged."""

    request: PlanRequest
    wish: Wish
    opening: Caption | None
    judge: Callable[[Story], tuple[Violation, ...]]

    def attempts(self, seed: str, mend: bool) -> Iterator[_Judged]:
        """Stories of one seed: shorter and shorter while they are too long; with `mend`, plainer where sizes miss."""
        form = FORMS[0]
        for form in FORMS:
            judged = self._judged(form, seed)
            yield judged
            if all(fault.kind != "length" for fault in judged.faults):
                break
        for _ in range(MENDS if mend else 0):
            if not (missed := _missed(judged.faults) - form.plain):
                break
            form = replace(form, plain=form.plain | missed)
            judged = self._judged(form, seed)
            yield judged

    def _judged(self, form: Form, seed: str) -> _Judged:
        made = self._made(form, seed)
        return _Judged(made, self.judge(made.story))

    def _made(self, form: Form, seed: str) -> Composed:
        found = outline(self.request, self.wish, Random(f"way {seed}"))
        rng = Random(f"words {seed} {self.request.text}")
        shown = [replace(v, kind="empty") if i in form.plain else v for i, v in enumerate(found.views)]
        prompts = Wording(found.way, found.lengths.p, rng, form.brief).prompts(shown)
        if self.opening:
            prompts[0] = _opening(self.opening, prompts)
        viewpoint, style = self._manner(found, form, rng)
        levels = [{"prompt": text, "width_m": width} for text, width in zip(prompts, _widths(found), strict=True)]
        story = story_of(
            {
                "title": title(self.request, found.ends),
                "p": checks.zoom_factor(found.lengths.p),
                "about": about(self.request, found.lengths.schematic),
                "viewpoint": viewpoint,
                "style": style,
                "negative": negative(self.request),
                "levels": levels,
            }
        )
        return Composed(story, (*found.notes, *_shortened(form)))

    def _manner(self, found: Outline, form: Form, rng: Random) -> tuple[str, str]:
        """Viewpoint and style: asked for, the photograph's, or chosen among those that fit all widths."""
        widths = found.lengths.widths()
        viewpoint, style = manner("viewpoints", widths, rng), manner("styles", widths, rng)
        if self.opening:
            viewpoint, style = self.opening.viewpoint or viewpoint, self.opening.style or style
        asked = self.request.viewpoint, self.request.style
        return (
            (viewpoint if form.viewpoint else "") if asked[0] is None else asked[0],
            (style if form.style else "") if asked[1] is None else asked[1],
        )


@dataclass(frozen=True)
class _Judged:
    made: Composed
    faults: tuple[Violation, ...]


def compose(
    request: PlanRequest, limit: TextLimit | None = None, banned: Sequence[str] = (), opening: Caption | None = None
) -> Composed:
    """A story that passes `check_schedule` with the same limit and banned words.

    Raises PlanError for a wish that is not understood, or whose own words the checks refuse (with the draft).
    """
    wish = wish_of(request, opening)
    composer = _Composer(request, wish, opening, lambda story: check_schedule(story, limit, banned))
    tried: list[_Judged] = []
    for attempt in range(TRIES):
        for judged in composer.attempts(f"{request.seed} {attempt}", mend=2 * attempt >= TRIES):
            if not judged.faults:
                return judged.made
            tried.append(judged)
    best = min(tried, key=lambda judged: len(judged.faults))
    said = [str(fault) for fault in best.faults]
    raise PlanError(f"No story that passes the checks came of this wish: {said[0]}", best.made.story, said)


def _missed(faults: Sequence[Violation]) -> set[int]:
    """Levels whose things do not fit their width, and the ones below, which are named in their centres."""
    levels = {fault.level for fault in faults if fault.kind == "size" and fault.level is not None}
    return levels | {level + 1 for level in levels}


def _shortened(form: Form) -> tuple[str, ...]:
    if form.style:
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


def _opening(opening: Caption, prompts: Sequence[str]) -> str:
    """The caption as the first prompt, with what the next level shows in its centre."""
    own = own_part(opening.prompt).rstrip(" .,;")
    if len(prompts) == 1:
        return own
    tried = [f"{own}, {centre} in the centre" for centre in (split(prompts[0])[1], head(own_part(prompts[1])))]
    return next((prompt for prompt in tried if leads_to(prompt, prompts[1])), tried[-1])
