"""What follows from a wish and a configuration before anybody plans: limits, whether a photograph opens, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from prompts.request import PlanRequest
from tasks.keys import has_key
from tasks.run import GivenFile
from tasks.services import model_of, planner_of
from tasks.specs import RunConfig
from tasks.text_limit import is_bundled, text_limit

if TYPE_CHECKING:
    from prompts.schedule import TextLimit

FEW_WORDS = "The bundled image model knows few words, which the offline planner keeps to; no language model is asked."
UNNAMED = (
    "A key is there, and no language model is named, so that the story was planned offline. Name one with --llm or "
    "TENFOLD_PLAN_MODEL; --planner offline says that none is wanted."
)
UNSEEN = (
    "No vision model is named (vision.model) that could caption the photograph: say in the text what it shows, so that "
    "the story begins with it."
)


def limit_of(request: PlanRequest, config: RunConfig) -> TextLimit:
    """How much prompts may hold: what the image model reads that they are for, or CLIP where none is named."""
    if request.vocabulary == "bundled":
        return text_limit(RunConfig())
    return text_limit(None if is_bundled(config) else config)


def in_numbers(request: PlanRequest) -> PlanRequest:
    """The wish with the levels and the factor that its text says; as it is where they cannot be, as planners say."""
    from prompts.offline.stated import stated

    try:
        return stated(request)
    except ValidationError:
        return request


def opening_photo(config: RunConfig) -> GivenFile | None:
    """The configuration's photograph, where it is the widest view; of some methods it is the deepest.

    Raises InvalidInputError for a file that is no picture.
    """
    if config.photo is None:
        return None
    from tasks.given import start_level, taken
    from zoomlib.methods import load_method

    return taken(config.photo) if start_level(load_method(config.method), 2) == 0 else None


def notes_on(request: PlanRequest, config: RunConfig, *, unseen: bool) -> tuple[str, ...]:
    """What the user should know of how a story is planned, a sentence each. unseen: no one captions its photograph."""
    spec, few = config.plan, request.vocabulary == "bundled"
    asked = few and planner_of(spec) == "model"
    unnamed = not few and spec.planner == "auto" and has_key() and model_of(spec) is None
    return (FEW_WORDS,) * asked + (UNNAMED,) * unnamed + (UNSEEN,) * unseen
