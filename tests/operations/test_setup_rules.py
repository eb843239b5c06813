"""What `setup-prefect` puts together and refuses, and where flow runs work: without a server."""

import ast
import os
import subprocess
import sys
from copy import deepcopy
from datetime import timedelta
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows import setup, workplace
from flows.cli import app
from flows.pools import PARENTS, VIDEOS
from flows.setup import Wishes
from tests.doubles.prefect_site import ROOT

PROJECT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
RUN = "0192d0c5-0000-7000-8000-000000000002"


def deployment(name):
    return deepcopy(next(one for one in PROJECT["deployments"] if one["name"] == name))


@pytest.mark.parametrize("one", PROJECT["deployments"], ids=lambda one: one["name"])
def test_an_entrypoint_is_a_flow_of_a_module(one):
    module, _, flow = one["entrypoint"].rpartition(".")
    source = ROOT / (module.replace(".", "/") + ".py")
    flows = [node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.AsyncFunctionDef)]
    assert flow in flows
    assert one["work_pool"]["name"] == (VIDEOS if one["name"] == "zoom" else PARENTS)
    assert one["enforce_parameter_schema"]


def _known(cron, active, parameters):
    due = SimpleNamespace(cron=cron, timezone="Asia/Tokyo")
    schedule = SimpleNamespace(schedule=due, active=active, slug="nightly")
    return SimpleNamespace(parameters=parameters, schedules=[schedule])


@given(st.booleans(), st.none() | st.text(min_size=1), st.lists(st.text(min_size=1), max_size=3))
def test_what_nobody_asks_for_stays(active, root, stories):
    set_before = {"stories": stories} | ({} if root is None else {"root": root})
    nightly = deployment("nightly")
    setup._keep(nightly, _known("5 4 * * *", active, set_before), Wishes())
    assert nightly["parameters"] == {"engine": "deployment"} | set_before
    assert nightly["schedules"] == [
        {"slug": "nightly", "cron": "5 4 * * *", "timezone": "Asia/Tokyo", "active": active}
    ]


def test_wishes_stand_above_what_was_set_before():
    nightly, zoom = deployment("nightly"), deployment("zoom")
    known = _known("5 4 * * *", False, {"stories": ["a"], "root": "b"})
    wishes = Wishes(cron="0 1 * * *", timezone="Europe/Berlin", stories=("c",), root="d")
    setup._keep(nightly, known, wishes)
    setup._keep(zoom, None, wishes)
    assert nightly["parameters"] == {"stories": ["c"], "engine": "deployment", "root": "d"}
    (schedule,) = nightly["schedules"]
    assert schedule == {"slug": "nightly", "cron": "0 1 * * *", "timezone": "Europe/Berlin", "active": True}
    assert zoom["parameters"] == {"root": "d"}
    setup._keep(nightly, known, Wishes(cron="off"))
    assert nightly["schedules"][0]["active"] is False


def test_what_somebody_made_of_the_schedule_on_prefect_s_page_stays_until_another_is_asked_for():
    every = SimpleNamespace(interval=timedelta(hours=2), timezone=None)
    page = SimpleNamespace(schedule=every, active=True, slug=None)
    weekly = SimpleNamespace(schedule=SimpleNamespace(rrule="FREQ=WEEKLY", timezone="UTC"), active=False, slug="b")
    known = SimpleNamespace(parameters={}, schedules=[page, weekly])
    nightly = deployment("nightly")
    setup._keep(nightly, known, Wishes())
    assert nightly["schedules"][0] == {"interval": 7200.0, "timezone": "UTC", "active": True}
    assert nightly["schedules"][1] == {"slug": "b", "rrule": "FREQ=WEEKLY", "timezone": "UTC", "active": False}
    assert "due every 7200 s UTC" in setup._told(nightly)
    setup._keep(nightly, known, Wishes(cron="0 1 * * *"))
    assert nightly["schedules"][0] == {"cron": "0 1 * * *", "timezone": "UTC", "active": True}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cron", "every night"], "0 1"),
        (["--cron", "0 1 * * *", "--timezone", "Berlin"], "Europe/Berlin"),
        (["--timezone", "Europe/Berlin"], "--cron"),
        (["--out", "s3://key:secret@bucket/x"], ""),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_server_is_asked(options, words, monkeypatch):
    from typer.testing import CliRunner

    monkeypatch.setattr("flows.keeper_server.connect", lambda *_, **__: pytest.fail("asked"))
    result = CliRunner().invoke(app, ["setup-prefect", *options])
    assert result.exit_code == 2
    assert words in result.stderr
    assert "secret" not in result.stderr


def test_a_worker_needs_a_server(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("PREFECT_API")]:
        monkeypatch.delenv(name)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        result = CliRunner().invoke(app, ["worker", "--name", "k"])
    assert result.exit_code == 2
    assert "prefect server start" in result.stderr


def test_a_flow_run_works_in_the_worker_s_folder_and_speaks_to_a_file(tmp_path):
    code = (
        "import subprocess; from flows.workplace import enter; print('before'); print(enter());"
        " print('after'); subprocess.run(['echo', 'child'])"
    )
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TENFOLD_HOME": str(tmp_path / "home"),
        "TENFOLD_CACHE": str(tmp_path / "cache"),
        workplace.FLOW_RUN: RUN,
    }
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "before\n"
    said = (tmp_path / "cache" / "logs" / f"{RUN}.log").read_text()
    assert sorted(said.split("\n")) == sorted(["", "child", "after", str({"directory": str(tmp_path / "home")})])


def test_without_any_folder_a_flow_run_does_not_begin(monkeypatch):
    monkeypatch.delenv("TENFOLD_HOME", raising=False)
    monkeypatch.setattr(workplace, "checkout", lambda: None)
    with pytest.raises(workplace.NoWorkplaceError, match="TENFOLD_HOME"):
        workplace.enter({})


def test_old_logs_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    for name in ("old", "new"):
        workplace.log_of(name).parent.mkdir(exist_ok=True)
        workplace.log_of(name).write_text("words")
    os.utime(workplace.log_of("old"), (1.0, 1.0))
    workplace.prune_logs()
    assert [file.name for file in workplace.logs().iterdir()] == ["new.log"]
