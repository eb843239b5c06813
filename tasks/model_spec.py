"""The configuration of the model that draws: which one, at what size, where and how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_SIDE_PX = 8192


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)


class LoraSpec(_Part):
    """Low-rank changes of a model's weights (arXiv 2106.09685), in the format of diffusers or of its forerunners.

    A text alone is a name.
    """

    name: str = Field(min_length=1, description="a safetensors file, a folder with one, or ORG/NAME at a hub")
    weight: float = Field(default=1.0, ge=-10, le=10)

    @model_validator(mode="before")
    @classmethod
    def _a_name_alone(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class ModelSpec(_Part):
    """Which model draws, where, and with which numbers."""

    name: str = Field(
        default="bundled",
        min_length=1,
        description="a model's name, its folder, or ORG/NAME[@REVISION] at a hub; `tenfold models` lists them",
    )
    fallbacks: tuple[str, ...] = Field(default=(), description="models to take instead, in this order, where it is not")
    download: bool = Field(default=True, description="get a model from the hub where it is not here")
    size: str | None = Field(default=None, description="of a level in pixels, as 1024x576; the model's own when null")
    loras: tuple[LoraSpec, ...] = Field(default=(), description="changes of its weights, on top of each other")
    embeddings: tuple[str, ...] = Field(
        default=(), description="textual inversions (arXiv 2208.01618): safetensors files whose words prompts may use"
    )
    tiny_vae: str | None = Field(default=None, description="a tiny autoencoder for estimates on the way")
    device: str = Field(
        default="auto", min_length=1, description="auto, cpu, cuda, cuda:1, mps; several as cuda:0,cuda:1"
    )
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        default="auto", description="auto: what device and model do best, float32 on a CPU"
    )
    rows: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        default="auto", description="levels in the model at a time; auto: as free memory allows; all when null"
    )
    offload: Literal["none", "model", "layers"] = Field(
        default="none", description="keep in the device's memory only the part, or the layers, at work"
    )
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = Field(
        default="none", description="torch.compile; reduce-overhead uses CUDA graphs"
    )
    channels_last: bool = Field(default=False, description="memory layout in which convolutions can be quicker")

    @field_validator("loras", mode="before", json_schema_input_type=tuple[LoraSpec | str, ...] | LoraSpec | str)
    @classmethod
    def _one_change_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str | Mapping) else value

    @field_validator("embeddings", mode="before", json_schema_input_type=tuple[str, ...] | str)
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("size", mode="before", json_schema_input_type=str | int | None)
    @classmethod
    def _as_sides(cls, value: object) -> object:
        if value is None:
            return None
        sides = str(value).lower().replace(" ", "").split("x")
        if len(sides) > 2 or not all(side.isdecimal() and 16 <= int(side) <= MAX_SIDE_PX for side in sides):
            raise ValueError(f"expected WIDTHxHEIGHT in pixels, as 1024x576, each from 16 to {MAX_SIDE_PX}")
        return "x".join(str(int(side)) for side in (sides if len(sides) == 2 else sides * 2))

    @field_validator("device")
    @classmethod
    def _names(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if not all(names) or ("auto" in names and len(names) > 1):
            raise ValueError("expected a device, or several with commas between them, as cuda:0,cuda:1")
        return ",".join(names)

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that levels are shared among; all but the model's levels is on the first."""
        return tuple(self.device.split(","))

    @property
    def size_px(self) -> tuple[int, int] | None:
        """(height, width) of a level; None for the model's own."""
        if self.size is None:
            return None
        width, height = map(int, self.size.split("x"))
        return height, width
