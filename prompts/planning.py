"""A wish to a story: by a language model where a service is given, else by the ladder planner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.stated import stated
from prompts.request import PlanRequest
from prompts.story import Story

if TYPE_CHECKING:
    from prompts.schedule import TextLimit
    from prompts.seeing.caption import Caption
    from prompts.service.asking import Service
    from prompts.writer import Round

LEVELS, P = 8, 2.0
"""Of a story that begins with a photograph and is left open otherwise."""
BUNDLED_OFFLINE = (
    "Composed without the language model: the bundled model knows a few words alone, and they are chosen by rule."
)


@dataclass(frozen=True)
class Planned:
    """A story that passes the checks, who made it, notes for the user, and a model's rounds (none offline)."""

    story: Story
    planner: Literal["offline", "model"]
    notes: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()


def make_plan(
    request: PlanRequest,
    *,
    service: Service | None = None,
    limit: TextLimit | None = None,
    rounds: int = 4,
    banned: Sequence[str] = (),
    opening: Caption | None = None,
    on_round: Callable[[Round], None] | None = None,
) -> Planned:
    """The story of a wish.

    service: the language model that writes it; None: offline, deterministic by the request's seed. limit: what the
    text encoder reads of a prompt, with viewpoint and style. rounds: how often the model may be asked. banned: words
    that no prompt may hold. opening: what a photograph shows, which becomes level 0; a wish without words leads to what
    stands in its middle. on_round: told of each round. Raises PlanError where no story came of it (with the best
    draft), ServiceError and BudgetError where the service failed before any draft.
    """
    try:
        request = stated(request)
    except ValidationError as error:
        raise PlanError(_refused(error)) from None
    if opening is not None and not request.text.strip() and request.widths_m is None:
        request = _into(request, opening)
    if service is None or request.vocabulary == "bundled":
        return _offline(request, limit, banned, opening, (BUNDLED_OFFLINE,) if service else ())
    from prompts.writer import write  # asking a model takes more to import than composing a story

    written = write(request, service, limit=limit, rounds=rounds, banned=banned, opening=opening, on_round=on_round)
    return Planned(written.story, "model", written.notes, written.rounds)


def _into(request: PlanRequest, opening: Caption) -> PlanRequest:
    """A wish without words: into what stands in the photograph's middle, and on into its insides where the width of
    the view is known."""
    text = {"text": opening.subject}
    if opening.width_m is None:
        return request.model_copy(update=text)
    levels, p = request.levels or LEVELS, request.p or P
    deepest = max(opening.width_m / p ** max(levels - 1, 1), checks.MIN_WIDTH_M)
    return request.model_copy(update={**text, "widths_m": (opening.width_m, deepest), "levels": levels, "p": p})


def plan(
    text: str = "",
    *,
    levels: int | None = None,
    p: float | None = None,
    widths_m: tuple[float, float] | None = None,
    seed: int = 0,
    title: str | None = None,
    viewpoint: str | None = None,
    style: str | None = None,
    negative: str | None = None,
    vocabulary: Literal["any", "bundled"] = "any",
) -> Story:
    """A story of free text or two widths, composed from the scale ladder without a language model.

    The same arguments give the same story. Raises PlanError for a wish of which none can be made, with the remedy.

        >>> plan("from a forest to a leaf", p=2).title
        'Forest to leaf'
    """
    wish = {
        "text": text, "levels": levels, "p": p, "widths_m": widths_m, "seed": seed, "title": title,
        "viewpoint": viewpoint, "style": style, "negative": negative, "vocabulary": vocabulary,
    }  # fmt: skip
    try:
        request = PlanRequest.model_validate(wish)
    except ValidationError as error:
        raise PlanError(_refused(error)) from None
    return make_plan(request).story


def _refused(error: ValidationError) -> str:
    faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False))
    return f"The wish cannot be: {'; '.join(faults)}. Correct these values."


def _offline(
    request: PlanRequest,
    limit: TextLimit | None,
    banned: Sequence[str],
    opening: Caption | None,
    notes: tuple[str, ...],
) -> Planned:
    if request.vocabulary == "bundled":
        from prompts.offline.schematic import compose_bundled as compose
    else:
        from prompts.offline.composing import compose
    made = compose(request, limit, banned, opening)
    return Planned(made.story, "offline", (*notes, *made.notes))
