"""What is set right in a schedule: without asking, where the draft says how; else by the model, level by level."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompts.checks import MAX_PROMPT
from prompts.scales.units import say_length
from prompts.schedule import Violation
from prompts.writer.brief import hints
from prompts.writer.draft import Draft, Row
from prompts.writer.sketch import Sketch

Check = Callable[[Sketch], tuple[Violation, ...]]

SPOILT = ("viewpoint", "banned", "length")  # kinds of faults that lie in a part of a prompt
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
    """The schedule with what its own words can mend, as far as that leaves fewer faults.

    A centre that is not named is that of the next level's subject; a part of a prompt that is at fault, and is not the
    first, is left out.
    """
    now = Checked(sketch, check(sketch), tuple(changes))
    for fault in now.faults:
        for row, said in _mended(now.sketch, fault):
            tried = now.sketch.with_rows({fault.level: row} if fault.level is not None else {})
            faults = check(tried)
            if len(faults) < len(now.faults):
                now = Checked(tried, faults, (*now.changes, said))
                break
    return now


def _mended(sketch: Sketch, fault: Violation) -> Iterator[tuple[Row, str]]:
    """What may stand in place of the faulty row, and the sentence that tells of it."""
    level = fault.level
    if level is None or (row := sketch.rows[level]) is None:
        return
    if (named := _with_centre(sketch, fault)) is not None:
        yield named, f"Level {level} did not name what level {level + 1} shows; that was added."
    if fault.kind in SPOILT:
        first, *parts = row.prompt.split(", ")
        for i in reversed(range(len(parts))):
            shorter = ", ".join([first, *parts[:i], *parts[i + 1 :]])
            yield replace(row, prompt=shorter), f"Level {level} said '{parts[i][:40]}'; that was left out."


def _with_centre(sketch: Sketch, fault: Violation) -> Row | None:
    """The faulty row with the next one's subject in its centre, in place of what it names there.

    None where that is not the fault, or the centre is named by all that the row says.
    """
    if fault.kind != "centre" or fault.level is None or fault.level + 1 >= len(sketch.rows):
        return None
    row, deeper = sketch.rows[fault.level], sketch.rows[fault.level + 1]
    if row is None or deeper is None or not deeper.subject:
        return None
    first, *parts = row.prompt.rstrip(" .,;").split(", ")
    if _names_centre(first):
        return None
    kept = [first, *(part for part in parts if not _names_centre(part))]
    prompt = ", ".join([*kept, f"{deeper.subject} in the centre"])
    return replace(row, prompt=prompt) if len(prompt) <= MAX_PROMPT else None


def _names_centre(words: str) -> bool:
    return any(said in words.lower() for said in CENTRES)


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
