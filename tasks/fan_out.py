"""The videos of a batch on a cluster that somebody has: tasks of Prefect on Dask or Ray, one for each video.

Both engines give a task whose worker has died to another worker, a few times; the video goes on there from its last
checkpoint where the runs' folder is shared.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture

from tasks import environment, slots
from tasks.batch.outcome import Outcome, said
from tasks.batch.plan import Job
from tasks.depot.roots import open_root
from tasks.errors import RefusedError, RunError
from tasks.named import told_as
from tasks.pipeline import run_zoom
from tasks.slots import Slot
from tasks.specs import RunConfig
from tasks.stage import Json

Cluster = Literal["dask", "ray"]
LOOK_S, ASK_S, ANSWER_S = 0.05, 5.0, 30.0
"""How long a video is waited for before the next is looked at; how often the cluster is asked for its workers, and how
long it may take to answer."""


@dataclass(frozen=True)
class Fleet:
    """A cluster. address: of its scheduler; without one a cluster of `workers` processes is started here and ended.

    slot: gives, where the video is made, the slot of a limit's name. worker_s, whole_s: as `flows.submitting.Patience`.
    """

    engine: Cluster
    address: str = ""
    workers: int = 2
    slot: Callable[[str | None], Slot] = lambda _limit: slots.free
    limit: str | None = None
    worker_s: float = 600.0
    whole_s: float = 20 * 3600.0

    def runner(self) -> Any:
        """Its task runner. Raises RefusedError where the extra is not installed."""
        try:
            return self._dask() if self.engine == "dask" else self._ray()
        except ImportError as error:
            remedy = f"pip install 'tenfold[{self.engine}]'"
            raise RefusedError(f"{self.engine} is not installed ({error}). {remedy}, or use engine: here.") from error

    def reach(self) -> None:
        """Find out whether somebody listens at the address. Raises RefusedError where it is none, else RunError."""
        try:
            place = urlsplit(self.address if "://" in self.address else f"//{self.address}")
            port = place.port
        except ValueError as error:
            raise RefusedError(f"cluster: expected HOST:PORT of a scheduler, got {self.address!r}: {error}.") from None
        if not place.hostname or port is None:
            return  # names that the engine knows itself, as Ray's "auto"
        try:
            socket.create_connection((place.hostname, port), timeout=ANSWER_S).close()
        except OSError as error:
            told = f"The cluster at {self.address} does not answer: {error}."
            raise RunError(f"{told} Start its scheduler, or mend the address (cluster).") from error

    def _dask(self) -> Any:
        from prefect_dask import DaskTaskRunner

        own: dict[str, Any] = {"n_workers": self.workers, "threads_per_worker": 1, "death_timeout": self.worker_s}
        own["dashboard_address"] = None
        return DaskTaskRunner(address=self.address) if self.address else DaskTaskRunner(cluster_kwargs=own)

    def _ray(self) -> Any:
        from prefect_ray import RayTaskRunner

        own = {"num_cpus": self.workers, "include_dashboard": False}
        return RayTaskRunner(address=self.address) if self.address else RayTaskRunner(init_kwargs=own)


def make_video(asked: Json, config: Json, root: str, force: bool, slot: Slot) -> dict[str, Json]:
    """Make one video where the cluster has room; what came of it, as plain values."""
    began = time.monotonic()
    try:
        with slots.holding(slot):
            place = open_root(root or environment.read().runs)
            report = run_zoom(RunConfig.model_validate(config), told_as(asked), place, force=force)
        return Outcome.of(report.as_json(), time.monotonic() - began).as_json()
    except Exception as error:
        return Outcome.failure(error, time.monotonic() - began).as_json()


VIDEO = task(cache_policy=NO_CACHE, persist_result=False)(make_video)
"""The same as a task: under another name, so that workers import the function and need not be sent its insides."""


def fan_out(
    jobs: tuple[Job, ...],
    fleet: Fleet,
    on_end: Callable[[Job, Outcome], None],
    *,
    root: str = "",
    force: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> None:
    """Make videos on a cluster; `on_end` is called once for each, and every wait has an end."""

    def work() -> None:
        slot = fleet.slot(fleet.limit)
        futures = {job.number: _submitted(job, fleet, root, force, slot) for job in jobs}
        named = {job.number: job for job in jobs}
        for number, outcome in _outcomes(futures, fleet, say):
            on_end(named[number], outcome)

    fleet.reach()
    token = _WORK.set(work)
    try:
        flow(name=f"videos on {fleet.engine}", task_runner=fleet.runner(), persist_result=False)(_videos)()
    finally:
        _WORK.reset(token)


_WORK: ContextVar[Callable[[], None]] = ContextVar("work")


def _videos() -> None:
    """The flow of a cluster's tasks. It travels to the workers with each of them, and what it does stays here."""
    _WORK.get()()


def _submitted(job: Job, fleet: Fleet, root: str, force: bool, slot: Slot) -> PrefectFuture[Any]:
    """The task of a video, on its way to the cluster."""
    asked, config = job.asked.model_dump(mode="json"), job.config.model_dump(mode="json")
    with _share(fleet, job):
        return VIDEO.with_options(name=job.name).submit(asked, config, root, force, slot)


def _share(fleet: Fleet, job: Job) -> AbstractContextManager[None]:
    """What a video is given of a machine: of a Ray cluster with GPUs a whole one, since Ray hides them else."""
    if fleet.engine == "dask" or job.config.model.device == "cpu":
        return nullcontext()
    import ray
    from prefect_ray.context import remote_options

    if not ray.cluster_resources().get("GPU"):
        return nullcontext()
    whole: AbstractContextManager[None] = remote_options(num_gpus=1)
    return whole


def _outcomes(
    futures: dict[int, PrefectFuture[Any]], fleet: Fleet, say: Callable[[str], None]
) -> Iterator[tuple[int, Outcome]]:
    """What came of each, as it comes."""
    began = there = asked = time.monotonic()
    waiting = dict(futures)
    while waiting:
        for number, future in [*waiting.items()]:
            outcome = _outcome(future)
            if outcome is not None:
                there = time.monotonic()
                del waiting[number]
                yield number, outcome
        moment = time.monotonic()
        if moment - asked > ASK_S:
            asked = moment
            there = moment if workers_of(fleet) else there
            if there < moment:
                say(f"No worker of {fleet.engine} is there. Start one.")
        reason = _given_up(moment - there, moment - began, fleet)
        if reason:
            yield from ((number, Outcome("failed", reason)) for number in waiting)
            return


def _given_up(alone_s: float, whole_s: float, fleet: Fleet) -> str:
    """Why nothing is waited for any more; empty while it is."""
    if alone_s > fleet.worker_s:
        return f"no worker of {fleet.engine} was there for {alone_s:.0f} s. Start some, and start this again"
    if whole_s > fleet.whole_s:
        return f"not finished within {fleet.whole_s / 3600:g} hours. Start this again: it goes on from what is there"
    return ""


def _outcome(future: PrefectFuture[Any]) -> Outcome | None:
    """What came of a video; None while it is being made."""
    try:
        return Outcome.from_json(future.result(timeout=LOOK_S))
    except TimeoutError:
        return None
    except Exception as error:  # the video tells its own errors: this is of the cluster
        return Outcome("failed", f"the cluster has lost it: {said(error)}")


def workers_of(fleet: Fleet) -> int:
    """How many workers the cluster of the flow run in progress has, 0 where it does not answer.

    Raises RunError outside of such a flow run.
    """
    context = FlowRunContext.get()
    if context is None:
        raise RunError("A cluster can be asked for its workers only by the flow that uses it.")
    if fleet.engine == "dask":
        return _dask_workers(context.task_runner.client)  # type: ignore[attr-defined]
    import ray

    return sum(1 for node in ray.nodes() if node["Alive"])


def _dask_workers(client: Any) -> int:
    """Asked of the scheduler itself: what the client remembers outlives it."""
    if client.scheduler is None:
        return 0
    try:
        return len(client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)["workers"])
    except (OSError, TimeoutError):
        return 0
