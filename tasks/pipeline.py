"""The main job as plain functions: each stage found or made, in their order, and the run folder of the result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from prompts import Story
from prompts.request import PlanRequest
from tasks import slots
from tasks.begun import in_progress
from tasks.events import Event, Listener, StageDone, StageMoved, StageNoted, StageStarted, StageWaiting, ignore
from tasks.film import film_of
from tasks.folder import publish
from tasks.plan import prepare
from tasks.planes import draws_plane
from tasks.run import Results, Run, Stage, Tools
from tasks.sample import SAMPLING, evaluations
from tasks.services import services_for, spent_here, using
from tasks.specs import RunConfig
from tasks.stage import Json, Made, Manifest
from tasks.stages import stages_of
from tasks.told import drawn, told_story


@dataclass(frozen=True)
class StageReport:
    """What became of a stage: made by this run or found, and the seconds that took, without waiting for its turn.

    evaluations: levels that passed the model in it; tiles: those of a plane that it painted. gpu_seconds: for which it
    held a GPU.
    """

    stage: str
    made: bool
    seconds: float
    evaluations: int = 0
    tiles: int = 0
    gpu_seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What a run has made.

    restored: files of its folder that were missing or changed and are back. spent: what language models took for it.
    """

    run: Run
    stages: tuple[StageReport, ...]
    results: Results
    restored: tuple[str, ...]
    spent: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """Plain facts: the run's id and folder, what became of each stage, and how the story came about."""
        stages = {report.stage: {"made": report.made, "seconds": round(report.seconds, 3)} for report in self.stages}
        return {
            "run_id": self.run.id,
            "folder": str(self.run.folder),
            "stages": stages,
            "restored": list(self.restored),
            "evaluations": sum(report.evaluations for report in self.stages),
            "tiles": sum(report.tiles for report in self.stages),
            "gpu_seconds": round(sum(report.gpu_seconds for report in self.stages), 3),
            "spent": dict(self.spent),
            **self.run.told,
        }

    @property
    def video(self) -> Path:
        """The film, or the folder of its pictures."""
        return self.run.folder / film_of(self.run).name


class Meter:
    """The making of one stage, measured; a stage in which a model draws holds the slot of its device meanwhile."""

    def __init__(self, run: Run, stage: Stage, on_event: Listener) -> None:
        self.run, self.stage, self.on_event = run, stage, on_event
        self.gpu_seconds = self.waited_s = 0.0
        self._first = self._last = self._total = 0

    @property
    def evaluations(self) -> int:
        """Levels that passed the run's model in it, guidance counted; an interrupted stage's earlier ones are not."""
        return 0 if draws_plane(self.run.method) else self._passed

    @property
    def tiles(self) -> int:
        """Tiles of a plane that were painted in it, counted alike."""
        return self._passed if draws_plane(self.run.method) else 0

    @property
    def _passed(self) -> int:
        if self.stage.name != SAMPLING.name or not self._total:
            return 0
        return round((self._last - self._first) / self._total * evaluations(self.run))

    def make(self, results: Results, work: Path) -> Made:
        """Make the stage, in its turn."""
        if not self.stage.gpu:
            return self.stage.make(self.run, results, work, self.on_event)
        devices, asked = self.run.config.model.devices, time.perf_counter()
        with slots.held(devices, on_wait=self._waits):
            began = time.perf_counter()
            self.waited_s = began - asked
            try:
                made = self.stage.make(self.run, results, work, self._count)
                return replace(made, waited_s=self.waited_s)
            finally:
                if any(device.startswith("cuda") for device in devices):
                    self.gpu_seconds = time.perf_counter() - began

    def _waits(self) -> None:
        self.on_event(StageNoted(self.stage.name, "another run draws on the same device; waiting for it"))

    def _count(self, event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage == self.stage.name:
            self._first, self._last, self._total = event.done, event.done, event.total
        elif isinstance(event, StageMoved) and event.stage == self.stage.name:
            self._last = event.done
        self.on_event(event)


class Making:
    """A run in the making: stages are made one after the other, each from the results before it."""

    def __init__(self, run: Run, on_event: Listener = ignore, *, force: bool = False) -> None:
        self.run, self.on_event, self.force = run, on_event, force
        self.results: dict[str, Manifest] = {}
        self.reports: list[StageReport] = []

    def in_progress(self) -> AbstractContextManager[None]:
        """Keeps what the run uses of the store from being swept away, afterwards too where it does not end well."""
        return in_progress(self.run.workshop.root)

    def make(self, stage: Stage) -> StageReport:
        """Find or make one stage."""
        started, meter = time.perf_counter(), Meter(self.run, stage, self.on_event)
        manifest, made = self.run.workshop.make(
            stage.key(self.run, self.results),
            lambda work: meter.make(self.results, work),
            force=self.force,
            on_wait=lambda: self.on_event(StageWaiting(stage.name)),
            on_note=lambda text: self.on_event(StageNoted(stage.name, text)),
        )
        self.results[stage.name] = manifest
        seconds = time.perf_counter() - started - meter.waited_s
        work = meter.evaluations, meter.tiles
        self.reports.append(StageReport(stage.name, made, seconds, *work, meter.gpu_seconds))
        self.on_event(StageDone(stage.name, made, self.reports[-1].seconds))
        return self.reports[-1]

    def finish(self) -> Report:
        """Bring the run folder up to date and report."""
        restored = publish(self.run, self.results)
        return Report(self.run, tuple(self.reports), self.results, restored, spent_here())


def run_zoom(
    config: RunConfig,
    story: Story | PlanRequest,
    root: Path = Path("runs"),
    *,
    tools: Tools | None = None,
    on_event: Listener = ignore,
    force: bool = False,
) -> Report:
    """Make the zoom of a story under `root`, using what is there; no engine is needed.

    Of a wish the story is made first, and with `config.plan.refine` it is refined, as `tasks.told` says. Raises
    RefusedError, StoryError, PlanError or InvalidInputError before any work for what cannot be made.
    """
    with using(services_for(config, root)) as services:
        found, told = told_story(story, config, services, tools=tools, on_event=on_event, force=force)
        run = prepare(drawn(config), found, root, tools, told=told)
        making = Making(run, on_event, force=force)
        with making.in_progress():
            for stage in stages_of(run):
                making.make(stage)
            return making.finish()
