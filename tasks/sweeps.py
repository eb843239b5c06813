"""Sweeps: runs that were accepted, and their making one after the other.

Expanding (`tasks.expansion`) is pure, planning writes nothing, making keeps `sweep.json` up to date, and reporting
(`tasks.sweep_report`) reads what is there: an engine of another kind may make the runs of a plan in its own way.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import prompts
from evaluation.presets import PRESETS, Preset
from prompts import Story
from prompts.errors import StoryError
from tasks.errors import RefusedError, RunError
from tasks.events import Listener, RunEnded, RunStarted, ignore
from tasks.expansion import SweepPoint, expand
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.run import CONFIG, Run, Tools
from tasks.specs import did_you_mean
from tasks.stage import Json, canonical_json
from tasks.sweep_file import SWEEPS, Point, SweepFile, write_sweep
from tasks.sweep_spec import SweepSpec
from zoomlib.errors import ZoomlibError


@dataclass(frozen=True)
class Planned:
    """A point whose run was accepted."""

    point: SweepPoint
    run: Run

    @property
    def is_there(self) -> bool:
        """Whether the run's folder is complete, `config.json` being written last."""
        return (self.run.folder / CONFIG).is_file()


@dataclass(frozen=True)
class Sweep:
    """Everything that a sweep will make, accepted. notes: what was merged, a sentence each."""

    spec: SweepSpec
    id: str
    root: Path
    arms: tuple[str, ...]
    points: tuple[Planned, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the folder of sweeps, without the id."""
        return prompts.slug(self.spec.title) if self.preset is None else self.preset.name

    @property
    def preset(self) -> Preset | None:
        """The preset whose arms these are; None where a file has added others."""
        preset = PRESETS.get(self.spec.preset or "")
        return preset if preset is not None and {arm.name for arm in preset.arms} >= {*self.arms} else None

    @property
    def folder(self) -> Path:
        """Where its results are written."""
        return self.root / SWEEPS / f"{self.name}-{self.id}"

    @property
    def baseline(self) -> str:
        """The arm that others are compared with: the one named, or the first."""
        named = self.spec.baseline
        return named if named in self.arms else self.arms[0]


def planned(
    spec: SweepSpec,
    stories: Sequence[Story],
    root: Path,
    *,
    values: Mapping[str, object] | None = None,
    tools: Tools | None = None,
) -> Sweep:
    """Accept every run of a sweep, or raise what the first of them is refused with; nothing is written.

    Runs that would be the same work under two names stay with the first.
    """
    if not stories:
        raise RefusedError("A sweep needs stories: --stories NAME, FILE or FOLDER, or `stories:` in its file.")
    points: dict[str, Planned] = {}
    merged: dict[tuple[str, str], None] = {}
    for point in expand(spec, stories, values):
        run = _accepted(point, root, tools)
        first = points.setdefault(run.id, Planned(point, run)).point
        if first.arm != point.arm:
            merged[point.arm, first.arm] = None
    arms = tuple(dict.fromkeys(one.point.arm for one in points.values()))
    if spec.baseline is not None and spec.baseline not in arms:
        raise RefusedError(f"There is no arm {spec.baseline!r} to compare with. {did_you_mean(spec.baseline, arms)}")
    notes = [f"{arm} asks for the same runs as {first}, which are made once." for arm, first in merged]
    content = [spec.title, *(sorted([one.point.arm, run_id] for run_id, one in points.items()))]
    digest = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:8]
    return Sweep(spec, digest, root, arms, tuple(points.values()), tuple(notes))


def _accepted(point: SweepPoint, root: Path, tools: Tools | None) -> Run:
    if point.config.plan.refine:  # each run would have a story of its own
        raise RefusedError(
            "A sweep draws the same stories with every arm, and refines none. Leave plan.refine out, and give it the "
            "story.yaml of a run that was refined."
        )
    try:
        return prepare(point.config, point.story, root, tools)
    except (RefusedError, ZoomlibError, StoryError) as error:
        raise RefusedError(f"{point}: {error}") from error


def run_sweep(
    sweep: Sweep, *, tools: Tools | None = None, on_event: Listener = ignore, force: bool = False
) -> dict[str, Json]:
    """Make the runs of a sweep one after the other, using what is there; no engine is needed. Returns plain facts."""
    execution = Execution(sweep, on_event)
    for one in execution:
        with execution.attempt(one):
            run_zoom(one.point.config, one.point.story, sweep.root, tools=tools, on_event=on_event, force=force)
    return execution.as_json()


@dataclass
class Execution:
    """The making of a sweep: gives the points one after the other and keeps `sweep.json` up to date.

    for one in execution:
        with execution.attempt(one):
            run_zoom(one.point.config, one.point.story, sweep.root)
    """

    sweep: Sweep
    on_event: Listener = ignore
    errors: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    number: int = 0

    def __iter__(self) -> Iterator[Planned]:
        """All points, in order; the file is there before the first of them is."""
        self.made = {one.run.id for one in self.sweep.points if one.is_there}
        self.write()
        total = len(self.sweep.points)
        for number, one in enumerate(self.sweep.points, 1):
            self.number = number
            self.on_event(RunStarted(number, total, str(one.point)))
            yield one

    @contextmanager
    def attempt(self, one: Planned) -> Iterator[None]:
        """Make a point in the body: what it raises is kept as the point's error, unless somebody stops the sweep."""
        started = time.perf_counter()
        try:
            yield
            self.made.add(one.run.id)
        except Exception as error:
            self.made.discard(one.run.id)
            self.errors[one.run.id] = said(error)
        fault, seconds = self.errors.get(one.run.id), time.perf_counter() - started
        self.write()
        self.on_event(RunEnded(self.number, len(self.sweep.points), str(one.point), seconds, fault))

    def write(self) -> None:
        """Bring `sweep.json` up to date."""
        write_sweep(self.as_file(), self.sweep.folder)

    def as_file(self) -> SweepFile:
        """What is known by now."""
        sweep = self.sweep
        points = tuple(self._point(one) for one in sweep.points)
        preset = None if sweep.preset is None else sweep.preset.name
        return SweepFile(sweep.name, sweep.spec.title, sweep.id, preset, sweep.arms, points)

    def as_json(self) -> dict[str, Json]:
        """Plain facts: the sweep's id and folder, how many runs it has, and which have failed why."""
        failed = {str(one.point): self.errors[one.run.id] for one in self.sweep.points if one.run.id in self.errors}
        return {
            "sweep": self.sweep.id,
            "folder": str(self.sweep.folder),
            "runs": len(self.sweep.points),
            "failed": failed,
        }

    def _point(self, one: Planned) -> Point:
        run, point = one.run, one.point
        there = run.id in self.made
        folder = run.folder.relative_to(self.sweep.root).as_posix() if there else None
        return Point(
            point.arm, point.story.title, point.seed, run.id if there else None, folder, self.errors.get(run.id)
        )


def said(error: Exception) -> str:
    """An error as the reason of a point that was not made: one line, without its last full stop."""
    known = isinstance(error, (RunError, ZoomlibError, OSError, StoryError))
    text = str(error) if known and str(error) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()).rstrip(".")[:1000]
