"""Names of workers, and the processes of flow runs on this machine."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.keeper_names import Name, checked_base, hold, is_held, parse
from flows.keeper_place import end, leaders, place, processes
from flows.workplace import FLOW_RUN
from tasks.errors import RefusedError

RUN = "0192d0c5-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    return tmp_path


BASES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True)


@given(BASES)
def test_a_name_is_read_back(base):
    name = Name(base, "0123abcd", "").again()
    assert parse(str(name)) == name
    assert parse(str(name.again())) != name
    assert checked_base(base) == base


@given(st.text(max_size=60))
def test_any_text_is_a_keepers_name_or_none(text):
    found = parse(text)
    assert found is None or str(found) == text


@pytest.mark.parametrize("text", ["", "a/b", "a%b", "-x", "a b", "x" * 101, "ä"])
def test_names_that_prefect_or_a_disk_cannot_have_are_refused(text):
    with pytest.raises(RefusedError, match="--name"):
        checked_base(text)


def test_one_keeper_of_a_name_at_a_time():
    assert not is_held("pool", "k")
    with hold("pool", "k"):
        assert is_held("pool", "k")
        assert not is_held("pool", "other")
        with pytest.raises(RefusedError, match="already runs"), hold("pool", "k"):
            pass
    assert not is_held("pool", "k")


def test_a_place_is_the_same_for_those_who_see_the_same_processes(tmp_path, monkeypatch):
    assert place() == place()
    before = place()
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "other"))
    assert place() != before


def _start(run, worker, *arguments):
    """A process with Prefect's variables; with `-m prefect.engine` among its arguments it looks like a leader."""
    environment = {FLOW_RUN: run, "PREFECT__WORKER_NAME": worker, "PATH": ""}
    code = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_processes_are_known_by_the_flow_run_in_their_environment():
    leader = _start(RUN, "k.1", "-m", "prefect.engine")
    child = _start(RUN, "k.1")
    try:
        found = {process.pid: process for process in processes() if process.run == RUN}
        assert set(found) == {leader.pid, child.pid}
        assert leaders(found.values()) == {RUN: leader.pid}
        assert found[child.pid].worker == "k.1"
        assert end("another run", found.values()) == 0
        assert end(RUN, found.values()) == 2
        assert {leader.wait(10), child.wait(10)} == {-9}
        assert not [process for process in processes() if process.run == RUN]
    finally:
        for process in (leader, child):
            process.kill()
            process.communicate()


def test_a_dead_process_that_nobody_has_buried_is_dead():
    leader = _start(RUN, "k.1", "-m", "prefect.engine")
    leader.kill()
    leader.communicate()
    assert RUN not in leaders(processes())


@given(st.binary(max_size=200))
def test_whatever_stands_in_an_environment_is_read(tmp_path_factory, content):
    proc = tmp_path_factory.mktemp("proc")
    for name, text in (("12", content), ("13", b"PREFECT__FLOW_RUN_ID=a\0" + content)):
        (proc / name).mkdir()
        (proc / name / "environ").write_bytes(text)
        (proc / name / "cmdline").write_bytes(content)
    assert {process.pid for process in processes(proc)} <= {12, 13}
