"""A wish becomes a story on the way to other things: by which engine, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prompts
from flows.plan_shown import said_costs, show_estimate, show_plan
from flows.terminal import progress
from prompts.errors import ServiceError
from prompts.request import PlanRequest
from tasks import environment
from tasks.errors import RefusedError
from tasks.events import Listener
from tasks.keys import has_key, refuse_key
from tasks.plan_made import Plan, PlanFailedError
from tasks.planning import find_plan, plan_story
from tasks.services import Services
from tasks.specs import RunConfig

if TYPE_CHECKING:
    from flows.command import Manner


def check_wish(wish: PlanRequest, config: RunConfig) -> None:
    """Refuse a wish that wishes for nothing, or that tells the key to every file of the run."""
    refuse_key(wish, config)
    seen = config.photo is not None and (config.vision.model or environment.read().vision_model)
    if not wish.text.strip() and wish.widths_m is None and not seen:
        raise RefusedError(
            'What shall the story show? Say it in words, as "from a galaxy to a leaf cell" or "from 10 km to 1 mm", or '
            "give a photograph (--photo) and name a vision model that says what it shows (--set vision.model=NAME)."
        )


def planned(
    wish: PlanRequest,
    config: RunConfig,
    services: Services,
    *,
    for_run: bool,
    force: bool = False,
    no_engine: bool = False,
    quiet: bool = False,
) -> Plan:
    """The plan, by the flow where a service is asked and a server keeps the history or the key, else at once.

    What was planned before is found at once.
    """

    def start() -> Any:
        from flows.plan import plan

        return plan(wish, config, services.root, for_run, force)

    with _costs_told(services), progress(sys.stderr, quiet=quiet) as listener:
        if not no_engine and _wants_engine(wish, config, services, for_run=for_run, force=force):
            return _from_facts(_by_flow(start, listener))
        return plan_story(wish, config, services, for_run=for_run, on_event=listener, force=force)


@contextmanager
def _costs_told(services: Services) -> Iterator[None]:
    """What was paid for is said of a plan that fails, too."""
    try:
        yield
    except (PlanFailedError, ServiceError):
        if services.spent.requests:
            print(f"{'Cost':<11}{said_costs(services.spent)}", file=sys.stderr)
        raise


def foretold(wish: PlanRequest, config: RunConfig, services: Services, manner: Manner) -> Plan | None:
    """The plan of a run that is to be made of a wish, shown; None where a dry run only said what it would take."""
    from tasks.told import suited

    check_wish(wish, config)
    wish = suited(wish, config, services, manner.tools)
    if manner.dry_run:
        plan = find_plan(wish, config, services)
        if plan is None:
            show_estimate(wish, config, services, for_run=True)
            return None
    else:
        anew = manner.force and find_plan(wish, config, services) is None  # another plan would be another run
        how = {"force": anew, "no_engine": manner.no_engine, "quiet": manner.quiet}
        plan = planned(wish, config, services, for_run=True, **how)
    if not manner.quiet:
        show_plan(plan, services)
    return plan


def _wants_engine(wish: PlanRequest, config: RunConfig, services: Services, *, for_run: bool, force: bool) -> bool:
    if not services.has_writer:
        return False
    if config.plan.secret is not None and not has_key():
        return True  # nobody but its server has the key
    if not force and find_plan(wish, config, services, for_run=for_run) is not None:
        return False
    from flows.engine import has_server

    return has_server()


def _by_flow(start: Any, listener: Listener) -> dict[str, Any]:
    from flows import engine

    return dict(engine.run_flow(start, listener))


def _from_facts(facts: Mapping[str, Any]) -> Plan:
    folder = None if facts["folder"] is None else Path(facts["folder"])
    return Plan(prompts.parse_story(facts["story"]), facts["plan"], folder, facts["made"])
