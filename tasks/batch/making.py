"""A batch made in this process: threads, so that stories are planned and films rendered while a model draws."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from threading import Lock

from tasks import environment, slots, stopping
from tasks.batch.found import finished
from tasks.batch.outcome import Outcome
from tasks.batch.plan import Batch, Job
from tasks.batch.record import Record
from tasks.batch.summary import Summary
from tasks.begun import in_progress
from tasks.depot.roots import in_turn
from tasks.errors import RefusedError
from tasks.events import Event, Listener, ignore, of_run
from tasks.machine import resolve_device
from tasks.pipeline import run_zoom
from tasks.run import CACHE, Tools
from tasks.services import services_for, using

IN_FLIGHT = 2
LOOK_EVERY_S = 1.0


def run_batch(
    batch: Batch,
    *,
    on_event: Listener = ignore,
    force: bool = False,
    in_flight: int = IN_FLIGHT,
    only_failed: bool = False,
    tools: Tools | None = None,
) -> Summary:
    """Make the jobs of a batch, using what is there; no engine is needed. One that fails stops no other.

    in_flight: jobs at a time; of them one draws (on every GPU one), while the others are planned, scored and rendered.
    only_failed: leave alone what the batch's file tells as done. Raises KeyboardInterrupt where somebody stops it; the
    files of the batch tell by then how far it has come.
    """
    record = Record(batch, one_at_a_time(on_event), only_failed=only_failed)
    return make_left(record, force=force, in_flight=in_flight, tools=tools)


def make_left(
    record: Record, *, force: bool = False, in_flight: int = IN_FLIGHT, tools: Tools | None = None
) -> Summary:
    """As `run_batch`, of the jobs of which the record knows nothing yet."""
    batch = record.batch
    try:
        with using(services_for(batch.config, batch.root)) as services:
            if not force:
                with in_progress(batch.root / CACHE):
                    finished(record)
            with suppress(RefusedError):  # told by the jobs that ask them
                services.ready()
            with stopping.scope(), slots.holding(_turns()):
                _make(record, in_flight, tools, force)
    except BaseException:
        record.finish(stopped=True)
        raise
    return record.finish()


def _turns() -> slots.Slot:
    """The slot of the threads, beside the caller's. GPUs have slots of their own, so that several can be at work."""
    own, outer = slots.in_turn(), slots.current()
    return outer if resolve_device("auto") == "cuda" else slots.beside(own, outer)


def one_at_a_time(listener: Listener) -> Listener:
    """A listener that may be told from several threads."""
    lock = Lock()

    def listen(event: Event) -> None:
        with lock:
            listener(event)

    return listen


def _make(record: Record, in_flight: int, tools: Tools | None, force: bool) -> None:
    """Make what is left of a batch. Raises KeyboardInterrupt where somebody stops it, when all threads have ended."""
    pool = ThreadPoolExecutor(in_flight, thread_name_prefix="video")
    try:
        going = {
            pool.submit(copy_context().run, _attempt, record, job, tools, force)  # a context is entered once at a time
            for job in in_turn(record.batch.root, record.left)  # other machines begin elsewhere
        }
        _await(going)
    except BaseException:
        stopping.ask()  # threads end at their next step, and none is begun
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _await(going: set[Future[None]]) -> None:
    """Wait for all. In slices, so that signals are heard meanwhile; raises what a thread was ended by."""
    while going:
        done, going = wait(going, timeout=LOOK_EVERY_S)
        for one in done:
            one.result()


def _attempt(record: Record, job: Job, tools: Tools | None, force: bool) -> None:
    """Make one job; what it raises is its outcome, unless somebody stops the batch."""
    try:
        stopping.check()
        record.begin(job)
        record.end(job, _outcome(record, job, tools, force))
    except BaseException:
        stopping.ask()  # before this thread takes the next job
        raise


def _outcome(record: Record, job: Job, tools: Tools | None, force: bool) -> Outcome:
    began, on_event = time.monotonic(), of_run(job.name, stopping.heeding(record.on_event))
    try:
        report = run_zoom(job.config, job.asked, record.batch.root, tools=tools, on_event=on_event, force=force)
    except Exception as error:
        stopping.check()  # what fails because everything ends has not failed
        if environment.read().debug:
            traceback.print_exception(error)
        return Outcome.failure(error, time.monotonic() - began)
    return Outcome.of(report.as_json(), time.monotonic() - began)
