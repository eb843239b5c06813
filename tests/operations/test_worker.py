"""The gate's look at operations: a real server, a real worker under its keeper, a flow run that is killed with it."""

import os
import signal

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.doubles.keeping import Runs, deploy, keeper, pid_of, wait_until, words, worker_of
from tests.doubles.prefect_site import Site

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def site(tmp_path):
    with Site(tmp_path) as site:
        deploy(site)
        yield site


def refused_here(site, *arguments):
    """What a command says that ends before it works: in this process, as a start takes seconds."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: site.url}):
        return CliRunner().invoke(app, arguments)


def test_what_is_killed_with_its_worker_is_done_by_the_next(site, tmp_path):
    ledger = tmp_path / "ledger"
    with Runs(site) as runs:
        unknown = refused_here(site, "worker", "--pool", "napz")
        assert unknown.exit_code == 2
        assert "no work pool 'napz'" in unknown.stderr
        first = keeper(site)
        run = runs.submit("nap/nap", ledger=str(ledger), seconds=3)
        wait_until(lambda: words(ledger), "a nap that begins")
        worker_of(first).kill()
        os.kill(pid_of(ledger), signal.SIGKILL)
        runs.until(run, "COMPLETED", "FAILED", "CRASHED")
        assert words(ledger) == ["began", "began", "ended"]
        assert runs.history(run).count("Rescheduled") == 1
        assert "slept" in (site.home / "cache" / "logs" / f"{run}.log").read_text()
        first.signal(signal.SIGTERM)
        assert first.wait(within_s=60) == 0
