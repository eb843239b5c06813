"""The configuration of enlarging: the stages that sampled levels pass, one after the other, to their final size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

How = Literal["net", "upscaler", "refine"]

_UNUSED: dict[str, tuple[str, ...]] = {
    "net": (
        "factor",
        "steps",
        "strength",
        "eta",
        "guidance",
        "noise_level",
        "joint",
        "space",
        "every",
        "tile",
        "overlap",
    ),
    "upscaler": ("factor", "strength"),
    "refine": ("noise_level",),
}
"""Settings that a kind of stage has no use for."""


class StageSpec(BaseModel):
    """One stage: all levels enlarged, then made to agree."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)

    how: How = Field(
        description="net: a super-resolution net; upscaler: a diffusion up-scaler; refine: enlarged smoothly, then "
        "drawn over by a model that makes pictures"
    )
    model: str | None = Field(default=None, min_length=1, description="its name or folder; the run's own when null")
    factor: Annotated[int, Field(ge=1, le=8)] | None = Field(
        default=None, description="of refine; 2 when null, 1 draws over without enlarging"
    )
    steps: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="noise levels of the whole ladder; the model's own, or 30, when null"
    )
    strength: float = Field(default=0.3, gt=0, le=1, description="of refine: the share of the steps that is drawn")
    eta: float = Field(default=0.0, ge=0, le=1)
    guidance: Annotated[float, Field(ge=1, le=50)] | None = Field(
        default=None, description="scale; the run's own, or that of another model, when null"
    )
    noise_level: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="of upscaler: noise on what it is shown, as a time of its schedule"
    )
    joint: bool = Field(default=True, description="levels agree at every step, too, and not only after the stage")
    space: Literal["auto", "pixels", "latents", "mixed"] = Field(
        default="auto", description="where they agree at every step, of latent models"
    )
    every: Annotated[int, Field(ge=1)] = Field(default=1, description="in pixels at every so many steps")
    tile: str = Field(
        default="auto",
        description="levels pass the model in tiles of WIDTHxHEIGHT pixels; auto: of the size it was trained for; none",
    )
    overlap: float = Field(default=0.25, ge=0, le=0.75, description="share of a tile that the next one covers, too")

    @field_validator("tile", mode="before", json_schema_input_type=str | int)
    @classmethod
    def _as_sides(cls, value: object) -> object:
        text = str(value).lower().replace(" ", "")
        sides = text.split("x")
        if text in ("auto", "none"):
            return text
        if len(sides) > 2 or not all(side.isdecimal() and int(side) >= 16 for side in sides):
            raise ValueError("expected auto, none, or WIDTHxHEIGHT in pixels of at least 16, as 512x512")
        return "x".join(str(int(side)) for side in (sides if len(sides) == 2 else sides * 2))

    @model_validator(mode="after")
    def _only_what_is_used(self) -> StageSpec:
        for name in _UNUSED[self.how]:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"a stage of kind {self.how} has no {name}; leave it out")
        if self.how == "upscaler" and self.model is None:
            raise ValueError("a stage of kind upscaler needs a model: the name or folder of a diffusion up-scaler")
        return self

    @property
    def tile_px(self) -> tuple[int, int] | None:
        """(height, width) of a tile in pixels of the enlarged level; None where it is not in numbers."""
        if self.tile in ("auto", "none"):
            return None
        width, height = map(int, self.tile.split("x"))
        return height, width


class EnlargeSpec(BaseModel):
    """From the sampled levels to those of the stack, with blending and rendering after every stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)

    model: str = Field(
        default="auto",
        min_length=1,
        description="a super-resolution net, where there are no stages: auto (the model's own where the film needs "
        "it), none, a folder",
    )
    stages: tuple[StageSpec, ...] = Field(
        default=(), max_length=8, description="each {how: net | upscaler | refine, ...}, or its kind alone"
    )

    @field_validator("stages", mode="before", json_schema_input_type=tuple[StageSpec | How, ...] | StageSpec | How)
    @classmethod
    def _kinds_alone(cls, value: object) -> object:
        if isinstance(value, str | Mapping):
            value = [value]
        if not isinstance(value, list | tuple):
            return value
        return [{"how": one} if isinstance(one, str) else one for one in value]

    @model_validator(mode="after")
    def _either(self) -> EnlargeSpec:
        if self.stages and self.model not in ("auto", "none"):
            raise ValueError("give enlarge.model or enlarge.stages; a stage of kind net has a model of its own")
        return self


@dataclass(frozen=True)
class Enlargement:
    """A stage as it will be made.

    spec: with all numbers filled in. model: what its model says of itself. factor: by which levels grow, to `size_px`,
    (height, width). tile_px: of the tiles in which a level passes the model, `tiles` of them. passes: times that
    guidance runs the model for one estimate.
    """

    spec: StageSpec
    model: Mapping[str, Any]
    factor: int
    size_px: tuple[int, int]
    tile_px: tuple[int, int] | None = None
    tiles: int = 1
    passes: int = 1

    @property
    def draws(self) -> bool:
        """Whether it is made by steps of a diffusion model."""
        return self.spec.how != "net"

    @property
    def steps(self) -> int:
        """Steps that are walked; none of a net."""
        if not self.draws:
            return 0
        whole = self.spec.steps or 1
        return max(min(int(whole * self.spec.strength), whole), 1) if self.spec.how == "refine" else whole

    @property
    def evaluations(self) -> int:
        """How often one level passes the model, tiles and guidance counted."""
        return self.steps * self.tiles * self.passes

    def inputs(self) -> dict[str, Any]:
        """Everything that its result depends on, beside the levels, the story and the seed."""
        spec = json.loads(self.spec.model_dump_json(exclude={"model"}))
        return {**spec, "id": str(self.model["id"]), "revision": self.model["revision"], "factor": self.factor}

    def told(self) -> str:
        """What it does, for people."""
        height, width = self.size_px
        name, spec = self.model["id"], self.spec
        if not self.draws:
            return f"{width}x{height} by the net of {name}"
        tiles = (
            f" in {self.tiles} tiles of {self.tile_px[1]}x{self.tile_px[0]}" if self.tiles > 1 and self.tile_px else ""
        )
        joined = ", levels agree at every step" if spec.joint else ""
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        what = f"by {name}" if spec.how == "upscaler" else f"drawn over by {name} at strength {spec.strength:g}"
        return f"{width}x{height} {what}: {steps}{tiles}{joined}"
