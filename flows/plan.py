"""Planning as a Prefect flow: a wish becomes a story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, runtime

import prompts
from prompts.request import PlanRequest
from tasks.engine import perform
from tasks.events import listener
from tasks.planning import plan_story
from tasks.services import services_for
from tasks.specs import RunConfig

LONGEST = 60


def named(what: str) -> str:
    """The name of a flow's run: what it makes, and of which story or wish."""
    parameters: dict[str, Any] = runtime.flow_run.parameters
    return f"{what} {called(parameters.get('story') or parameters.get('request'))}"


def called(story: object) -> str:
    """A story, or a wish for one, in a few words, whether or not it was read already."""
    if isinstance(story, str):
        return story[:LONGEST]
    told = story if isinstance(story, dict) else {name: getattr(story, name, None) for name in ("title", "text")}
    return str(told.get("title") or told.get("text") or "a wish")[:LONGEST]


def _name() -> str:
    return named("plan")


@flow(name="plan", flow_run_name=_name, persist_result=False)
async def plan(
    request: PlanRequest,
    config: RunConfig = RunConfig(),
    root: Path = Path("runs"),
    for_run: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Make the story that is wished for; returns it as YAML, with plain facts of how it came about.

    for_run: its prompts fit the configuration's image model.
    """
    services = services_for(config, root)
    on_event = listener()
    made = perform(
        "prompt schedule",
        lambda: plan_story(request, config, services, for_run=for_run, on_event=on_event, force=force),
    )
    return {
        "story": prompts.dump_story(made.story),
        "plan": made.facts,
        "folder": None if made.folder is None else str(made.folder),
        "made": made.made,
    }
