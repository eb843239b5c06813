"""What is set right in a schedule: without asking, where the draft says how; else by the model, level by level."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompts.checks import MAX_PROMPT
from prompts.scales.units import say_length
from prompts.schedule import Violation
from prompts.writer.brief import hints
from prompts.writer.draft import Draft, Row
from prompts.writer.sketch import Sketch

Check = Callable[[Sketch], tuple[Violation, ...]]

CENTRES = ("in the centre", "in the center", "in the middle")


@dataclass(frozen=True)
class Checked:
    """A schedule in work, its faults, and what was changed on the way to it."""

    sketch: Sketch
    faults: tuple[Violation, ...]
    changes: tuple[str, ...] = ()

    def wanted(self) -> tuple[int, ...]:
        """The levels that have faults."""
        return tuple(sorted({fault.level for fault in self.faults if fault.level is not None}))

    def about_all(self) -> tuple[str, ...]:
        """What is wrong of that which all levels share: "viewpoint", "style"."""
        said = [fault.reason for fault in self.faults if fault.level is None]
        return tuple(name for name in ("viewpoint", "style") if any(name in reason for reason in said))


def settled(sketch: Sketch, check: Check, changes: Sequence[str] = ()) -> Checked:
    """The schedule with every centre named that its own subjects can name, as far as that leaves fewer faults."""
    now = Checked(sketch, check(sketch), tuple(changes))
    for fault in now.faults:
        row = _with_centre(now.sketch, fault)
        if row is None or fault.level is None:
            continue
        tried = now.sketch.with_rows({fault.level: row})
        faults = check(tried)
        if len(faults) < len(now.faults):
            said = f"Level {fault.level} did not name what level {fault.level + 1} shows; that was added."
            now = Checked(tried, faults, (*now.changes, said))
    return now


def _with_centre(sketch: Sketch, fault: Violation) -> Row | None:
    """The faulty row with the next one's subject in its centre; None where that is not the fault or cannot be."""
    if fault.kind != "centre" or fault.level is None or fault.level + 1 >= len(sketch.rows):
        return None
    row, deeper = sketch.rows[fault.level], sketch.rows[fault.level + 1]
    if row is None or deeper is None or not deeper.subject or any(said in row.prompt.lower() for said in CENTRES):
        return None
    prompt = f"{row.prompt.rstrip(' .,;')}, {deeper.subject} in the centre"
    return replace(row, prompt=prompt) if len(prompt) <= MAX_PROMPT else None


def asked_for(work: Checked, wish: str) -> dict[str, Any]:
    """The question for the faulty levels alone: what each shows now, what is wrong with it, what stands beside it."""
    said = defaultdict(list)
    for fault in work.faults:
        said[fault.level].append(f"{fault.reason} {fault.remedy}")
    sketch = work.sketch
    asked: dict[str, Any] = {
        "task": "Write the levels in 'faulty' anew, so that their faults are gone; all others stay as they are.",
        "wish": wish,
        "viewpoint": sketch.viewpoint,
        "style": sketch.style,
        "schedule": [_shown(sketch, i) for i in range(len(sketch.rows))],
        "faulty": [
            _shown(sketch, i) | {"faults": said[i], "such as": hints(sketch.width_m(i), wish)} for i in work.wanted()
        ],
    }
    return asked | ({"faults of viewpoint or style": said[None]} if said[None] else {})


def _shown(sketch: Sketch, level: int) -> dict[str, Any]:
    row = sketch.rows[level]
    return {"level": level, "width_m": sketch.width_m(level), "prompt": row.prompt if row else None}


def patched(work: Checked, draft: Draft, check: Check, kept: Mapping[str, str | None]) -> Checked:
    """The schedule with the rows of a reply in place of its faulty ones, as far as that leaves no more faults.

    kept: what the wish states of viewpoint and style, or None; a reply may change them only where they are at fault.
    """
    rows, changes = _taken(work, draft)
    sketch = work.sketch
    for name, stated in kept.items():
        said, now = getattr(draft, name), getattr(sketch, name)
        if name in work.about_all() and stated is None and said:
            sketch = replace(sketch, **{name: said})
        elif said and said != now:
            changes.append(f"Another {name} ({said[:60]}) was not taken: one holds for all levels.")
    whole = settled(sketch.with_rows(rows), check, changes)
    if len(whole.faults) <= len(work.faults):
        return whole
    shared = settled(sketch, check, changes)
    start = shared if len(shared.faults) <= len(work.faults) else replace(work, changes=tuple(changes))
    return _one_by_one(start, rows, check)


def _one_by_one(work: Checked, rows: Mapping[int, Row], check: Check) -> Checked:
    """Only those rows that leave fewer faults than there were without them."""
    for level, row in rows.items():
        tried = settled(work.sketch.with_rows({level: row}), check, work.changes)
        if len(tried.faults) < len(work.faults):
            work = tried
        else:
            said = f"Level {level} was not better when written anew and stays as it was."
            work = replace(work, changes=(*work.changes, said))
    return work


def _taken(work: Checked, draft: Draft) -> tuple[dict[int, Row], list[str]]:
    """The rows of a reply by the faulty level that each is for, and why others are none."""
    wanted, rows, changes = work.wanted(), {}, []
    in_order = len(draft.rows) == len(wanted)
    for i, row in enumerate(draft.rows):
        level = _level_of(row, work.sketch)
        if level is None and in_order:
            level = wanted[i]
        if level in rows:
            changes.append(f"Level {level} came twice; the first was taken.")
        elif level in wanted:
            rows[level] = row
        else:
            place = "a level that there is not" if level is None else f"level {level}"
            changes.append(f"A row for {place} was not asked for and left out ({_width(row)}).")
    return rows, changes


def _level_of(row: Row, sketch: Sketch) -> int | None:
    """The level whose width the row states; without a width, the one whose number it states."""
    if row.width_m is None:
        return row.level if row.level is not None and 0 <= row.level < len(sketch.rows) else None
    level = round(math.log(sketch.widest_m / row.width_m) / math.log(sketch.frame.step))
    return level if 0 <= level < len(sketch.rows) else None


def _width(row: Row) -> str:
    return "no width" if row.width_m is None else say_length(row.width_m)
