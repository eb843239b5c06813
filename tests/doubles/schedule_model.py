"""A language model that writes schedules, played by a ready story: right as asked, or with a fault."""

import json
import random
from collections.abc import Callable
from typing import Any

from prompts.request import PlanRequest
from prompts.schedule.centre import own_part
from prompts.story import Story
from tests.doubles.openai_server import Asked, Reply

Schedule = dict[str, Any]
Spoil = Callable[[Schedule], str | Reply]
"""From a right schedule to the faulty reply that a model sends for it."""


def schedule_of(story: Story) -> Schedule:
    """The reply that is right for the story's own wish."""
    levels = [
        {"width_m": level.width_m, "prompt": level.prompt, "subject": " ".join(own_part(level.prompt).split()[:8])}
        for level in story.levels
    ]
    told = {name: getattr(story, name) for name in ("title", "viewpoint", "style", "negative")}
    return {**told, "levels": levels}


def wish_of(story: Story) -> PlanRequest:
    """A wish that fixes the widths of the story and leaves the words open."""
    widths = (story.levels[0].width_m, story.levels[-1].width_m)
    return PlanRequest(text=story.title, levels=len(story.levels), p=story.p, widths_m=widths)


def asked_in(asked: Asked) -> dict[str, Any]:
    """The question of a request as the writer put it."""
    text = asked.body["messages"][-1]["content"]
    found, _ = json.JSONDecoder().raw_decode(text)
    return found


class Model:
    """Answers the first question with `spoil`'s reply, and later ones rightly with a chance of `skill` for each level.

    With a skill of 0 the same faulty reply comes every time.
    """

    def __init__(self, story: Story, spoil: Spoil, skill: float = 1.0) -> None:
        self.story, self.spoil, self.skill = story, spoil, skill
        self.asked: list[dict[str, Any]] = []
        self.chance = random.Random(0)

    def __call__(self, asked: Asked) -> Reply:
        question = asked_in(asked)
        self.asked.append(question)
        right = schedule_of(self.story)
        bad = self.spoil(schedule_of(self.story))
        if len(self.asked) == 1 or not self.skill or ("faulty" not in question and not self._can()):
            return bad if isinstance(bad, Reply) else Reply(bad, pieces=500)
        if "faulty" in question:
            spoiled = _levels(bad)
            numbers = [entry["level"] for entry in question["faulty"]]
            rows = [right["levels"][i] if self._can() or i >= len(spoiled) else spoiled[i] for i in numbers]
            right["levels"] = [{"level": i, **row} for i, row in zip(numbers, rows, strict=True)]
        return Reply(json.dumps(right), pieces=500)

    def _can(self) -> bool:
        return self.chance.random() < self.skill


def _levels(said: str | Reply) -> list[Schedule]:
    """The levels of a faulty reply that a program can read."""
    try:
        levels = json.loads(said if isinstance(said, str) else said.text or "")["levels"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return [row for row in levels if isinstance(row, dict)] if isinstance(levels, list) else []
