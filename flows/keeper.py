"""`tenfold worker`: Prefect's own process worker, and a keeper that starts it again and loses no flow run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from flows import keeper_child, keeper_server, workplace
from flows.keeper_names import Name, hold
from flows.keeper_place import place, processes
from flows.keeper_runs import Ward

LOOK_EVERY_S, TICK_S = 5.0, 0.2
SLOWEST_S = 30.0
"""The longest wait before a worker that keeps dying is started again."""
STEADY_S = 60.0
"""A worker that has lived so long is well: the next wait is the shortest again."""
DEFAULTS = {
    "PREFECT_CLIENT_MAX_RETRIES": "6",  # 2 + 4 + ... + 64 s: flow runs live through two minutes without a server
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # by which other machines know that a run lives
    "PREFECT_WORKER_QUERY_SECONDS": "5",
}
"""Settings of the worker and its flow runs, where the user has none."""


@dataclass(frozen=True)
class Post:
    """What is to be kept: a worker called `base` of a pool, `limit` runs at once, on the GPUs that `gpu` names."""

    pool: str
    base: str
    limit: int
    gpu: str | None = None


class Keeper:
    """One worker after the other at a post, and its flow runs."""

    def __init__(self, post: Post, variables: Mapping[str, str]) -> None:
        self.post, self.variables = post, _variables(post, variables)
        self.name = Name(post.base, place(), "").again()
        self.worker: subprocess.Popen[bytes] | None = None
        self.started = self.next_start = time.monotonic()
        self.pause_s = 1.0
        self.asked: list[int] = []
        self.reached = True

    def run(self) -> int:
        """Keep the post until a signal ends it; returns the exit status. Raises RefusedError."""
        with ExitStack() as stack:
            client = keeper_server.connect(stack)
            keeper_server.check_pool(client, self.post.pool)
            stack.enter_context(hold(self.post.pool, self.post.base))
            stack.enter_context(_heard(self.asked))
            stack.callback(self._kill)
            self.ward = Ward(client, self.post.pool, lambda: self.name, say)
            workplace.prune_logs()
            say(f"Worker {self.post.base} of the pool {self.post.pool}, {self.post.limit} at once. Ctrl-C ends it.")
            while not self.asked:
                self._see_to_worker()
                self._look()
                self._wait(LOOK_EVERY_S)
            return self._leave()

    def _see_to_worker(self) -> None:
        """Start the worker if there is none, or end one that hears nothing any more."""
        if self.worker is not None and self.ward.is_deaf:
            say(f"{self.name} has not reported the end of a flow run: it is ended.")
            self._kill()
        if self.worker is not None and (status := self.worker.poll()) is not None:
            lived = time.monotonic() - self.started
            self.pause_s = 1.0 if lived > STEADY_S else min(2 * self.pause_s, SLOWEST_S)
            say(f"{self.name} ended with status {status}; it is started again in {self.pause_s:.0f} s.")
            self.next_start, self.worker = time.monotonic() + self.pause_s, None
        if self.worker is None and time.monotonic() >= self.next_start:
            self._start()

    def _start(self) -> None:
        self.name, self.ward.is_deaf, self.started = self.name.again(), False, time.monotonic()
        self.ward.names.add(str(self.name))
        arguments = ["--pool", self.post.pool, "--type", "process", "--name", str(self.name)]
        self.worker = subprocess.Popen(  # noqa: S603  our own interpreter, and names that were checked
            [
                sys.executable,
                "-m",
                keeper_child.__name__,
                str(os.getpid()),
                *arguments,
                "--limit",
                str(self.post.limit),
            ],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the keeper, which passes it on
        )

    def _look(self) -> None:
        try:
            self.ward.look()
        except Exception as error:  # whatever a client can raise: the next look may find the server again
            if self.reached:
                say(f"Prefect's server cannot be asked ({type(error).__name__}: {error}); trying on.")
            self.reached = False
        else:
            if not self.reached:
                say("Prefect's server answers again.")
            self.reached = True

    def _wait(self, seconds: float) -> None:
        """Until then, or a signal, or until there is no worker and should be one."""
        until = time.monotonic() + seconds
        count = len(self.asked)
        while time.monotonic() < until and len(self.asked) == count:
            if self.worker is None and time.monotonic() >= self.next_start:
                return
            if self.worker is not None and self.worker.poll() is not None:
                return
            time.sleep(TICK_S)

    def _leave(self) -> int:
        """Ctrl-C once: no new runs, those in progress are finished. Again, or a termination: now.

        Asked to end, Prefect's worker would at times take its flow runs along, or stay for ever; without it they go on,
        and are seen to as those of any worker that is no more.
        """
        self._kill()
        self.name = self.name.again()
        if self.asked[0] == signal.SIGINT and (busy := max(self._busy(), self.ward.mine)):
            say(f"{busy} in progress: finishing, and taking up no more. Ctrl-C again puts them back and ends now.")
            while len(self.asked) < 2 and (self._busy() or self.ward.mine):
                self._look()
                self._pause(LOOK_EVERY_S)
        return self._put_all_back() if len(self.asked) > 1 or self.asked[0] != signal.SIGINT else 0

    def _pause(self, seconds: float) -> None:
        until, count = time.monotonic() + seconds, len(self.asked)
        while time.monotonic() < until and len(self.asked) == count:
            time.sleep(TICK_S)

    def _put_all_back(self) -> int:
        try:
            count = self.ward.release(self.ward.names)
        except Exception as error:  # whatever a client can raise
            say(f"Prefect's server cannot be asked ({type(error).__name__}): the next worker puts its runs back.")
            return 1
        say(f"{count} flow run{'s' * (count != 1)} put back for the next worker.")
        return 0

    def _busy(self) -> int:
        return sum(process.leads and process.worker in self.ward.names for process in processes())

    def _kill(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.kill()
            self.worker.wait()


def _variables(post: Post, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of the worker: the user's, with a folder to work in, and the GPUs of this post."""
    found = DEFAULTS | dict(variables)
    found["TENFOLD_HOME"] = str((workplace.home() or Path()).absolute())
    if post.gpu is not None:
        found["CUDA_VISIBLE_DEVICES"] = post.gpu
    return found


def say(words: str) -> None:
    """A line for people, with the time; a reader that has gone is no reason to end."""
    try:
        print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)
    except OSError:
        return


@contextmanager
def _heard(asked: list[int]) -> Iterator[None]:
    """Signals are noted, and seen at the next tick: between two of them nothing is half done."""

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
