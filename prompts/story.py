"""The story: what a zoom shows, level by level, as a text on disk and as a frozen value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from prompts import checks
from prompts.checks import refusal
from prompts.nodes import where

T = TypeVar("T")


def _line(limit: int, required: bool = True) -> BeforeValidator:
    return BeforeValidator(lambda value: checks.text(value, limit, required))


def _or_none(check: Callable[[object], T]) -> Callable[[object], T | None]:
    return lambda value: None if value is None else check(value)


Title = Annotated[str, Field(min_length=1, max_length=checks.MAX_TITLE), BeforeValidator(checks.title)]
Prompt = Annotated[str, Field(min_length=1, max_length=checks.MAX_PROMPT), _line(checks.MAX_PROMPT)]
Words = Annotated[str, Field(max_length=checks.MAX_WORDS), _line(checks.MAX_WORDS, required=False)]
About = Annotated[str, Field(max_length=checks.MAX_ABOUT), _line(checks.MAX_ABOUT, required=False)]
Factor = Annotated[
    int | float,
    BeforeValidator(checks.zoom_factor, json_schema_input_type=Annotated[float, Field(gt=1, le=checks.MAX_P)]),
]
Metres = Annotated[float, Field(ge=checks.MIN_WIDTH_M, le=checks.MAX_WIDTH_M)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Width = Annotated[Metres | None, BeforeValidator(_or_none(checks.width))]
Focus = Annotated[tuple[Fraction, Fraction] | None, BeforeValidator(_or_none(checks.focus))]
Seed = Annotated[Annotated[int, Field(ge=0, le=checks.MAX_SEED)] | None, BeforeValidator(_or_none(checks.seed))]


class Level(BaseModel):
    """One picture of the zoom. In a file, a level with nothing but a prompt may be written as that text alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Prompt = Field(
        description="What this level shows; name what the next level shows as standing in its centre."
    )
    width_m: Width = Field(
        None, description="Width of the field of view in metres. From level to level it shrinks by p."
    )
    negative: Words | None = Field(None, description="What this level must not show; replaces the story's words.")
    focus: Focus = Field(
        None,
        description="Where the next level lies: [x, y] as fractions of width and height from the upper left corner.",
    )
    image: Annotated[str, BeforeValidator(checks.picture)] | None = Field(
        None, description="A reference picture, as a path from the story's folder."
    )
    seed: Seed = Field(None, description="Seed of this level's own noise; by default it follows from the run's seed.")


def _expand(value: object) -> object:
    if isinstance(value, str):
        return {"prompt": value}
    if not isinstance(value, dict | Level):
        reason = f"A level is a text or a mapping with a prompt, and {checks.kind_of(value)} came."
        raise refusal(reason, "Write 'prompt: ' and the text.")
    return value


class Story(BaseModel):
    """A zoom as its author writes it: levels from the widest view to the deepest.

    Raises pydantic's ValidationError (a ValueError) for a value that the format refuses; `parse_story` turns it into a
    `StoryError` with lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title = Field(description="Name of the story, for people; a folder's name is made from it.")
    p: Factor = Field(description="How much the view shrinks from each level to the next; 2 and 4 are usual.")
    about: About = Field("", description="Notes for readers; no model sees them.")
    viewpoint: Words = Field(
        "", description="Where the viewer stands, appended to every prompt, such as 'seen from above'."
    )
    style: Words = Field("", description="Style words, appended to every prompt.")
    negative: Words = Field("", description="What no level must show.")
    loop: StrictBool = Field(
        False, description="Whether the deepest level contains the widest, so that the film never ends."
    )
    levels: Annotated[
        tuple[Annotated[Level, BeforeValidator(_expand, json_schema_input_type=Level | Prompt)], ...],
        Field(min_length=1, max_length=checks.MAX_LEVELS),
    ] = Field(description="The pictures of the zoom, from the widest to the deepest.")

    @model_validator(mode="after")
    def _compare_levels(self) -> Story:
        faults = checks.between_levels(self.p, [level.width_m for level in self.levels], self.loop)
        if faults:
            said = " ".join(f"{where(path)}: {reason} {remedy}" for path, reason, remedy in faults)
            raise PydanticCustomError("between_levels", "{said}", {"said": said})
        return self

    def prompts(self) -> tuple[str, ...]:
        """The full prompt of every level: its own, then viewpoint and style, separated by commas."""
        return tuple(", ".join(filter(None, (level.prompt, self.viewpoint, self.style))) for level in self.levels)

    def negatives(self) -> tuple[str, ...]:
        """The negative prompt of every level; "" where nothing is excluded."""
        return tuple(self.negative if level.negative is None else level.negative for level in self.levels)

    def focus(self) -> tuple[tuple[float, float] | None, ...]:
        """Where each level's next one lies, None for the middle."""
        return tuple(level.focus for level in self.levels)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a story file, for editors."""
    about = {"description": "A Tenfold story: the levels of a zoom, from the widest view to the deepest."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Story.model_json_schema(), **about}
