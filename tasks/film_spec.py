"""The configuration of a film: its frames, the way of the camera, sound, words, and the file that they become."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from zoomlib.film.formats import Chroma

MAX_FPS = 240
USUAL_FPS, ANIMATION_FPS, ANIMATION_PX = 30.0, 12.5, 320
ANIMATIONS = ("gif", "webp")
"""Formats that hold each frame by itself: ten times the bytes of a film, so that they are small if nothing is said."""
NTSC = Fraction(1000, 1001)
Seconds = Annotated[float, Field(ge=0, le=3600)]
Share = Annotated[float, Field(ge=-1, le=1)]
Rate = Annotated[float, Field(ge=1, le=MAX_FPS)]
Ratio = Annotated[str, Field(pattern=r"^ *[0-9]+(\.[0-9]+)? *(/ *[0-9]+)? *$")]
Captions = Literal["none", "burnt", "file", "track"]


class FilmSpec(BaseModel):
    """The video and the pictures. A setting that is null follows from the others, as its description says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)

    size_px: int = Field(default=256, ge=32, le=8192, description="longer side of a frame")
    aspect: str | None = Field(default=None, description="shape of a frame, as 16:9; that of the levels when null")
    fps: Rate | None = Field(
        default=None, description="frames per second, 29.97 is 30000/1001; when null 30, in a gif or webp 12.5"
    )
    seconds_per_level: float = Field(default=2.0, ge=0.05, le=600)
    seconds: Annotated[float, Field(gt=0, le=36000)] | None = Field(
        default=None, description="length of the film, holds included; by seconds_per_level when null"
    )
    direction: Literal["in", "out", "in-out", "out-in"] = "in"
    easing: Literal["linear", "in", "out", "in-out"] = Field(
        default="linear", description="at which end of the film the camera gains or loses its speed gently"
    )
    keyframes: tuple[tuple[float, float], ...] | None = Field(
        default=None, description="instead of easing: [time, way] pairs from [0, 0] to [1, 1]"
    )
    hold_start_s: Seconds = Field(default=0, description="the first view stands still for so long")
    hold_end_s: Seconds = 0
    turn_deg: float = Field(default=0, ge=-3600, le=3600, description="turn of the view over the whole zoom")
    pan_from: tuple[Share, Share] = Field(default=(0, 0), description="shift of the widest view, right and down")
    pan_to: tuple[Share, Share] = Field(default=(0, 0), description="shift of the deepest view, as parts of a frame")
    beat: Path | None = Field(default=None, description="audio file whose beat the speed follows")
    beat_strength: float = Field(default=0.5, ge=0, lt=1)
    audio: Path | None = Field(default=None, description="audio file that is heard")
    format: str = Field(default="mp4", min_length=1, description="kind of file; `tenfold doctor` lists them")
    codec: str | None = Field(default=None, description="the format's own when null")
    quality: int | None = Field(
        default=None, ge=0, le=256, description="the codec's own scale; visually clean when null"
    )
    preset: str | None = Field(default=None, description="the encoder's care, as veryfast or medium")
    chroma: Chroma | None = Field(default=None, description="colour detail; the codec's own when null")
    hardware: Literal["never", "auto", "always"] = Field(default="never", description="encode on the graphics card")
    captions: Captions = Field(default="none", description="prompts: burnt in, as a file beside it, as a track in it")
    scale_bar: bool = Field(default=False, description="draw a bar with its length, where the story gives widths")
    device: str = Field(default="cpu", min_length=1, description="what draws the frames: cpu, cuda, auto")

    @field_validator("fps", mode="before", json_schema_input_type=Rate | Ratio | None)
    @classmethod
    def _as_number(cls, value: object) -> object:
        """Take 30000/1001 as text; everything else as it comes."""
        if isinstance(value, bool):
            raise ValueError("expected a number")
        if isinstance(value, str) and "/" in value:
            try:
                return float(Fraction(value.replace(" ", "")))
            except (ValueError, ZeroDivisionError):
                raise ValueError("expected a rate as 24, 23.976 or 24000/1001") from None
        return value

    @field_validator("aspect", mode="before", json_schema_input_type=str | float | None)
    @classmethod
    def _a_shape(cls, value: object) -> object:
        if value is not None and aspect_ratio(str(value)) is None:
            raise ValueError("expected a shape as 16:9, between 1:8 and 8:1")
        return None if value is None else str(value)

    @field_validator("chroma", mode="before", json_schema_input_type=Chroma | int | None)
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if type(value) is int else value  # 444 in JSON

    @model_validator(mode="after")
    def _one_way(self) -> FilmSpec:
        if self.keyframes is not None and self.easing != "linear":
            raise ValueError("keyframes take the place of easing; leave one of the two out")
        return self

    @property
    def rate(self) -> Fraction:
        """Frames per second, exactly: 23.976, 29.97, 59.94 and their like mean n 1000/1001."""
        fps = self.fps or (ANIMATION_FPS if self.animated else USUAL_FPS)
        nearest = round(fps / NTSC) * NTSC
        is_ntsc = fps != round(fps) and math.isclose(fps, nearest, abs_tol=5e-3)
        return nearest if is_ntsc else Fraction(fps).limit_denominator(1000)

    @property
    def animated(self) -> bool:
        """Whether its file is an animated picture."""
        return self.format in ANIMATIONS

    @property
    def shape(self) -> Fraction | None:
        """Width over height of a frame; None for that of the levels."""
        return None if self.aspect is None else aspect_ratio(self.aspect)


def aspect_ratio(text: str) -> Fraction | None:
    """Width over height from text as 16:9, 4/3 or 1.85; None where it is none, or beyond 1:8 or 8:1."""
    try:
        width, _, height = text.replace("/", ":").partition(":")
        found = Fraction(width.strip()) / Fraction(height.strip() or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return found if Fraction(1, 8) <= found <= 8 else None
