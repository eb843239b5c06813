"""What a run tells: a story that it is given, or one that is planned of a wish first, and refined by looking."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prompts import Story
from prompts.errors import PlanError
from prompts.request import PlanRequest
from tasks.errors import RefusedError
from tasks.events import Listener, ignore
from tasks.looking import looks
from tasks.plan import prepare
from tasks.plan_made import Plan
from tasks.plan_rules import in_numbers
from tasks.planning import plan_story
from tasks.run import Tools
from tasks.services import Services
from tasks.specs import RunConfig
from tasks.stage import Json
from tasks.text_limit import is_bundled, text_limit
from zoomlib.errors import InvalidInputError
from zoomlib.methods import load_method

STAND_IN = 8  # levels of the story that stands for one that is still to be planned
POWERS = (2.0, 4.0, 8.0, 16.0)  # zoom factors that every method can do

Perform = Callable[[str, Callable[[], Any]], Any]
"""How a step is done, by its name: at once, or as a task of an engine."""


def plainly(_name: str, step: Callable[[], Any]) -> Any:
    """Do a step at once."""
    return step()


def told_story(
    story: Story | PlanRequest,
    config: RunConfig,
    services: Services,
    *,
    tools: Tools | None = None,
    on_event: Listener = ignore,
    force: bool = False,
    perform: Perform = plainly,
) -> tuple[Story, dict[str, Json]]:
    """The story to be drawn, and how it came about as `tasks.run.TOLD` has it: nothing for a story that was given.

    A wish is planned as the configuration says, or its plan is found, also with `force`: another plan would be another
    run. With `config.plan.refine` the story is refined before it is drawn. Raises what `tasks.planning.plan_story` and
    `tasks.refine.refine` raise.
    """
    told: dict[str, Json] = {}
    if isinstance(story, PlanRequest):
        wish = suited(story, config, services, tools)
        plan: Plan = perform("prompt schedule", lambda: plan_story(wish, config, services, on_event=on_event))
        story, told["plan"] = plan.story, plan.facts
    if not config.plan.refine:
        return story, told
    from tasks.refine import refine

    found = refine(
        story,
        config,
        services.root,
        services,
        limit=text_limit(config),
        tools=tools,
        on_event=on_event,
        force=force,
        perform=perform,
    )
    return found.story, {**told, "refinement": found.as_json()}


def drawn(config: RunConfig) -> RunConfig:
    """The configuration of the run itself, whose story is refined by then: who continues it does not refine again.

    Nor is a vision model that looked at drafts a part of it.
    """
    if not config.plan.refine:
        return config
    update: dict[str, Any] = {"plan": config.plan.model_copy(update={"refine": 0})}
    if not looks(load_method(config.method)):
        update["vision"] = config.vision.model_copy(update={"model": None})
    return config.model_copy(update=update)


def suited(wish: PlanRequest, config: RunConfig, services: Services, tools: Tools | None = None) -> PlanRequest:
    """The wish of a run that can be made, with a zoom factor that its method can do where the wish leaves it open.

    What no story could mend is refused now, and not after a service was paid: raises as `tasks.plan.prepare`.
    """
    if config.plan.refine:
        services.seeing()
    wish = in_numbers(wish)
    usual = wish.p or (POWERS[0] if is_bundled(config) else _usual_p(wish))

    def accept(p: float) -> None:
        prepare(config, _stand_in(wish.levels or STAND_IN, p), services.root, tools)

    if wish.p is None:
        for p in (usual, *(power for power in POWERS if power > usual)):
            with suppress(RefusedError, InvalidInputError):
                accept(p)
                return wish if p == usual else wish.model_copy(update={"p": p})
    accept(usual)
    return wish


def _usual_p(wish: PlanRequest) -> float:
    """The factor that planners take for the wish; 2 for one of which they can make nothing, as they say better."""
    from prompts.offline.lengths import fit
    from prompts.offline.understanding import ends_m

    try:
        return fit(ends_m(wish), wish.levels, None, exact=wish.widths_m is not None).p
    except PlanError:
        return POWERS[0]


def _stand_in(levels: int, p: float) -> Story:
    """A story in the place of one that is still to be planned."""
    views = [f"view {number}" for number in range(levels)]
    return Story.model_validate({"title": "Wish", "p": p, "levels": views})
