"""A flow run of a worker, seen on Prefect's page: how far it is, and that it goes on where it was cancelled."""

from pathlib import Path

import pytest
import yaml

from tests.doubles.keeping import Runs
from tests.doubles.ledger import Ledger
from tests.doubles.prefect_site import Site, wait_until

pytestmark = pytest.mark.slow

POOL, STEPS = "videos", 60
PROJECT = {
    "name": "seen",
    "pull": [{"flows.workplace.enter": {}}],
    "deployments": [{"name": "zoom", "entrypoint": "flows.zoom.zoom", "work_pool": {"name": POOL}}],
}
STORY = {"title": "Seen", "p": 2, "levels": ["a green forest", "brown leaves"]}
QUICK = {"film.fps": 4, "film.size_px": 64, "scores.scorer": "none"}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def site(tmp_path, ledger):
    with Site(tmp_path, more=ledger.variables(0.5) | {"TENFOLD_HOME": str(tmp_path)}) as site:
        site.prefect("work-pool", "create", POOL, "--type", "process")
        (tmp_path / "seen.yaml").write_text(yaml.safe_dump(PROJECT))
        site.prefect("deploy", "--all", "--prefect-file", str(tmp_path / "seen.yaml"))
        site.worker(POOL)
        yield site


def bars(runs: Runs, run: str) -> list[dict]:
    found = runs.ask("POST", "/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [run]}}})
    return [artifact for artifact in found if artifact["type"] == "progress"]


def said(runs: Runs, run: str) -> list[str]:
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
    return [line["message"] for line in runs.ask("POST", "/logs/filter", json=wanted)]


def test_a_run_is_seen_and_cancelled_and_the_next_one_goes_on(site: Site, ledger: Ledger, model_folder: Path):
    settings = QUICK | {"model.name": str(model_folder), "sampling.steps": STEPS}
    asked = {"story": STORY, "root": str(site.home / "runs"), "settings": settings}
    with Runs(site) as runs:
        first = runs.submit("zoom/zoom", **asked)
        (bar,) = wait_until(lambda: bars(runs, first), "a bar")
        assert bar["key"] == "progress-seen"
        wait_until(lambda: ", 2 levels" in bars(runs, first)[0]["description"], "steps and levels")
        wait_until(lambda: len(ledger.lines("evaluated")) >= 8, "four steps")
        runs.cancel(first)
        runs.until(first, "CANCELLED")
        wait_until(lambda: f"sampling: {STEPS} steps, 2 levels" in said(runs, first), "its log")
        assert "Crashed" not in runs.history(first)
        kept = len(ledger.evaluations())

        second = runs.submit("zoom/zoom", **asked)
        wait_until(lambda: bars(runs, second), "its bar")
        runs.until(second, "COMPLETED", within_s=300)
        going_on = [line for line in said(runs, second) if "going on from" in line]
        assert len(going_on) == 1
        assert int(going_on[0].rpartition(" ")[2]) >= kept // 2 - 1
        assert ledger.again() <= 2  # the step in which it was cancelled, of two passes of the model
        (bar,) = bars(runs, second)
        assert (bar["data"], bar["description"]) == (100.0, "Seen: done")
        assert any(line.startswith("view: made in") for line in said(runs, second))
