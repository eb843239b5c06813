"""Sweeps: runs that were accepted, and their making as a batch.

Expanding (`tasks.expansion`) is pure, planning writes nothing, making keeps `sweep.json` up to date, and reporting
(`tasks.sweep_report`) reads what is there: an engine of another kind may make the runs of a plan in its own way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import prompts
from evaluation.presets import PRESETS, Preset
from prompts import Story
from prompts.errors import StoryError
from tasks.batch.making import IN_FLIGHT, make_left, one_at_a_time
from tasks.batch.outcome import Outcome
from tasks.batch.plan import Batch, Job
from tasks.batch.record import Record, write_summary
from tasks.batch.summary import Summary
from tasks.errors import RefusedError
from tasks.events import Listener, ignore
from tasks.expansion import SweepPoint, expand
from tasks.plan import prepare
from tasks.remembered import remembering
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
    tools = remembering(tools or Tools())
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
    sweep: Sweep,
    *,
    tools: Tools | None = None,
    on_event: Listener = ignore,
    force: bool = False,
    in_flight: int = IN_FLIGHT,
) -> dict[str, Json]:
    """Make the runs of a sweep as those of a batch, using what is there; no engine is needed. Returns plain facts."""
    record = recorded(sweep, one_at_a_time(on_event))
    return facts_of(sweep, make_left(record, force=force, in_flight=in_flight, tools=tools))


def recorded(sweep: Sweep, on_event: Listener = ignore) -> Record:
    """A record of the sweep's runs that keeps `sweep.json` and the summary up to date."""
    there = frozenset(one.run.id for one in sweep.points if one.is_there)

    def keep(summary: Summary) -> None:
        write_sweep(file_of(sweep, summary, there), sweep.folder)
        write_summary(summary)

    return Record(batch_of(sweep), on_event, keep=keep)


def batch_of(sweep: Sweep) -> Batch:
    """The points of a sweep as jobs, in their order; a job's method is the point's arm."""
    jobs = tuple(_job(number, one) for number, one in enumerate(sweep.points, 1))
    config = sweep.points[0].run.config
    return Batch(sweep.spec.title, sweep.id, sweep.root, sweep.folder, config, jobs, sweep.notes)


def _job(number: int, one: Planned) -> Job:
    point = one.point
    return Job(number, str(point), point.story.title, point.arm, point.seed, point.config, point.story, run=one.run)


def file_of(sweep: Sweep, summary: Summary, there: Collection[str] = ()) -> SweepFile:
    """What is known of a sweep by now. there: the ids of runs that were there before anything was looked at."""
    outcomes = [outcome for _, outcome in summary.jobs]
    points = tuple(_point(sweep, *pair, there) for pair in zip(sweep.points, outcomes, strict=True))
    preset = None if sweep.preset is None else sweep.preset.name
    return SweepFile(sweep.name, sweep.spec.title, sweep.id, preset, sweep.arms, points)


def _point(sweep: Sweep, one: Planned, outcome: Outcome | None, there: Collection[str]) -> Point:
    run, point = one.run, one.point
    is_there = run.id in there if outcome is None else outcome.is_done
    folder = run.folder.relative_to(sweep.root).as_posix() if is_there else None
    error = None if outcome is None else outcome.error
    return Point(point.arm, point.story.title, point.seed, run.id if is_there else None, folder, error)


def facts_of(sweep: Sweep, summary: Summary) -> dict[str, Json]:
    """Plain facts: the sweep's id and folder, how many runs it has, and which have failed why."""
    failed = {job.name: outcome.error for job, outcome in summary.missing}
    return {"sweep": sweep.id, "folder": str(sweep.folder), "runs": len(sweep.points), "failed": failed}
