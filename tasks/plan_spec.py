"""The configuration of planning: who makes a story of a wish, at what cost, and whether drafts are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Banned = Annotated[str, Field(min_length=1, max_length=100)]


class PlanSpec(BaseModel):
    """How stories are planned. Nothing of this makes another run: the story that comes of it does."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)

    planner: Literal["auto", "offline", "model"] = Field(
        default="auto", description="auto: a language model where one is named and a key or an address is there"
    )
    model: str | None = Field(
        default=None, description="the language model's name at the service; TENFOLD_PLAN_MODEL when null"
    )
    base_url: str | None = Field(default=None, description="the service's address; the client's own default when null")
    timeout_s: float = Field(
        default=180,
        ge=1,
        le=600,
        description="seconds for a question, all attempts included: models may think for long",
    )
    retries: int = Field(default=3, ge=0, le=10)
    rounds: int = Field(default=4, ge=1, le=12, description="rounds of questions to the language model at most")
    max_cost: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="money that a command's questions cost at most, in the currency of the prices"
    )
    max_tokens: int = Field(default=500_000, ge=0, description="tokens that a command's questions cost at most")
    prices: Path | None = Field(default=None, description="file of prices per million tokens; those shipped when null")
    secret: str | None = Field(
        default=None, min_length=1, description="name of a Prefect Secret block that holds the key"
    )
    banned: tuple[Banned, ...] = Field(default=(), description="words that no prompt may hold")
    refine: int = Field(default=0, ge=0, le=8, description="rounds of drafts that the vision model looks at")

    @field_validator("banned", mode="before", json_schema_input_type=tuple[Banned, ...] | Banned)
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _without_password(cls, value: str | None) -> str | None:
        if value is not None and "@" in value:  # the configuration is written to the run's folder
            raise ValueError("an address without name and password; the key is read from OPENAI_API_KEY")
        return value
