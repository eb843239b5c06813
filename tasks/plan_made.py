"""What planning comes to: a story with how it came about, or the best draft of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prompts import Story
from tasks.errors import RunError
from tasks.stage import Json


class PlanFailedError(RunError):
    """A language model made no story that passes the checks. draft: file of its best one, None where there is none."""

    def __init__(self, message: str, draft: Path | None) -> None:
        self.draft = draft
        super().__init__(message)


@dataclass(frozen=True)
class Plan:
    """A story and how it came about.

    facts: plain values: request, planner, model, notes, rounds, and what was spent when it was made. folder: where it
    is kept; None for a plan that no service had a part in, which is made again in no time. made: by this call.
    """

    story: Story
    facts: dict[str, Json]
    folder: Path | None = None
    made: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, changed or left out, a sentence each."""
        return tuple(self.facts["notes"])
