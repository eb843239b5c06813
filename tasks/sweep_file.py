"""`sweep.json`: what a sweep was to make, under which names, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.errors import RefusedError
from tasks.store import write_bytes

SWEEPS, SWEEP = "_sweeps", "sweep.json"
VERSION = 1


@dataclass(frozen=True)
class Point:
    """One run of a sweep. folder: of the run, relative to the folder of all runs; None before it is made."""

    arm: str
    story: str
    seed: int
    run_id: str | None
    folder: str | None
    error: str | None

    def __str__(self) -> str:
        return f"{self.arm}, {self.story}, seed {self.seed}"


@dataclass(frozen=True)
class SweepFile:
    """A sweep as its file tells it. arms: in the order in which they are told."""

    name: str
    title: str
    id: str
    preset: str | None
    arms: tuple[str, ...]
    points: tuple[Point, ...]


def read_sweep(folder: Path) -> SweepFile:
    """The sweep in `folder`. Raises RefusedError for a file that is missing, damaged, or of another version."""
    path = folder / SWEEP
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise ValueError(f"its version is {facts['version']}, not {VERSION}")
        return SweepFile(
            name=str(facts["name"]),
            title=str(facts["title"]),
            id=str(facts["id"]),
            preset=facts["preset"],
            arms=tuple(map(str, facts["arms"])),
            points=tuple(map(_point, facts["points"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{path} is not usable as a sweep: {error!r:.300}. Run the sweep again.") from error


def write_sweep(sweep: SweepFile, folder: Path) -> Path:
    """Write the file into `folder`, whole or not at all; `read_sweep` is the inverse."""
    text = json.dumps({"version": VERSION, **asdict(sweep)}, indent=1, ensure_ascii=False)
    write_bytes(folder / SWEEP, f"{text}\n".encode())
    return folder / SWEEP


def _point(facts: Mapping[str, Any]) -> Point:
    folder = facts["folder"]
    if folder is not None and (Path(folder).is_absolute() or ".." in Path(folder).parts):
        raise ValueError(f"the folder {folder!r} of a run lies outside the folder of all runs")
    return Point(str(facts["arm"]), str(facts["story"]), int(facts["seed"]), facts["run_id"], folder, facts["error"])
