"""What is known of a run where runs are listed and compared: plain facts, and where its pictures are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunCard:
    """A finished run, or levels that another tool has made and that were scored.

    story: its title. prompts: one per level, widest first; empty texts where none are known. variant: the method with
    the settings that are not its defaults. model_revision, software: as in the rows of its scores. made_at: UTC.
    p: the zoom factor, or one for each step. size_px: (height, width) of a level. film: the name of its file in
    `folder`, None where there is none. config: the resolved configuration as nested plain values.
    """

    id: str
    folder: Path
    story: str
    prompts: tuple[str, ...]
    method: str
    variant: str
    seed: int
    model: str
    model_revision: str
    software: str
    made_at: datetime
    p: float | tuple[float, ...]
    film: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def levels(self) -> tuple[Path, ...]:
        """The pictures of its levels, widest first."""
        return tuple(self.folder / "stack" / f"level_{level:02d}.png" for level in range(len(self.prompts)))


@dataclass(frozen=True)
class Selection:
    """Runs that are looked at together.

    title: what they are, for people. arms: by run id the name under which a run is compared: its variant, unless a
    sweep has named it. arm_names: those names in the order in which they are told. preset: the name of the preset
    (`evaluation.presets`) that the runs follow, None for others. missing: what was to be there and is not, a sentence
    each.
    """

    title: str
    cards: tuple[RunCard, ...]
    arms: Mapping[str, str]
    arm_names: tuple[str, ...]
    preset: str | None = None
    missing: Sequence[str] = ()
