"""A schedule in work: which level each row has become, which are still to be written, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from prompts.errors import ReplyError
from prompts.request import PlanRequest
from prompts.scales.units import say_length
from prompts.schedule import TextLimit, Violation, check_schedule
from prompts.schedule.centre import own_part
from prompts.schedule.sizes import fits
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

    Raises ReplyError where the draft has no scale at all, or no level within what is asked for and can be.
    """
    placed = place(draft.rows, frame)
    if not placed.rows:
        raise ReplyError(f"Every level lies outside the widths that were asked for. {placed.changes[0]}")
    count = frame.levels or max(placed.rows) + 1
    if frame.most(placed.widest_m) < count:
        width = say_length(placed.widest_m)
        raise ReplyError(f"{count} steps from {width} lead below everything that there is. Begin with a wider view.")
    rows = tuple(placed.rows.get(i) for i in range(count))
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
    found = [f for f in (*check_schedule(sketch.story(), limit, banned), *_unfitting(sketch)) if f.level not in missing]
    beside = {level + step for level in missing for step in (-1, 1)}  # a missing level is shown as one of these
    own = [f for f in found if f.kind != "centre" and not (f.kind == "duplicate" and f.level in beside)]
    # What a level is to name in its centre is not known while the next one is to be written anew.
    changing = missing | {f.level for f in own}
    centres = [f for f in found if f.kind == "centre" and (f.level or 0) + 1 not in changing]
    return (*(_absent(sketch, level) for level in sorted(missing)), *own, *centres)


def _unfitting(sketch: Sketch) -> Iterator[Violation]:
    """Levels of a schematic schedule, whose story holds no widths, that do not fill the view for which they stand.

    What stands in their centre is left out: it fills the next level, which can be a million times as narrow.
    """
    for level, row in enumerate(sketch.rows if sketch.frame.schematic else ()):
        if row is not None and not fits(own_part(row.prompt), sketch.width_m(level)):
            width = say_length(sketch.width_m(level))
            reason = f"It stands for a view {width} wide, and what it names is far too large or too small for that."
            yield Violation(level, "size", reason, "Name what fills such a view.")


def _absent(sketch: Sketch, level: int) -> Violation:
    width = say_length(sketch.width_m(level))
    reason = f"No level shows a view {width} wide, and steps of {sketch.frame.step:.3g} need one here."
    return Violation(level, "step", reason, "Write what a view of this width shows.")
