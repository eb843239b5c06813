"""PostgreSQL for the server: two workers share the runs, one of them is killed, and each run is done."""

import os
import signal

import pytest

from tests.doubles.keeping import Runs, deploy, keeping, pid_of, wait_until, words, worker_of
from tests.doubles.outside_world import postgres
from tests.doubles.prefect_site import Site

pytestmark = pytest.mark.slow


def test_two_workers_over_postgresql(tmp_path):
    ledgers = [tmp_path / f"ledger {number}" for number in range(6)]
    (tmp_path / "site").mkdir()
    with postgres() as database, Site(tmp_path / "site", database=database.url) as site, Runs(site) as runs:
        deploy(site)
        with keeping(site, "a") as first, keeping(site, "b"):
            asked = [runs.submit("nap/nap", ledger=str(ledger), seconds=5) for ledger in ledgers]
            victim = wait_until(lambda: _one_of(runs, asked, ledgers, "a"), "a nap of the first worker")
            worker_of(first).kill()
            os.kill(pid_of(victim), signal.SIGKILL)
            for run in asked:
                runs.until(run, "COMPLETED", "FAILED", "CRASHED", within_s=300)
            doers = {runs.read(run)["labels"]["prefect.worker.name"].split(".")[0] for run in asked}
        assert runs.http.get("/health").json() is True
    assert doers == {"a", "b"}
    for ledger in ledgers:
        assert words(ledger) == (["began", "began", "ended"] if ledger == victim else ["began", "ended"])


def _one_of(runs, asked, ledgers, name):
    """The ledger of a nap that a worker's process sleeps at this moment."""
    for run, ledger in zip(asked, ledgers, strict=True):
        if words(ledger) == ["began"] and runs.read(run)["labels"]["prefect.worker.name"].startswith(f"{name}."):
            return ledger
    return None
