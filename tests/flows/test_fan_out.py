"""A nightly batch as a flow, in this process and on clusters of two workers: real Dask, real Ray."""

import asyncio
import json
from pathlib import Path

import pytest

from flows.nightly import nightly
from tasks import fan_out
from tasks.errors import RefusedError
from tasks.fan_out import Fleet

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


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_batch_on_a_cluster(asked, engine):
    pytest.importorskip(f"prefect_{engine}")
    twice(asked, engine)


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


def test_a_worker_that_died_for_good_is_told(monkeypatch):
    class Killed:
        def result(self, timeout: float):
            raise RuntimeError("Attempted to run task on 4 different workers")

    (told,) = dict(fan_out._outcomes({7: Killed()}, Fleet("dask"), lambda _text: None)).values()
    assert (told.state, "its worker has died" in told.error) == ("failed", True)
