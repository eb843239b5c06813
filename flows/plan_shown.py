"""How a plan is shown: its levels with their widths, what was chosen, what it cost, and what is wrong with one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from flows.terminal import plain, table
from prompts import Story
from prompts.request import PlanRequest
from tasks.plan_made import Plan
from tasks.plan_rules import limit_of
from tasks.planning import planning_of
from tasks.services import Services
from tasks.specs import RunConfig
from tasks.text_limit import is_bundled

if TYPE_CHECKING:
    from prompts.schedule.examine import Row
    from prompts.service.budget import Spent

NOT_FOR_THE_BUNDLED = (
    "The bundled image model knows few words. For it: --vocabulary bundled, or give the text to tenfold zoom."
)


def show_levels(story: Story, to: TextIO | None = None) -> None:
    """Print title, and every level with the width of its view in people's units."""
    from prompts.scales.units import say_length

    count = f"{len(story.levels)} level{'s' * (len(story.levels) != 1)}"
    print(f"{plain(story.title)}: {count}, p = {story.p:g}{', looping' * story.loop}", file=to or sys.stdout)
    rows = [
        (str(number), "" if level.width_m is None else say_length(level.width_m), level.prompt)
        for number, level in enumerate(story.levels)
    ]
    table(("level", "width", "prompt"), rows, folding="prompt", to=to)
    for name, words in (("Viewpoint", story.viewpoint), ("Style", story.style), ("Negative", story.negative)):
        if words:
            print(f"{name + ':':<11}{plain(words)}", file=to or sys.stdout)


def show_notes(notes: Iterable[str]) -> None:
    """Print on standard error what was chosen for the user."""
    for note in notes:
        print(f"Note: {plain(note)}", file=sys.stderr)


def show_faults(rows: Iterable[Row], to: TextIO | None = None) -> None:
    """Print what is wrong with a story, in order of its levels."""
    cells = [("all" if row.level is None else str(row.level), row.kind, _what(row), row.remedy) for row in rows]
    table(("level", "fault", "what", "what to do"), cells, to=to)


def _what(row: Row) -> str:
    return row.what if row.line is None else f"Line {row.line}: {row.what}"


def faults_as_json(rows: Iterable[Row]) -> str:
    """The same for programs."""
    return json.dumps([vars(row) for row in rows], indent=2, ensure_ascii=False)


def said_costs(spent: Spent | Mapping[str, Any]) -> str:
    """What questions took, as a sentence."""
    facts = spent if isinstance(spent, Mapping) else vars(spent)
    asked, known = facts["requests"], facts["cached"]
    money = "price unknown" if facts["cost"] is None else f"{facts['cost']:.4f} {facts['currency']}"
    before = f", {known} answered before" * bool(known)
    bounded = f"; of {facts['bounded']} the service told no tokens: the most is counted" * bool(facts["bounded"])
    return (
        f"{asked} request{'s' * (asked != 1)}{before}; {facts['prompt_tokens']:,} tokens asked, "
        f"{facts['completion_tokens']:,} replied, {money}{bounded}."
    )


def show_plan(plan: Plan, services: Services, *notes: str) -> None:
    """Print on standard error the levels, what was chosen, what it cost and where it is kept."""
    show_levels(plan.story, sys.stderr)
    show_notes((*plan.notes, *notes))
    for line in told_lines(plan, services):
        print(line, file=sys.stderr)


def few_words(wish: PlanRequest, config: RunConfig) -> tuple[str, ...]:
    """A note for whoever names no image model, and may be about to draw the plan with the bundled one."""
    return () if wish.vocabulary == "bundled" or not is_bundled(config) else (NOT_FOR_THE_BUNDLED,)


def told_lines(plan: Plan, services: Services) -> list[str]:
    """Who made the plan, what it cost now and where it is kept."""
    who = plan.facts["writer"]
    if plan.folder is None:
        return [f"{'Planned':<11}offline, seed {plan.facts['request']['seed']}"]
    by = "offline" if who is None else f"by {plain(who['model'])} at {plain(who['host'])}"
    rounds = len(plan.facts["rounds"])
    took = f", {rounds} round{'s' * (rounds != 1)}" * bool(rounds)
    now = (
        said_costs(services.spent) if plan.made else f"nothing now; when it was made {said_costs(plan.facts['spent'])}"
    )
    return [f"{'Planned':<11}{by}{took}", f"{'Cost':<11}{now}", f"{'Kept in':<11}{plan.folder}"]


def show_estimate(wish: PlanRequest, config: RunConfig, services: Services, *, for_run: bool) -> None:
    """Print what planning would take at most; nothing is asked and nothing written."""
    planning = planning_of(wish, config, services, for_run)
    found = planning.alone() or planning.found()
    if found is not None:
        show_levels(found.story)
        show_notes(found.notes)
        print("Cost: nothing, the plan is made offline or was made before. Nothing was written.")
        return
    spec, writer, vision = config.plan, planning.writer, planning.vision
    if vision is not None:
        print(f"The photograph is to be captioned by {plain(vision.model)} at {plain(vision.host)}.")
    if writer is not None:
        rounds = f"{spec.rounds} round{'s' * (spec.rounds != 1)} at most"
        print(f"To be asked of {plain(writer.model)} at {plain(writer.host)}, in {rounds}.")
    if writer is not None and vision is None:
        tokens, cost = first_round(planning.request, config, services, writer.model)
        money = "price unknown" if cost is None else f"{cost:.4f} {services.budget.prices.currency}"
        print(f"The first round takes at most {tokens:,} tokens ({money}).")
    money = "" if spec.max_cost is None else f" and {spec.max_cost:g} {services.budget.prices.currency}"
    print(f"It would stop before more than {spec.max_tokens:,} tokens{money} are spent. Nothing was asked or written.")


def first_round(wish: PlanRequest, config: RunConfig, services: Services, model: str) -> tuple[int, float | None]:
    """The most tokens and money that the first question of a plan takes; no money is None where it has no price."""
    from prompts.writer import first_question
    from prompts.writer.brief import SCHEDULE

    messages, most = first_question(wish, limit_of(wish, config), config.plan.banned)
    return services.budget.bound(model, messages, most, SCHEDULE)
