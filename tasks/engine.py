"""The stages as Prefect tasks. What is cached is decided by the stages' own manifests, never by Prefect: a record of a
result would outlive the file that it points to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect import State, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from tasks import rerender, scoring
from tasks.events import Listener
from tasks.outside import WAITS_S, passes
from tasks.pipeline import Making
from tasks.rerender import Rendering
from tasks.run import Stage
from tasks.score import score_table
from tasks.scoring import Outcome
from tasks.scoring_plan import Asked, Work
from tasks.stage import Json
from tasks.sweep_report import Findings
from tasks.sweeps import Sweep


def may_pass(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether a task failed for what the outside world did, so that it is tried again; everything else is told now."""
    return isinstance(state.data, BaseException) and passes(state.data)


RETRIED: dict[str, Any] = {
    "retries": len(WAITS_S),
    "retry_delay_seconds": list(WAITS_S),
    "retry_condition_fn": may_pass,
}


@task(cache_policy=NO_CACHE, persist_result=False, **RETRIED)
def make(making: Making, stage: Stage) -> State[None]:
    """Find or make a stage; the run in the making keeps what came of it."""
    report = making.make(stage)
    return Completed(name="Made" if report.made else "Cached")


@task(cache_policy=NO_CACHE, persist_result=False, **RETRIED)
def _step(body: Callable[[], Any]) -> Any:
    return body()


def perform(name: str, body: Callable[[], Any]) -> Any:
    """Do a step as a task of that name."""
    return _step.with_options(name=name)(body)


@task(name="video", cache_policy=NO_CACHE, persist_result=False)
def render_film(rendering: Rendering, on_event: Listener, *, force: bool = False) -> dict[str, Json]:
    """Find or make a film of a finished run; returns plain facts."""
    return rerender.make(rendering, on_event, force=force)


@task(name="publish scores", cache_policy=NO_CACHE, persist_result=False)
def publish_scores(making: Making) -> None:
    """Show the scores of a run as a table in Prefect's page."""
    run = making.run
    head, rows = score_table(run, making.results)
    create_table_artifact(
        [dict(zip(head, row, strict=True)) for row in rows],
        key=f"scores-{run.id}",
        description=f"Scores of run {run.id}, seed {run.config.seed}, model {run.model['id']}",
    )


@task(name="publish ranking", cache_policy=NO_CACHE, persist_result=False)
def publish_ranking(sweep: Sweep, found: Findings) -> None:
    """Show the ranking of a sweep in Prefect's page."""
    create_markdown_artifact(found.markdown, key=f"ranking-{sweep.id}", description=f"Ranking of {sweep.spec.title}")


@task(name="scores", cache_policy=NO_CACHE, persist_result=False)
def measure_scores(works: Sequence[Work], asked: Asked, on_event: Listener) -> tuple[Outcome, ...]:
    """Measure what is missing of several runs; one outcome for each."""
    return scoring.measure(works, asked, on_event=on_event)
