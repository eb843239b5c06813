"""The configuration of a composed run: which pictures it is made of, in which order, and where each lies."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from zoomlib.registration.placement import Placement
    from zoomlib.registration.views import Views


class Part(BaseModel):
    """Base of the parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GivenPicture(Part):
    """A picture of the folder: its name there, what it holds, its size upright."""

    file: str = Field(min_length=1, description="name in the folder, never a path")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    @field_validator("file")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if Path(value).name != value or "/" in value or "\\" in value or value in (".", ".."):
            raise ValueError("expected the name of a file, not a path")
        return value


class FoundStep(Part):
    """Where a picture lies in the one before it, as `zoomlib.registration.placement.Placement`, and how sure that is.

    agreement: correlation of what both show there; 1 is the same picture. sureness: 0 to 1, the chance that no other
    place agrees better. Errors are standard errors: of p in shares of it, of the shift in pixels of the wider picture,
    of the turn in degrees. All of these are null where the factor was assumed and not measured.
    """

    p: float = Field(gt=1)
    x: float = 0.5
    y: float = 0.5
    turn_deg: float = 0.0
    agreement: float | None = Field(default=None, ge=-1, le=1)
    sureness: float | None = Field(default=None, ge=0, le=1)
    p_error: float | None = Field(default=None, ge=0)
    shift_error_px: float | None = Field(default=None, ge=0)
    turn_error_deg: float | None = Field(default=None, ge=0)


class ComposeSpec(Part):
    """A run out of pictures: from the widest to the deepest, step i leading from picture i to i + 1."""

    folder: Path = Field(description="where the pictures lie; says where, not what")
    pictures: tuple[GivenPicture, ...] = Field(min_length=2, max_length=64)
    steps: tuple[FoundStep, ...]
    colour: bool = Field(default=True, description="match colours of neighbouring levels")
    largest_px: Annotated[int, Field(ge=64, le=8192)] = Field(
        default=2048, description="longer side of a level at most; pictures that are larger are scaled down"
    )

    @model_validator(mode="after")
    def _one_step_between_two(self) -> ComposeSpec:
        if len(self.steps) != len(self.pictures) - 1:
            raise ValueError(
                f"{len(self.pictures)} pictures have {len(self.pictures) - 1} steps, not {len(self.steps)}"
            )
        return self

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Where each picture lies in the one before it."""
        from zoomlib.registration.placement import Placement

        return tuple(Placement(step.p, step.x, step.y, step.turn_deg) for step in self.steps)

    @property
    def views(self) -> Views:
        """Size, factors and focus of the stack that comes of it: plain numbers, known before anything is drawn."""
        from zoomlib.registration.views import upright_views

        sizes = [(picture.width, picture.height) for picture in self.pictures]
        return upright_views(sizes, self.placements, self.largest_px)

    @property
    def factors(self) -> tuple[float, ...]:
        """The zoom factor of each step, as the stack will have it."""
        return self.views.factors

    @property
    def content(self) -> str:
        """SHA-256 over the pictures' own, in their order."""
        return hashlib.sha256("".join(picture.sha256 for picture in self.pictures).encode()).hexdigest()
