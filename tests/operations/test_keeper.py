"""A keeper with real workers and a real server: whatever is killed, each nap is slept to its end exactly once."""

import os
import signal
import time

import psutil
import pytest

from tests.doubles.keeping import POOL, Runs, deploy, keeping, pid_of, wait_until, words, worker_of
from tests.doubles.prefect_site import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    storage = "prefect.server.concurrency.lease_storage.filesystem"
    more = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": storage}
    with Site(tmp_path_factory.mktemp("site"), more=more) as site:
        deploy(site)
        yield site


@pytest.fixture
def runs(site):
    with Runs(site) as runs:
        yield runs


def begun(ledger, count=1):
    return wait_until(lambda: words(ledger).count("began") >= count, "a nap that begins", every_s=0.1)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_flow_run_outlives_its_worker_and_is_not_doubled(site, runs, tmp_path):
    ledger = tmp_path / "ledger"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=30)
        begun(ledger)
        worker_of(first).kill()
        wait_until(lambda: first.text.count("started!") == 2, "another worker")
        runs.until(run, "COMPLETED", "FAILED", "CRASHED")
    assert words(ledger) == ["began", "ended"]
    assert "Rescheduled" not in runs.history(run)


@pytest.mark.parametrize("who", ["worker", "keeper"])
def test_a_flow_run_that_died_with_its_worker_is_put_back_soon(site, runs, tmp_path, who):
    ledger = tmp_path / "ledger"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=4)
        begun(ledger)
        began = time.monotonic()
        os.kill(pid_of(ledger), signal.SIGSTOP)
        worker = worker_of(first)
        (worker if who == "worker" else psutil.Process(first.pid)).kill()
        wait_until(lambda: gone(worker.pid), "the worker ends with its keeper")
        os.kill(pid_of(ledger), signal.SIGKILL)
        if who == "keeper":
            with keeping(site):
                runs.until(run, "COMPLETED", "FAILED", "CRASHED")
        runs.until(run, "COMPLETED", "FAILED", "CRASHED")
    assert words(ledger) == ["began", "began", "ended"]
    assert runs.history(run).count("Rescheduled") == 1
    assert time.monotonic() - began < 120


def test_a_keeper_that_is_ended_puts_its_runs_back(site, runs, tmp_path):
    ledger = tmp_path / "ledger"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=6)
        begun(ledger)
        first.signal(signal.SIGTERM)
        assert first.wait(within_s=30) == 0
        assert "1 flow run put back" in first.text
        assert runs.state(run) == "SCHEDULED"
        assert gone(pid_of(ledger))
    with keeping(site):
        runs.until(run, "COMPLETED", "FAILED", "CRASHED")
    assert words(ledger) == ["began", "began", "ended"]


def test_ctrl_c_finishes_what_is_in_progress_and_takes_up_no_more(site, runs, tmp_path):
    ledger, later = tmp_path / "ledger", tmp_path / "later"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=20)
        begun(ledger)
        first.signal(signal.SIGINT)
        wait_until(lambda: "1 in progress" in first.text, "words")
        after = runs.submit("nap/nap", ledger=str(later))
        assert first.wait(within_s=90) == 0
        assert runs.state(run) == "COMPLETED"
        assert runs.state(after) == "SCHEDULED"
    with keeping(site):
        runs.until(after, "COMPLETED", "FAILED", "CRASHED")
    assert words(ledger) == words(later) == ["began", "ended"]


def test_a_run_that_crashes_by_itself_is_tried_three_times_more(site, runs, tmp_path):
    ledger = tmp_path / "ledger"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), crashes=True)
        wait_until(lambda: "given up after 3 tries" in first.text, "giving up", within_s=400)
        assert runs.state(run) == "CRASHED"
        assert first.text.count("started!") == 1, "the worker itself has never met a run it was not done with"
    assert words(ledger) == ["began"] * 4


def test_a_cancelled_run_whose_worker_was_killed_is_ended(site, runs, tmp_path):
    ledger = tmp_path / "ledger"
    with keeping(site) as first:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=300)
        begun(ledger)
        worker_of(first).kill()
        runs.cancel(run)
        runs.until(run, "CANCELLED")
        wait_until(lambda: gone(pid_of(ledger)), "its process ends")
    assert words(ledger) == ["began"]


def test_a_server_that_is_killed_and_comes_back_loses_nothing(site, runs, tmp_path):
    """Neither the run that sleeps meanwhile, nor the slot that it holds."""
    runs.ask("POST", "/v2/concurrency_limits/", json={"name": "bed", "limit": 1})
    ledger, second = tmp_path / "ledger", tmp_path / "second"
    with keeping(site, "k", "--limit", "2"):
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=40, slot="bed")
        begun(ledger)
        wait_until(lambda: runs.ask("GET", "/v2/concurrency_limits/bed")["active_slots"], "the slot")
        site.restart(away_s=10)
        after = runs.submit("nap/nap", ledger=str(second), slot="bed")
        runs.until(run, "COMPLETED", "FAILED", "CRASHED")
        runs.until(after, "COMPLETED", "FAILED", "CRASHED")
    assert words(ledger) == words(second) == ["began", "ended"]
    assert runs.ask("GET", "/v2/concurrency_limits/bed")["active_slots"] == 0


def test_another_machine_takes_over_what_it_hears_nothing_of(site, runs, tmp_path):
    """Another cache stands for another machine: neither keeper can see the other's processes."""
    ledger = tmp_path / "ledger"
    with keeping(site, "away", more={"TENFOLD_CACHE": str(tmp_path / "away")}) as away:
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=5)
        begun(ledger)
        os.kill(pid_of(ledger), signal.SIGSTOP)
        away.kill()
    began = time.monotonic()
    with keeping(site, "near"):
        runs.until(run, "COMPLETED", "FAILED", "CRASHED", within_s=240)
    print(f"taken over and done after {time.monotonic() - began:.0f} s")
    assert words(ledger) == ["began", "began", "ended"]
    assert runs.history(run).count("Rescheduled") == 1


def test_two_workers_may_not_have_one_name(site):
    with keeping(site, "twin") as first:
        other = site.run(*first.popen.args[:3], "worker", "--pool", POOL, "--name", "twin")
    assert other.returncode == 2
    assert "already runs on this machine" in other.stderr
