"""One deployment run per video: submitted, waited for, and submitted again where a worker has died over it.

What is asked for has the same key whoever asks, so that a parent that was killed finds its children when it is started
again, and two parents that want the same video share one run. Every wait has an end.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, StateType
from prefect.types._datetime import now

from flows.desk import Desk
from tasks.batch.outcome import Outcome
from tasks.errors import RefusedError
from tasks.stage import canonical_json

MOVED_S = 90.0
"""A run that is due later than this was put off by a clock: nothing here is submitted so far ahead."""
STUCK_S = 120.0
"""A run that a worker has taken, and that begins or ends no sooner than this, has lost its worker."""
NOTICE_S = 15.0
"""For so long no worker may be there before it is worth a word: they are started anew, too."""


@dataclass(frozen=True)
class Order:
    """One video that is wanted: its name for people, and what its flow is called with, as plain JSON values.

    by: the flow run that wants it, which finds what it has asked for when it died and is started again; empty for none.
    """

    name: str
    parameters: dict[str, Any]
    tags: tuple[str, ...] = ()
    by: str = ""

    def key(self, deployment: str) -> str:
        """The beginning of its runs' keys: the same for the same work."""
        text = canonical_json([deployment, self.parameters])
        return f"video-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


@dataclass(frozen=True)
class Patience:
    """poll_s: between looks. tries: runs for one video at most, which died. worker_s: how long nothing may happen while
    no worker is there. whole_s: how long all may take. again_s: before the second try; doubled for each further one."""

    poll_s: float = 2.0
    tries: int = 3
    worker_s: float = 600.0
    whole_s: float = 20 * 3600.0
    again_s: float = 5.0


@dataclass
class _Waiting:
    """An order and its latest run. number: of the run among all that were ever submitted for this work."""

    order: Order
    run: FlowRun
    number: int
    tries: int = 1
    since: float = field(default_factory=time.monotonic)
    """When its run was first seen in its state."""

    @property
    def stays_s(self) -> float:
        """For how long it has been in its state."""
        return time.monotonic() - self.since


Begun = Callable[[Order], None]
Ended = Callable[[Order, Outcome], None]


@dataclass
class Submission:
    """Orders on their way through a deployment.

    on_begin, on_end: called once for each order, in this order. say: for people, a sentence.
    """

    desk: Desk
    deployment: str
    on_begin: Begun
    on_end: Ended
    patience: Patience = field(default_factory=Patience)
    say: Callable[[str], None] = field(default=lambda _text: None)
    alone_s: float = 0.0
    """For how long no worker was there, in all."""
    _waiting: dict[UUID, _Waiting] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)

    async def carry_out(self, orders: Sequence[Order]) -> None:
        """Submit all, and return when each has ended. Raises RefusedError where there is no such deployment."""
        found = await self.desk.deployment(self.deployment)
        self._id, self._pool = found.id, found.work_pool_name
        self._began = self._moved = self._looked = time.monotonic()
        earlier = _latest(await self.desk.attempts([order.key(self.deployment) for order in orders]))
        for order in orders:
            await self._enter(order, earlier.get(order.key(self.deployment)))
        while self._waiting:
            await self._look()
            if self._waiting:
                await asyncio.sleep(self.patience.poll_s)

    async def _enter(self, order: Order, latest: FlowRun | None, tries: int = 1) -> None:
        """Wait for a run that is under way already, or submit one.

        One that has ended counts where it was submitted by whoever submits again: a parent that had died meanwhile.
        """
        if latest is not None and (not _is_final(latest) or _is_own(latest, order)):
            self._waiting[latest.id] = _Waiting(order, latest, _number(latest), tries)
            return
        number, key = 1 if latest is None else _number(latest) + 1, order.key(self.deployment)
        try:
            run = await self.desk.submit(
                self._id,
                delay_s=0.0 if tries == 1 else self.patience.again_s * 2 ** (tries - 2),
                parameters=order.parameters,
                flow_run_name=order.name,
                tags=[*order.tags, key, *([_by(order)] if order.by else [])],
                idempotency_key=f"{key}-{number}",
            )
        except RefusedError as error:
            self._tell(order, Outcome("refused", str(error).rstrip(".")))
            return
        self._waiting[run.id] = _Waiting(order, run, number, tries)

    async def _look(self) -> None:
        """Take note of what has changed, and end the wait for what will not come."""
        there = {run.id: run for run in await self.desk.runs([*self._waiting])}
        for id_, one in [*self._waiting.items()]:
            run = there.get(id_)
            if run is None:
                self._end(one, Outcome("failed", "its run was deleted from Prefect's server"))
                continue
            if run.state_type != one.run.state_type:
                one.since = self._moved = time.monotonic()
            one.run = run
            if run.state_type == StateType.RUNNING:
                self._begin(one.order)
            if _is_final(run):
                await self._ended(one)
            elif _is_put_off(run) or (run.state_type == StateType.PENDING and one.stays_s > STUCK_S):
                await self.desk.schedule_now(id_)
            elif run.state_type == StateType.CANCELLING and one.stays_s > STUCK_S:
                self._end(one, Outcome("failed", "somebody has cancelled it, and its worker has not answered"))
        await self._look_for_workers()
        if time.monotonic() - self._began > self.patience.whole_s:
            hours = self.patience.whole_s / 3600
            self._give_up(
                f"not finished within {hours:g} hours; its run goes on, and is found when this is started again"
            )

    async def _look_for_workers(self) -> None:
        """Count for how long no worker is there, say so, and do not wait for ever."""
        if not self._waiting or self._pool is None:
            return
        moment, before = time.monotonic(), self._looked
        self._looked = moment
        if await self.desk.has_worker(self._pool):
            self._moved = moment
            return
        self.alone_s += moment - before
        alone_s = moment - self._moved
        if alone_s > self.patience.worker_s:
            self._give_up(
                f"no worker of the work pool {self._pool} was there for {alone_s:.0f} s. Start one (tenfold worker): "
                "what was submitted waits for it, and is found when this is started again"
            )
        elif alone_s > NOTICE_S:
            self.say(f"No worker of the work pool {self._pool} is there. Start one: tenfold worker.")

    async def _ended(self, one: _Waiting) -> None:
        told, state = await self.desk.outcome(one.run.id), one.run.state
        said = " ".join(((state.message if state else None) or "nothing was said").split())[:500]
        if one.run.state_type == StateType.CRASHED and one.tries < self.patience.tries:
            self.say(f"{one.order.name}: its process has died ({said}); it is submitted again.")
            key = one.order.key(self.deployment)
            del self._waiting[one.run.id]
            latest = _latest(await self.desk.attempts([key])).get(key)
            await self._enter(one.order, latest, one.tries + 1)
        elif one.run.state_type == StateType.CRASHED:
            self._end(one, Outcome("failed", f"its process has died {one.tries} times: {said}"))
        elif one.run.state_type == StateType.CANCELLED:
            self._end(one, Outcome("failed", "somebody has cancelled it"))
        elif one.run.state_type == StateType.COMPLETED:
            self._end(one, told or Outcome("made", seconds=_seconds(one.run)))
        else:
            self._end(one, told if told and not told.is_done else Outcome("failed", said, _seconds(one.run)))

    def _end(self, one: _Waiting, outcome: Outcome) -> None:
        del self._waiting[one.run.id]
        self._tell(one.order, outcome)

    def _tell(self, order: Order, outcome: Outcome) -> None:
        self._begin(order)
        self.on_end(order, outcome)

    def _begin(self, order: Order) -> None:
        if order.name not in self._begun:
            self._begun.add(order.name)
            self.on_begin(order)

    def _give_up(self, reason: str) -> None:
        for one in [*self._waiting.values()]:
            self._end(one, Outcome("failed", reason))


def _latest(runs: Iterable[FlowRun]) -> dict[str, FlowRun]:
    """The last attempt at each work, by the beginning of its keys."""
    found: dict[str, FlowRun] = {}
    for run in sorted(runs, key=_number):
        found[str(run.idempotency_key).rpartition("-")[0]] = run
    return found


def _number(run: FlowRun) -> int:
    return int(str(run.idempotency_key).rpartition("-")[2])


def _is_final(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()


def _is_own(run: FlowRun, order: Order) -> bool:
    return bool(order.by) and run.state_type == StateType.COMPLETED and _by(order) in run.tags


def _by(order: Order) -> str:
    return f"by-{order.by}"


def _is_put_off(run: FlowRun) -> bool:
    due = run.state.state_details.scheduled_time if run.state is not None else None
    is_due_later = due is not None and due.timestamp() - now("UTC").timestamp() > MOVED_S
    return run.state_type == StateType.SCHEDULED and is_due_later


def _seconds(run: FlowRun) -> float:
    return round(run.total_run_time.total_seconds(), 3)
