"""What somebody wants to see, from which a planner makes a story."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from prompts import checks

Metres = Annotated[float, Field(ge=checks.MIN_WIDTH_M, le=checks.MAX_WIDTH_M, allow_inf_nan=False)]


class PlanRequest(BaseModel):
    """A wish for a story. What is None is the planner's choice.

    text: free text, such as "from a galaxy to a leaf cell", "from 10 km to 1 mm", "a honeybee". widths_m: of the widest
    and the deepest view. vocabulary: "any", or "bundled" for the few words that the bundled model was taught.
    seed: of every choice that the offline planner makes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(max_length=checks.MAX_PROMPT)] = ""
    levels: Annotated[StrictInt, Field(ge=1, le=checks.MAX_LEVELS)] | None = None
    p: Annotated[float, Field(gt=1, le=checks.MAX_P)] | None = None
    widths_m: tuple[Metres, Metres] | None = None
    seed: Annotated[StrictInt, Field(ge=0, le=checks.MAX_SEED)] = 0
    title: Annotated[str, Field(max_length=checks.MAX_TITLE)] | None = None
    viewpoint: Annotated[str, Field(max_length=checks.MAX_WORDS)] | None = None
    style: Annotated[str, Field(max_length=checks.MAX_WORDS)] | None = None
    negative: Annotated[str, Field(max_length=checks.MAX_WORDS)] | None = None
    vocabulary: Literal["any", "bundled"] = "any"
