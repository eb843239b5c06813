"""What a vision model says of a draft, level by level: a cached stage, so that no draft is looked at twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prompts
from prompts.errors import ReplyError
from tasks.drafts import Draft
from tasks.events import Listener, StageDone, StageMoved, StageStarted, StageWaiting
from tasks.given import given_levels
from tasks.looking import png
from tasks.render import load_stack, stack_inputs
from tasks.services import Services, spent_since
from tasks.stage import Json, Made, Manifest, StageKey, Workshop

if TYPE_CHECKING:
    from prompts.service.asking import Service

NAME, JUDGEMENTS = "judging", "judgements.json"
AS_GIVEN: dict[str, Json] = {"matches": True, "problem": "", "prompt": None}
"""Of a level that is a given picture, which no prompt changes."""

Tried = Mapping[int, Sequence[str]]
"""By level, what was proposed already and not taken, with the reason."""


def judged(
    draft: Draft, service: Service, services: Services, tried: Tried, on_event: Listener, *, force: bool = False
) -> Manifest:
    """Find or make the judgements of a draft's levels; `read_judgements` reads them.

    Raises ServiceError for a service that cannot be used, BudgetError before a ceiling would be exceeded; what was
    answered until then is found again by the next attempt.
    """
    from prompts.seeing.judging import VERSION

    manifest, made = draft.run.workshop.make(
        StageKey(NAME, VERSION, _inputs(draft, service, tried)),
        lambda work: _look(draft, service, services, tried, work, on_event),
        force=force,
        on_wait=lambda: on_event(StageWaiting(NAME)),
    )
    on_event(StageDone(NAME, made, manifest.seconds))
    return manifest


def read_judgements(workshop: Workshop, manifest: Manifest) -> list[dict[str, Json]]:
    """The judgements that the stage has stored, one per level: matches, problem, prompt.

    Where the model gave no usable answer, `matches` is None and `problem` says why.
    """
    path = workshop.store.path(manifest.artifacts[JUDGEMENTS])
    found: list[dict[str, Json]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _inputs(draft: Draft, service: Service, tried: Tried) -> Json:
    return {
        "model": service.model,
        "host": service.host,
        "story": prompts.dump_story(draft.run.story),
        "stack": stack_inputs(draft.results),
        "tried": {str(level): list(reasons) for level, reasons in sorted(tried.items()) if reasons},
    }


def _look(draft: Draft, service: Service, services: Services, tried: Tried, work: Path, on_event: Listener) -> Made:
    from prompts.seeing.judging import View

    story, stack = draft.run.story, load_stack(draft.run, draft.results, work)
    views = [View(level.prompt, png(stack.image(i))) for i, level in enumerate(story.levels)]
    on_event(StageStarted(NAME, len(views), "levels"))
    before, found = services.spent, []
    given = given_levels(draft.run)
    for level in range(len(views)):
        words = tuple(tried.get(level, ()))
        found.append(AS_GIVEN if level in given else _one(service, views, level, story.title, words))
        on_event(StageMoved(NAME, level + 1))
    file = work / JUDGEMENTS
    file.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return Made({JUDGEMENTS: file}, {"spent": spent_since(before, services.spent)})


def _one(service: Service, views: Sequence[Any], level: int, title: str, tried: tuple[str, ...]) -> dict[str, Json]:
    from prompts.seeing.judging import judge

    neighbours = {"wider": views[level - 1] if level else None, "deeper": (*views[level + 1 :], None)[0]}
    try:
        judgement = judge(
            service, views[level], level=level, levels=len(views), story_title=title, tried=tried, **neighbours
        )
    except ReplyError as error:  # of one level; the others can be judged
        return {"matches": None, "problem": str(error), "prompt": None}
    return asdict(judgement)
