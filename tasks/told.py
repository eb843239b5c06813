"""What a run tells: a story that it is given, or one that is planned of a wish first, and refined by looking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompts import Story
from prompts.request import PlanRequest
from tasks.events import Listener, ignore
from tasks.plan import prepare
from tasks.planning import Plan, plan_story
from tasks.run import Tools
from tasks.services import Services
from tasks.specs import RunConfig
from tasks.stage import Json
from tasks.text_limit import text_limit

STAND_IN = 8  # levels of the story that stands for one that is still to be planned

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

    A wish is planned as the configuration says; with `config.plan.refine` the story is refined before it is drawn.
    Raises what `tasks.planning.plan_story` and `tasks.refine.refine` raise.
    """
    told: dict[str, Json] = {}
    if isinstance(story, PlanRequest):
        wish = story
        check_run(wish, config, services.root, tools)
        plan: Plan = perform(
            "prompt schedule", lambda: plan_story(wish, config, services, on_event=on_event, force=force)
        )
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


def check_run(wish: PlanRequest, config: RunConfig, root: Path, tools: Tools | None = None) -> None:
    """Refuse now what no story could mend, and not after a service was paid. Raises as `tasks.plan.prepare`."""
    levels = [f"view {number}" for number in range(wish.levels or STAND_IN)]
    story = Story.model_validate({"title": "Wish", "p": 2, "levels": levels})
    prepare(config, story, root, tools)
