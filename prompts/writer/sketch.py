"""A schedule in work: which level each row has become, which are still to be written, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from prompts.request import PlanRequest
from prompts.scales.units import say_length
from prompts.schedule import TextLimit, Violation, check_schedule
from prompts.story import Story
from prompts.writer.draft import Draft, Row, title_of
from prompts.writer.frame import Frame
from prompts.writer.placing import place


@dataclass(frozen=True)
class Sketch:
    """Level i of the grid shows `rows[i]`; None is a level that nobody has written yet."""

    frame: Frame
    widest_m: float
    rows: tuple[Row | None, ...]
    title: str
    viewpoint: str
    style: str
    negative: str

    def width_m(self, level: int) -> float:
        """The width of a level's view in metres."""
        return self.frame.width_m(level, self.widest_m)

    def missing(self) -> tuple[int, ...]:
        """The levels that are still to be written."""
        return tuple(i for i, row in enumerate(self.rows) if row is None)

    def with_rows(self, rows: Mapping[int, Row]) -> Sketch:
        """The same with some levels written anew."""
        return replace(self, rows=tuple(rows.get(i, row) for i, row in enumerate(self.rows)))

    def story(self) -> Story:
        """The story; a level that is still to be written shows what the nearest written one does."""
        written = [i for i, row in enumerate(self.rows) if row]
        shown = (self.rows[min(written, key=lambda j: (abs(j - i), j))] for i in range(len(self.rows)))
        levels = [
            {"prompt": row.prompt, "width_m": None if self.frame.schematic else self.width_m(i)}
            for i, row in enumerate(shown)
            if row
        ]
        told = {name: getattr(self, name) for name in ("title", "viewpoint", "style", "negative")}
        return Story.model_validate({**told, "p": self.frame.p, "levels": levels})


def sketched(draft: Draft, frame: Frame, request: PlanRequest) -> tuple[Sketch, tuple[str, ...]]:
    """The draft on its grid, and what was changed for that. What the request states wins over what the draft says.

    Raises ReplyError where the draft has no scale at all.
    """
    placed = place(draft.rows, frame)
    count = frame.levels or max(placed.rows, default=-1) + 1
    rows = tuple(placed.rows.get(i) for i in range(max(count, 1)))
    kept = {name: getattr(request, name) for name in ("viewpoint", "style", "negative")}
    told = {name: getattr(draft, name) if value is None else value for name, value in kept.items()}
    title = request.title or draft.title or named(request)
    return Sketch(frame, placed.widest_m, rows, title, **told), placed.changes


def named(request: PlanRequest) -> str:
    """A title of the wish's own words."""
    words = title_of("".join(c if c.isalnum() or c in " -,'" else " " for c in request.text[:80])) or "A zoom"
    return words[0].upper() + words[1:]


def faults_of(sketch: Sketch, limit: TextLimit | None, banned: Sequence[str] = ()) -> tuple[Violation, ...]:
    """What is wrong with a schedule: levels that are missing, and what the checks find in the others."""
    missing = set(sketch.missing())
    unclear = missing | {i - 1 for i in missing} | {i + 1 for i in missing}
    found = (
        violation
        for violation in check_schedule(sketch.story(), limit, banned)
        if violation.level not in missing
        and not (violation.level in unclear and violation.kind in ("centre", "duplicate"))
    )
    return (*(_absent(sketch, level) for level in sorted(missing)), *found)


def _absent(sketch: Sketch, level: int) -> Violation:
    width = say_length(sketch.width_m(level))
    reason = f"No level shows a view {width} wide, and steps of {sketch.frame.step:.3g} need one here."
    return Violation(level, "step", reason, "Write what a view of this width shows.")
