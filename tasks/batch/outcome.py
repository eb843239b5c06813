"""What became of one job of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from prompts.errors import PlanError, StoryError
from tasks.errors import RefusedError, RunError
from tasks.stage import Json
from zoomlib.errors import InvalidInputError, ZoomlibError

State = Literal["made", "reused", "failed", "refused"]
STATES = get_args(State)
DONE = ("made", "reused")
REFUSALS = (RefusedError, InvalidInputError, StoryError, PlanError)
KNOWN = (RunError, ZoomlibError, OSError, StoryError, PlanError)
LONGEST = 1000


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    error: the reason, one line without a full stop, of one that failed or was refused. seconds: from its start to its
    end. stages: by name whether it was made now, and its seconds. evaluations: levels that passed the model now;
    tiles: those of planes that were painted now. gpu_seconds: for which it held a GPU. spent: what language models took
    for it, as `tasks.services.spent_since`. run_id, folder: of its run, the folder relative to that of all runs; None
    where there is none.
    """

    state: State
    error: str | None = None
    seconds: float = 0.0
    stages: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    evaluations: int = 0
    gpu_seconds: float = 0.0
    spent: Mapping[str, Json] = field(default_factory=dict)
    run_id: str | None = None
    folder: str | None = None
    tiles: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the video is there."""
        return self.state in DONE

    @property
    def made(self) -> tuple[str, ...]:
        """The stages that were made now."""
        return tuple(name for name, stage in self.stages.items() if stage["made"])

    @classmethod
    def of(cls, facts: Mapping[str, Any], seconds: float) -> Outcome:
        """The outcome that a run's facts tell (`tasks.pipeline.Report.as_json`, which flows return too)."""
        stages = facts["stages"]
        return cls(
            state="made" if any(stage["made"] for stage in stages.values()) else "reused",
            seconds=round(seconds, 3),
            stages=stages,
            evaluations=int(facts.get("evaluations", 0)),
            tiles=int(facts.get("tiles", 0)),
            gpu_seconds=float(facts.get("gpu_seconds", 0.0)),
            spent=facts.get("spent") or {},
            run_id=facts["run_id"],
            folder=facts["folder"],
        )

    @classmethod
    def failure(cls, error: BaseException, seconds: float = 0.0) -> Outcome:
        """The outcome of a job that raised: refused where the input is to blame, else failed."""
        state: State = "refused" if isinstance(error, REFUSALS) else "failed"
        return cls(state, said(error), round(seconds, 3))

    def as_json(self) -> dict[str, Json]:
        """Plain values; `from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """The outcome of a file. Raises KeyError, TypeError or ValueError for others."""
        if value["state"] not in STATES:
            raise ValueError(f"expected one of {', '.join(STATES)}, got {value['state']!r}")
        value = {"tiles": 0, **value}  # of files written before planes were painted
        return cls(**{each.name: value[each.name] for each in fields(cls)})


def said(error: BaseException) -> str:
    """An error as the reason of what was not made: one line, without its last full stop."""
    known = isinstance(error, KNOWN)
    text = str(error) if known and str(error) else f"{type(error).__name__}: {error}"
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split()).rstrip(".")[:LONGEST]
