"""A language model that writes schedules, played by a ready story: right as asked, or with a fault."""

import json
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
    """Answers the first question with `spoil`'s reply, and later ones rightly; a stubborn one answers all so."""

    def __init__(self, story: Story, spoil: Spoil, *, stubborn: bool = False) -> None:
        self.story, self.spoil, self.stubborn = story, spoil, stubborn
        self.asked: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Reply:
        question = asked_in(asked)
        self.asked.append(question)
        right = schedule_of(self.story)
        spoiled = len(self.asked) == 1 or self.stubborn
        if "faulty" in question and not self.stubborn:
            numbers = [entry["level"] for entry in question["faulty"]]
            right["levels"] = [{"level": i, **right["levels"][i]} for i in numbers]
        said = self.spoil(right) if spoiled else json.dumps(right)
        return said if isinstance(said, Reply) else Reply(said, pieces=500)
