"""Flow runs whose process is gone are put back, so that a worker takes them up again where they stopped.

Prefect knows a flow run as running until its process, or the worker that started it, says otherwise; killed together,
they say nothing. Which process lives is read from the machine itself; of other machines the signs of life that the
server hears are watched. Waits are counted on this process's own steady clock: no clocks of machines are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from flows import keeper_server as server
from flows.keeper_names import Name, is_held, parse
from flows.keeper_place import Process, end, leaders, processes

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

GONE_S = 12.0
"""For so long a process must be missed: its last words, or a worker's, may be on their way to the server."""
UNREPORTED_S = 45.0
"""After so long, a living worker that should have reported it has failed to."""
AWAY_S = 90.0
"""After so long without a sign of life, a run of another machine is lost; Prefect calls a worker offline then, too."""
UNTAKEN_S = 60.0
"""After so long, whoever took a run and did not say who it was has gone."""
RESTED_S = 20.0
"""For so long a run must have crashed before it is put back: its worker ends when it meets one it is not done with."""
GAP_S = 20.0
"""A longer time between two looks is one in which nothing was seen."""
RETURNS, CRASHES = 20, 3
"""How often a run is put back: when its process was killed, and when it ended by itself without a result."""


@dataclass
class Watch:
    """What was last seen of a run, and since when."""

    sign: object
    since: float = field(default_factory=time.monotonic)


@dataclass
class Ward:
    """The flow runs of a work pool, as one keeper sees to them.

    own: tells the name of the worker that lives now. say: takes words for people. clock: seconds that only go forward.
    """

    client: SyncPrefectClient
    pool: str
    own: Callable[[], Name]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    look_at: Callable[[], list[Process]] = processes
    names: set[str] = field(default_factory=set)
    """Of all workers that this keeper has started."""
    watches: dict[UUID, Watch] = field(default_factory=dict)
    given_up: set[UUID] = field(default_factory=set)
    mine: int = 0
    """How many runs of this keeper's workers were in flight at the last look."""
    seen_at: float = 0.0
    """When the server could last be asked, by the clock."""
    is_deaf: bool = False
    """Whether the living worker has failed to report the end of a process."""

    def look(self) -> None:
        """One round. Raises what the client raises when the server cannot be asked; such times do not count."""
        runs = server.in_flight(self.client, self.pool)
        found = self.look_at()
        workers = server.heartbeats(self.client, self.pool)
        self._skip_gap()
        for run in runs:
            self._judge(run, found, workers)
        ended = server.crashed(self.client, self.pool)
        for run in ended:
            self._try_again(run)
        self._forget(set(workers) - {server.worker_of(run) for run in runs})
        seen = {run.id for run in (*runs, *ended)}
        self.mine = sum(server.worker_of(run) in self.names for run in runs)
        self.watches = {one: watch for one, watch in self.watches.items() if one in seen}

    def _skip_gap(self) -> None:
        """While nothing could be seen, for want of a server or of this process, nobody has been waited for."""
        gap, self.seen_at = self.clock() - self.seen_at, self.clock()
        if gap > GAP_S:
            for watch in self.watches.values():
                watch.since += gap

    def _judge(self, run: FlowRun, found: list[Process], workers: dict[str, object]) -> None:
        text = server.worker_of(run)
        name, own = parse(text), self.own()
        if not text:
            self._put_back_after(UNTAKEN_S, run, run.state_id, "nobody has said that a worker took it")
        elif name is None or name.place != own.place:
            sign = server.sign_of_life(self.client, run, workers.get(text))
            self._put_back_after(AWAY_S, run, sign, f"worker {text} of another machine has not been heard of")
        elif name.base != own.base and is_held(self.pool, name.base):
            return  # its own keeper sees to it
        elif str(run.id) in leaders(found):
            self._living(run, name, found)
        elif name == own:
            if self._unchanged_for(run, ("gone", run.state_id)) >= UNREPORTED_S:
                self.is_deaf = True
        elif self._unchanged_for(run, ("gone", run.state_id)) >= GONE_S:
            end(str(run.id), found)
            self._put_back(run, f"its process on this machine is gone, and worker {text} with it")

    def _forget(self, idle: set[str]) -> None:
        """Earlier starts of this worker need not be shown for ever."""
        own = self.own()
        for text in idle:
            name = parse(text)
            if name is not None and (name.base, name.place) == (own.base, own.place) and name.start != own.start:
                server.forget(self.client, self.pool, text)

    def _living(self, run: FlowRun, name: Name, found: list[Process]) -> None:
        """A run that goes on without its worker is left alone; cancelled, it must be ended from here."""
        self.watches.pop(run.id, None)
        if name != self.own() and server.is_cancelling(run):
            end(str(run.id), found)
            self.say(f"{run.name} was cancelled: its process, which has outlived its worker, is ended.")

    def _unchanged_for(self, run: FlowRun, sign: object) -> float:
        watch = self.watches.get(run.id)
        if watch is None or watch.sign != sign:
            watch = self.watches[run.id] = Watch(sign, self.clock())
        return self.clock() - watch.since

    def _put_back_after(self, seconds: float, run: FlowRun, sign: object, reason: str) -> None:
        if self._unchanged_for(run, (sign, run.state_id)) >= seconds:
            self._put_back(run, f"{reason} for {seconds:.0f} s")

    def _put_back(self, run: FlowRun, reason: str) -> None:
        self.watches.pop(run.id, None)
        done = server.put_back(self.client, run, reason, most=RETURNS)
        if done:
            self.say(f"{run.name}: {reason}. {done}")

    def _try_again(self, run: FlowRun) -> None:
        """A run that has ended by itself without a result, as for want of memory: unless its parent sees to it."""
        if server.worker_of(run) not in self.names or run.id in self.given_up or server.has_parent(run):
            return
        if self._unchanged_for(run, ("crashed", run.state_id)) < RESTED_S:
            return
        message = run.state.message if run.state else None
        done = server.put_back(self.client, run, f"it crashed ({message or 'without a word'})", most=CRASHES)
        if done:
            self.say(f"{run.name} crashed. {done}")
        if not done or not done.startswith(server.AGAIN):
            self.given_up.add(run.id)

    def release(self, runs_of: set[str]) -> int:
        """End the processes of these workers' runs at once and put the runs back; returns how many."""
        count = 0
        found = self.look_at()
        for process in found:
            if process.leads and process.worker in runs_of:
                end(process.run, found)
        for run in server.in_flight(self.client, self.pool):
            if server.worker_of(run) in runs_of:
                count += bool(server.put_back(self.client, run, "its worker was stopped", most=RETURNS))
        return count
