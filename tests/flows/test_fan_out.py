"""A nightly batch as a flow, in this process and on clusters of two workers: real Dask, real Ray."""

import asyncio
import json
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.nightly import nightly
from tasks import fan_out
from tasks.errors import RefusedError, RunError
from tasks.fan_out import Fleet
from tests.doubles.ledger import Ledger
from tests.doubles.painter import Painter, Studio
from tests.doubles.prefect_site import Process, free_port, variables, wait_until
from zoomlib import models

pytestmark = [
    pytest.mark.usefixtures("server"),
    # Prefect leaves the sockets of its clients to the garbage collector; clusters leave more.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def asked(tmp_path, model_folder):
    """Two stories, a file that is none, and settings with which a video takes a moment."""
    for name in ("one", "two"):
        story = {"title": name, "p": 2, "levels": ["a green forest", f"{name} leaves"]}
        (tmp_path / f"{name}.json").write_text(json.dumps(story))
    settings = {"model.name": str(model_folder), "scores.scorer": "none", "sampling.steps": 2}
    settings |= {"film.fps": 2, "film.size_px": 64, "film.seconds_per_level": 1}
    stories = [str(tmp_path / name) for name in ("one.json", "two.json", "nobody.json")]
    return {"stories": stories, "settings": settings, "root": str(tmp_path / "runs")}


def twice(asked: dict, engine: str) -> None:
    """A batch makes what can be made, and a second one makes nothing again."""
    first = asyncio.run(nightly(**asked, engine=engine))
    assert first["counts"] == {"made": 2, "reused": 0, "failed": 0, "refused": 1, "left": 0}, first
    assert all((folder / "zoom.mp4").is_file() for folder in Path(asked["root"]).glob("[a-z]*/*"))
    summary = (Path(first["folder"]) / "summary.md").read_text()
    assert "3 videos: 2 made, 1 refused" in summary
    second = asyncio.run(nightly(**asked, engine=engine))
    assert (second["counts"]["reused"], second["counts"]["made"], second["batch"]) == (2, 0, first["batch"])


def test_a_batch_in_this_process(asked):
    twice(asked, "here")


@contextmanager
def scheduler(workers: int):
    """The address of a real Dask scheduler with so many workers, all of them threads of this process."""
    distributed = pytest.importorskip("distributed")
    own = {"processes": False, "protocol": "tcp", "dashboard_address": None, "threads_per_worker": 1}
    with distributed.LocalCluster(n_workers=workers, **own) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
def test_a_batch_on_two_workers_of_dask_that_are_there_already(asked, monkeypatch):
    both_there, makers = threading.Barrier(2), set()

    class Broken(Painter):
        def condition(self, prompts, *rest, **more):
            if any("two" in prompt for prompt in prompts):
                raise RuntimeError("the model has gone")
            return super().condition(prompts, *rest, **more)

    def load(_name, *, size=None, **_more):
        makers.add(threading.current_thread().name)
        both_there.wait(120)
        return Broken(size=size)

    monkeypatch.setattr("tasks.models.describe_model", Studio().describe)
    monkeypatch.setattr(models, "load_denoiser", load)
    with scheduler(2) as address:
        summary = asyncio.run(nightly(**asked, engine="dask", cluster=address))
    assert summary["counts"] == {"made": 1, "reused": 0, "failed": 1, "refused": 1, "left": 0}, summary
    assert "the model has gone" in json.dumps(summary["missing"])
    assert len(makers) == 2, makers
    assert all("Dask" in name for name in makers)


def test_a_cluster_without_workers_is_waited_for_until_an_end(asked, monkeypatch):
    monkeypatch.setattr(fan_out, "ASK_S", 0.05)
    with scheduler(0) as address:
        summary = asyncio.run(nightly(**asked, engine="dask", cluster=address, worker_s=1))
    assert summary["counts"]["failed"] == 2
    assert "no worker of dask was there" in json.dumps(summary["missing"])


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_cluster_that_is_not_there_fails_at_once_with_the_remedy(asked, engine):
    pytest.importorskip(f"prefect_{engine}")
    with pytest.raises(RunError, match=r"does not answer.*Start its scheduler, or mend the address"):
        asyncio.run(nightly(**asked, engine=engine, cluster=f"127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("address", ["tcp://host:port", "host:99999", "tcp://[::1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(RefusedError, match="cluster: expected HOST:PORT"):
        Fleet("dask", address).reach()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_batch_on_a_cluster(asked, engine):
    pytest.importorskip(f"prefect_{engine}")
    twice(asked, engine)


@pytest.fixture
def watched(tmp_path, asked, monkeypatch):
    """What processes that are started from now on really make; each evaluation takes them a second."""
    asked["settings"] |= {"sampling.steps": 8}
    monkeypatch.setattr("tasks.models.describe_model", Studio().describe)
    ledger = Ledger(tmp_path / "ledger")
    for name, value in ledger.variables(1.0, painter=True).items():
        monkeypatch.setenv(name, value)
    return ledger


def kill_the_first(ledger: Ledger, killed: list[int]) -> None:
    """`kill -9` whoever evaluates a model first, once it has begun its second step."""
    pid = wait_until(lambda: ledger.lines("evaluated"), "an evaluation")[0]["pid"]
    wait_until(lambda: sum(line["pid"] == pid for line in ledger.lines("evaluated")) > 1, "its second step")
    os.kill(pid, signal.SIGKILL)
    killed.append(pid)


def others_make_it(asked: dict, ledger: Ledger, **how) -> None:
    """All videos are made although a process is killed, from where it was."""
    killed: list[int] = []
    killer = threading.Thread(target=kill_the_first, args=(ledger, killed), daemon=True)
    killer.start()
    summary = asyncio.run(nightly(**asked, **how))
    killer.join(5)
    assert killed
    assert summary["counts"] == {"made": 2, "reused": 0, "failed": 0, "refused": 1, "left": 0}, summary
    assert ledger.again() <= 2, ledger.evaluations()
    finished = [line["pid"] for line in ledger.lines("made") if line["stage"] == "sampling"]
    assert len(finished) == 2
    assert not {*killed} & {*finished}


@pytest.fixture
def cluster(tmp_path, watched):
    """The address of a Dask cluster of processes, and these: its scheduler and two workers of one thread."""
    pytest.importorskip("prefect_dask")
    home, port = tmp_path / "cluster", free_port()
    home.mkdir()
    env = variables(home, {name: os.environ[name] for name in (*watched.variables(), "TENFOLD_CACHE")})
    dask, where = (sys.executable, "-m", "dask"), f"tcp://127.0.0.1:{port}"
    own = ("scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", "127.0.0.1:0")
    processes = [Process((*dask, *own), env, home, home / "scheduler.log")]
    try:
        wait_until(lambda: "Scheduler at" in processes[0].text, "the scheduler")
        one = ("worker", where, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
        processes += [Process((*dask, *one), env, home, home / f"{number}.log") for number in (1, 2)]
        yield where, processes
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_the_video_of_a_dask_worker_that_is_killed_is_made_by_the_other(asked, watched, cluster):
    where, processes = cluster
    others_make_it(asked, watched, engine="dask", cluster=where)
    assert [process.alive for process in processes].count(True) == 2


@pytest.mark.slow
def test_a_dask_scheduler_that_is_killed_ends_the_batch_and_not_the_flow(asked, watched, cluster):
    where, processes = cluster

    def kill() -> None:
        wait_until(lambda: watched.lines("evaluated"), "an evaluation")
        processes[0].kill()

    threading.Thread(target=kill, daemon=True).start()
    summary = asyncio.run(nightly(**asked, engine="dask", cluster=where))
    assert summary["counts"]["failed"] == 2, summary
    assert "the cluster has lost it" in json.dumps(summary["missing"])


def test_a_cluster_that_is_not_installed_is_refused_with_the_remedy(monkeypatch):
    def missing(_self):
        raise ModuleNotFoundError("No module named 'prefect_dask'")

    monkeypatch.setattr(Fleet, "_dask", missing)
    with pytest.raises(RefusedError, match=r"pip install 'tenfold\[dask\]'"):
        Fleet("dask").runner()


def test_waiting_for_a_cluster_has_an_end(monkeypatch):
    class Never:
        def result(self, timeout: float):
            raise TimeoutError

    monkeypatch.setattr(fan_out, "ASK_S", 0.05)
    monkeypatch.setattr(fan_out, "workers_of", lambda _fleet: 0)
    said = []
    alone = dict(fan_out._outcomes({1: Never(), 2: Never()}, Fleet("dask", worker_s=0.3), said.append))
    assert sorted(alone) == [1, 2]
    assert "no worker of dask was there" in alone[1].error
    assert said
    monkeypatch.setattr(fan_out, "workers_of", lambda _fleet: 2)
    late = dict(fan_out._outcomes({1: Never()}, Fleet("ray", whole_s=0.3), said.append))
    assert "not finished within" in late[1].error


def test_a_video_that_has_killed_all_its_workers_is_told(monkeypatch):
    class Killed:
        def result(self, timeout: float):
            raise RuntimeError("Attempted to run task on 4 different workers")

    (told,) = dict(fan_out._outcomes({7: Killed()}, Fleet("dask"), lambda _text: None)).values()
    assert (told.state, "the cluster has lost it" in told.error) == ("failed", True)
