"""Jobs that are there already, found before anything is begun: a video that is made costs a look at its files."""

from __future__ import annotations

import time

from tasks.batch.outcome import Outcome
from tasks.batch.plan import Job
from tasks.batch.record import Record
from tasks.depot.roots import depot_of, is_finished
from tasks.folder import is_published, publish, published
from tasks.stages import look_ahead, stages_of


def finished(record: Record) -> None:
    """Note the jobs of a batch whose stages are all there, and bring their folders up to date."""
    found = {job.number: outcome for job in record.left if (outcome := _found(job)) is not None}
    record.note(found)
    for job in record.batch.jobs:
        if job.number in found:
            record.tell(job, found[job.number])


def _found(job: Job) -> Outcome | None:
    """The outcome of a job that is there as a whole; None for others, and for what cannot be read: making it tells."""
    run = job.run
    if run is None:
        return None
    began = time.monotonic()
    try:
        results = look_ahead(run)
        stages = stages_of(run)
        if len(results) < len(stages):
            return None
        if depot_of(run.root) is not None:  # what is there needs not be here
            sizes = {name: artifact.size for name, artifact in published(results)}
            if not is_finished(run.root, f"{run.folder.parent.name}/{run.id}", sizes):
                return None
        elif not is_published(run, results):
            publish(run, results)
    except Exception:  # whatever it is stops no other; making the job tells of it
        return None
    seconds = time.monotonic() - began
    told = {stage.name: {"made": False, "seconds": 0.0} for stage in stages}
    return Outcome("reused", None, round(seconds, 3), told, run_id=run.id, folder=str(run.folder))
