"""A night as users have it: a real Prefect server, `tenfold worker`s as processes, and the deployment `nightly`."""

import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from tests.doubles.keeping import Runs
from tests.doubles.ledger import Ledger
from tests.doubles.prefect_site import TENFOLD, Process, Site, wait_until
from tests.faults import batch_of_six as six

HANG_S = 120.0
"""So long nothing may happen, on a machine that has nothing else to do."""
POOLS = ("tenfold", "tenfold-gpu")
FINAL = ("COMPLETED", "FAILED", "CANCELLED")
"""What ends a flow run: one that has crashed is taken up again by the worker."""


class Night:
    """A site with pools, limits, deployments and a worker of each pool; `ledger` tells what is really made."""

    def __init__(self, home: Path, *, database: str = "", pause_s: float = 0.2, **more: str) -> None:
        self.home, self.root = home, home / "runs"
        self.ledger = Ledger(home / "ledger")
        work = home / "work"
        work.mkdir()
        own = {"TENFOLD_HOME": str(work), "TENFOLD_RUNS": str(self.root)}
        self.site = Site(home, database, {**self.ledger.variables(pause_s, painter=True), **own, **more})
        self.workers: dict[str, Process] = {}
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        history, ready = self.home / "prefect" / "prefect.db", not self.site.database and _SET_UP
        if ready:
            history.parent.mkdir()
            copy(ready[-1], history)
        with ExitStack() as stack:
            stack.enter_context(self.site)
            self.runs = stack.enter_context(Runs(self.site))
            if not ready:
                done = self.site.run(*TENFOLD, "setup-prefect", within_s=600)
                assert done.returncode == 0, done.stdout + done.stderr
            if not ready and not self.site.database:
                copy(history, self.home / "set-up.db")
                _SET_UP.append(self.home / "set-up.db")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers.values():
            worker.kill()  # at once: what a test has left running is of no use
        self._stack.__exit__(None, None, None)

    def hire(self, *pools: str, limit: int = 2, ready: bool = True) -> None:
        """Start the workers of these pools; with `ready`, wait until they are at work."""
        for pool in pools:
            options = [
                "--pool",
                pool,
                "--name",
                f"w-{pool}",
                *(["--limit", str(limit)] if pool == "tenfold-gpu" else []),
            ]
            log = f"{pool}-{len(self.site.processes)}.log"
            self.workers[pool] = self.site.spawn(*TENFOLD, "worker", *options, log=log)
        for pool in pools if ready else ():
            worker = self.workers[pool]
            wait_until(lambda w=worker: _started(w), f"the worker of {pool}", 600, every_s=0.2)

    def ask(self, stories: Sequence[str], **parameters: Any) -> str:
        """Ask for a batch of these stories; returns the id of its flow run."""
        asked = {"stories": [*stories], "settings": six.SETTINGS, "title": "Six", **parameters}
        return self.runs.submit("nightly/nightly", **asked)

    def signs(self) -> tuple:
        """What changes while something happens."""
        size = self.ledger.file.stat().st_size if self.ledger.file.exists() else 0
        return (size, *(path.stat().st_size for path in self.home.glob("*.log") if path.name != "server.log"))

    def until_done(self, *runs: str) -> list[str]:
        """The final states of flow runs. Raises AssertionError where nothing happens for `HANG_S`."""
        seen, since = self.signs(), time.monotonic()
        while True:
            states = [self.runs.state(run) for run in runs]
            if all(state in FINAL for state in states):
                return states
            if (signs := self.signs()) != seen:
                seen, since = signs, time.monotonic()
            allowed_s = HANG_S * crowd()
            self.longest_s = max(self.longest_s, (time.monotonic() - since) / crowd())
            assert time.monotonic() - since < allowed_s, f"nothing has happened for {allowed_s:.0f} s: {self.told()}"
            time.sleep(0.5)

    def told(self) -> str:
        """The last words of all workers, and the batch's file."""
        logs = sorted(self.home.glob("*.log"))
        said = [
            f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs if path.name != "server.log"
        ]
        return "\n".join([*said, str(self.outcomes())])

    def outcomes(self) -> dict[str, Any]:
        """By name of the job what the batch's files say of it."""
        files = [json.loads(path.read_text()) for path in self.root.glob("_batches/*/batch.json")]
        return {job["name"]: job["outcome"] for file in files for job in file["jobs"]}

    def assert_right(self, expected: Mapping[str, str]) -> None:
        """Every video that was asked for is there, whole and as it is when nothing goes wrong."""
        six.assert_whole(self.root)
        assert six.pictures_of(self.root) == dict(expected), self.told()


_SET_UP: list[Path] = []
"""The history of a server with pools, limits and deployments, made by the first of these nights: it takes a minute."""


def copy(history: Path, to: Path) -> None:
    """Copy an SQLite database, also one in use."""
    with closing(sqlite3.connect(history)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def crowd() -> float:
    """How many processes want each of this machine's processors, and at least 1: everything takes so many times as
    long."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _started(worker: Process) -> bool:
    assert worker.alive, worker.text[-3000:]
    return "started!" in worker.text
