"""Deployments made by one checkout, worked off by another: other folder, other environment; the documented commands."""

import json
import re
import shlex
import time

import pytest
import yaml

from flows.pools import PARENTS, SLOTS, VIDEOS
from tests.doubles.elsewhere import make_elsewhere
from tests.doubles.keeping import Runs, wait_until
from tests.doubles.prefect_site import ROOT, TENFOLD, Process, Site

pytestmark = pytest.mark.slow
DEPLOYED = ("zoom/zoom", "nightly/nightly", "sweep/sweep", "evaluate/evaluate")
QUICK = {"sampling.steps": 2, "film.size_px": 64, "film.seconds_per_level": 0.2}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Site(tmp_path_factory.mktemp("site")) as site:
        done = site.run(*TENFOLD, "setup-prefect", within_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        yield site


@pytest.fixture
def runs(site):
    with Runs(site) as runs:
        yield runs


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return make_elsewhere(tmp_path_factory.mktemp("elsewhere"))


def test_deployments_name_no_folder_of_this_machine(site, runs):
    for name in DEPLOYED:
        found = runs.ask("GET", f"/deployments/name/{name}")
        assert str(ROOT) not in json.dumps(found)
        assert str(site.home) not in json.dumps(found)
        assert found["path"] is None
        assert found["pull_steps"] == [{"flows.workplace.enter": {}}]
    nightly = runs.ask("GET", "/deployments/name/nightly/nightly")
    assert nightly["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert [schedule["active"] for schedule in nightly["schedules"]] == [False]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"story": "cosmic-leaf", "nonsense": 1}, "nonsense"),
        ({"story": "cosmic-leaf", "settings": {"film.fsp": 3}}, "film.fsp"),
        ({"story": "cosmic-leaf", "force": "perhaps"}, "perhaps"),
        ({}, "story"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_before_anything_is_scheduled(site, runs, parameters, words):
    found = runs.ask("GET", "/deployments/name/zoom/zoom")["id"]
    before = runs.ask("POST", "/flow_runs/count", json={})
    answer = runs.http.post(f"/deployments/{found}/create_flow_run", json={"parameters": parameters})
    assert answer.status_code in (409, 422)
    assert words in answer.text
    assert runs.ask("POST", "/flow_runs/count", json={}) == before


def test_the_other_documented_calls_are_accepted(site, runs):
    text = (ROOT / "docs" / "operations.md").read_text()
    calls = [line for line in text.splitlines() if line.startswith("prefect deployment run") and "-p" in line]
    assert {shlex.split(line)[3] for line in calls} == set(DEPLOYED)
    for line in calls:
        site.prefect(*[word for word in shlex.split(line)[1:] if word != "--watch"])
    assert runs.ask("POST", "/flow_runs/count", json={}) >= len(calls)
    for run in runs.ask("POST", "/flow_runs/filter", json={}):
        runs.http.delete(f"/flow_runs/{run['id']}")


def test_setting_up_again_changes_what_is_asked_for_and_keeps_the_rest(site, runs):
    asked = ("--cron", "0 22 * * *", "--timezone", "Europe/Berlin", "--stories", "a.yaml", "--gpus", "2")
    ids = {name: runs.ask("GET", f"/deployments/name/{name}")["id"] for name in DEPLOYED}
    for options in (asked, ()):
        done = site.run(*TENFOLD, "setup-prefect", *options, within_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        nightly = runs.ask("GET", "/deployments/name/nightly/nightly")
        (schedule,) = nightly["schedules"]
        assert schedule["active"]
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("0 22 * * *", "Europe/Berlin")
        assert nightly["parameters"]["stories"] == ["a.yaml"]
        assert runs.ask("GET", f"/v2/concurrency_limits/{SLOTS}")["limit"] == 2
        assert ids == {name: runs.ask("GET", f"/deployments/name/{name}")["id"] for name in DEPLOYED}
        for pool in (PARENTS, VIDEOS):
            assert runs.ask("GET", f"/work_pools/{pool}")["type"] == "process"
    done = site.run(*TENFOLD, "setup-prefect", "--cron", "off", "--stories", "nightly", within_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    nightly = runs.ask("GET", "/deployments/name/nightly/nightly")
    assert [schedule["active"] for schedule in nightly["schedules"]] == [False]


def test_a_worker_of_another_checkout_and_environment_does_it_there(site, runs, elsewhere, tmp_path):
    """Started in a third folder: neither that nor our own checkout is where the runs go."""
    before = {path.name for path in (ROOT / "runs").glob("*")}
    more = elsewhere.variables
    worker = site.spawn(elsewhere.command("tenfold"), "worker", "--name", "away", cwd=tmp_path, more=more)
    wait_until(lambda: "started!" in worker.text, "the worker")
    run = runs.submit("zoom/zoom", story="cosmic-leaf", settings=QUICK)
    state = runs.until(run, "COMPLETED", "FAILED", "CRASHED", within_s=300)
    log = (site.home / "cache" / "logs" / f"{run}.log").read_text()
    assert state == "COMPLETED", log[-3000:]
    assert list((elsewhere.checkout / "runs").glob("*/*/zoom.mp4"))
    assert not list(tmp_path.iterdir())
    assert {path.name for path in (ROOT / "runs").glob("*")} == before
    assert "Finished in state Completed" in log
    worker.stop()


def test_the_ten_commands_of_the_documentation(elsewhere, tmp_path):
    """As they stand there, one after the other in one shell, but for the first, which `make test` runs anyway."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"<!-- ten -->\n```sh\n(.*?)```", text, re.DOTALL)
    commands = [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]
    assert len(commands) == 10
    assert commands[0].startswith("make ")
    story = elsewhere.checkout / "prompts" / "stories" / "cosmic-leaf.yaml"
    told = yaml.safe_load(story.read_text())
    story.write_text(yaml.safe_dump(told | {"levels": told["levels"][:3]}))  # a shorter night
    with_site = Site(tmp_path)
    port = str(with_site.port)
    script = "\n".join(["set -e", *commands[1:]]).replace("4200", port)
    own = {"PREFECT_SERVER_API_PORT": port, "PREFECT_SERVER_UI_ENABLED": "false", "OMP_NUM_THREADS": "1"}
    variables = with_site.variables | elsewhere.variables | own
    del variables["PREFECT_API_URL"]
    shell = Process(["bash", "-c", script], variables, elsewhere.checkout, tmp_path / "shell.log")
    try:
        began = time.monotonic()
        assert shell.wait(within_s=600) == 0, shell.text[-3000:]
        assert list((elsewhere.checkout / "runs" / "_batches").glob("*/summary.md")), shell.text[-3000:]
        print(f"ten commands: {time.monotonic() - began:.0f} s")
    finally:
        leave = f"for job in $(pgrep -s {shell.pid}); do kill -9 $job; done"
        Process(["bash", "-c", leave.replace("4200", port)], variables, tmp_path, tmp_path / "end.log").wait()
