"""Carries a batch out on one of the engines: in this process, as deployment runs, or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from prefect import get_run_logger
from prefect.client.orchestration import get_client

from flows.desk import Desk
from flows.slot import slot_of
from flows.submitting import NOTICE_S, Order, Patience, Submission
from tasks import slots
from tasks.batch.found import finished
from tasks.batch.making import make_left
from tasks.batch.outcome import Outcome
from tasks.batch.plan import Job
from tasks.batch.record import Record
from tasks.batch.summary import Summary, time_of
from tasks.begun import in_progress
from tasks.fan_out import Fleet, fan_out
from tasks.run import CACHE

Engine = Literal["here", "deployment", "dask", "ray"]
SAY_EVERY_S = 60.0


@dataclass(frozen=True)
class Way:
    """How the videos of a batch are made.

    root: the folder of all runs as it was given, which other machines read in their own way. deployment: whose runs the
    videos are. cluster: address of a scheduler; none for a cluster of this machine. in_flight: videos at a time here,
    or workers of such a cluster. slot: name of a limit that is held while a model draws.
    """

    engine: Engine = "here"
    root: str = ""
    deployment: str = "zoom/zoom"
    cluster: str = ""
    in_flight: int = 2
    slot: str | None = None
    force: bool = False
    patience: Patience = field(default_factory=Patience)


async def carry_out(record: Record, way: Way) -> Summary:
    """Make what is left of a batch; one that fails stops no other. Finished videos are found at once and cost nothing.

    Raises RefusedError where the engine cannot be used at all.
    """
    if way.engine == "here":
        with slots.holding(slot_of(way.slot)):
            return make_left(record, force=way.force, in_flight=way.in_flight)
    try:
        if not way.force and not record.is_resumed:  # else its own runs tell what they made, and what that took
            with in_progress(record.batch.root / CACHE):
                finished(record)
        if record.left:
            await (_by_deployment(record, way) if way.engine == "deployment" else _on_cluster(record, way))
    except BaseException:
        record.finish(stopped=True)
        raise
    return record.finish()


async def _by_deployment(record: Record, way: Way) -> None:
    jobs = {job.name: job for job in record.left}
    tags = ("batch", f"batch-{record.batch.id}")
    orders = [Order(job.name, parameters_of(job, way), tags, record.by) for job in jobs.values()]
    say = sayer()
    async with get_client() as client:
        submission = Submission(
            Desk(client, on_wait=say),
            way.deployment,
            on_begin=lambda order: record.begin(jobs[order.name]),
            on_end=lambda order, outcome: record.end(jobs[order.name], outcome),
            patience=way.patience,
            say=say,
        )
        await submission.carry_out(orders)
    if submission.alone_s > NOTICE_S:
        _note(record, f"For {time_of(submission.alone_s)} no worker was there to make videos.")


async def _on_cluster(record: Record, way: Way) -> None:
    def ended(job: Job, outcome: Outcome) -> None:
        record.begin(job)
        record.end(job, outcome)

    fleet = Fleet(
        way.engine,  # type: ignore[arg-type]  # one of the two that are left
        way.cluster,
        way.in_flight,
        slot_of,
        way.slot,
        way.patience.worker_s,
        way.patience.whole_s,
    )
    fan_out(record.left, fleet, ended, root=way.root, force=way.force, say=sayer())


def parameters_of(job: Job, way: Way) -> dict[str, object]:
    """What the flow of one video is called with: plain values that pass the deployment's schema."""
    return {
        "story": job.asked.model_dump(mode="json", exclude_defaults=True),
        "config": job.config.model_dump(mode="json", exclude_defaults=True),
        "root": way.root,
        "force": way.force,
    }


def _note(record: Record, text: str) -> None:
    """Add a sentence to the summary."""
    record.batch = replace(record.batch, notes=(*record.batch.notes, text))


def sayer() -> Callable[[str], None]:
    """Says a sentence in the flow run's log, and the same one again after a minute at the earliest."""
    said: dict[str, float] = {}

    def say(text: str) -> None:
        moment = time.monotonic()
        if moment - said.get(text, -SAY_EVERY_S) >= SAY_EVERY_S:
            said[text] = moment
            get_run_logger().warning(text)

    return say
