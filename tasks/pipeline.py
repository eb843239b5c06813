"""The main job as plain functions: each stage found or made, in their order, and the run folder of the result."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from prompts import Story
from prompts.request import PlanRequest
from tasks.events import Listener, StageDone, StageWaiting, ignore
from tasks.film import film_of
from tasks.folder import publish
from tasks.plan import prepare
from tasks.run import Results, Run, Stage, Tools, in_use
from tasks.services import services_for, using
from tasks.specs import RunConfig
from tasks.stage import Json, Manifest, locked
from tasks.stages import stages_of
from tasks.told import drawn, told_story


@dataclass(frozen=True)
class StageReport:
    """What became of a stage: made by this run or found, and the seconds that took."""

    stage: str
    made: bool
    seconds: float


@dataclass(frozen=True)
class Report:
    """What a run has made. `restored` names files of its folder that were missing or changed and are back."""

    run: Run
    stages: tuple[StageReport, ...]
    results: Results
    restored: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Plain facts: the run's id and folder, what became of each stage, and how the story came about."""
        stages = {report.stage: {"made": report.made, "seconds": round(report.seconds, 3)} for report in self.stages}
        return {
            "run_id": self.run.id,
            "folder": str(self.run.folder),
            "stages": stages,
            "restored": list(self.restored),
            **self.run.told,
        }

    @property
    def video(self) -> Path:
        """The film, or the folder of its pictures."""
        return self.run.folder / film_of(self.run).name


class Making:
    """A run in the making: stages are made one after the other, each from the results before it."""

    def __init__(self, run: Run, on_event: Listener = ignore, *, force: bool = False) -> None:
        self.run, self.on_event, self.force = run, on_event, force
        self.results: dict[str, Manifest] = {}
        self.reports: list[StageReport] = []

    def in_progress(self) -> AbstractContextManager[None]:
        """Keeps the store from being cleaned."""
        return locked(in_use(self.run.root), shared=True)

    def make(self, stage: Stage) -> StageReport:
        """Find or make one stage."""
        started = time.perf_counter()
        manifest, made = self.run.workshop.make(
            stage.key(self.run, self.results),
            lambda work: stage.make(self.run, self.results, work, self.on_event),
            force=self.force,
            on_wait=lambda: self.on_event(StageWaiting(stage.name)),
        )
        self.results[stage.name] = manifest
        self.reports.append(StageReport(stage.name, made, time.perf_counter() - started))
        self.on_event(StageDone(stage.name, made, self.reports[-1].seconds))
        return self.reports[-1]

    def finish(self) -> Report:
        """Bring the run folder up to date and report."""
        return Report(self.run, tuple(self.reports), self.results, publish(self.run, self.results))


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
