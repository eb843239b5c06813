"""What the tests of planning share: a service that plans rightly, and configurations that ask it."""

from pathlib import Path

from prompts import Story, load_story
from prompts.request import PlanRequest
from tasks.services import Services
from tasks.specs import RunConfig, with_settings
from tests.doubles.bad_replies import text
from tests.doubles.openai_server import Server
from tests.doubles.schedule_model import Model, wish_of

KEY = "sk-very-secret-0123456789"
STORY: Story = load_story("city-to-gear")
LEVELS = [{"prompt": "a tree, a leaf", "width_m": 8}, {"prompt": "a leaf", "width_m": 4}]
SHORT = Story.model_validate({"title": "Tree", "p": 2, "viewpoint": "side view", "levels": LEVELS})
"""So short that the text encoder of the tiny model reads it whole."""


def right_model() -> Model:
    """Answers every question rightly, with the story `STORY`."""
    return Model(STORY, text)


def short_model() -> Model:
    """The same with `SHORT`."""
    return Model(SHORT, text)


def wish(**changes) -> PlanRequest:
    """A wish for `STORY`."""
    return wish_of(STORY).model_copy(update=changes)


def asking(server: Server, *settings: str) -> RunConfig:
    """A configuration that plans by the model behind the server."""
    base = ["plan.planner=model", "plan.model=writer", f"plan.base_url={server.url}", "plan.retries=0"]
    return with_settings(RunConfig(), [*base, *settings])


def services(config: RunConfig, root: Path) -> Services:
    """New services: as those of another command."""
    return Services(config, root)
