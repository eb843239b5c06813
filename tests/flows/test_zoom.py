"""The main job as a Prefect flow, on a real server."""

import asyncio
import json
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.exceptions import TerminationSignal

from flows.engine import run_flow
from flows.render import render
from flows.score import score
from flows.zoom import zoom
from prompts import Story
from tasks.continuation import extended
from tasks.errors import RefusedError
from tasks.events import StageDone, StageMoved, ignore, listening
from tasks.finished import read_finished
from tasks.specs import RunConfig, with_settings
from zoomlib.errors import InvalidInputError
from zoomlib.film.video import probe

STORY = Story.model_validate({"title": "Flow [red] {x}", "p": 2, "levels": ["a green forest", "brown leaves"]})
STAGES = ["story", "sampling", "levels", "scores", "video", "motion", "pictures", "view"]

pytestmark = [
    pytest.mark.usefixtures("server"),
    # Prefect leaves the sockets of its clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def config(model_folder, *settings):
    base = [f"model.name={model_folder}", f"scores.scorer={model_folder / 'scorer'}", "sampling.steps=2", "film.fps=4"]
    return with_settings(RunConfig(), [*base, "film.size_px=64", *settings])


def task_states() -> dict[str, str]:
    """Name of every task of the latest flow run, and of the state in which it ended."""

    async def read():
        async with get_client() as client:
            (latest,) = await client.read_flow_runs(limit=1, sort="START_TIME_DESC")
            for _ in range(100):  # task runs reach the server as events, a moment after the flow has ended
                runs = await client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [latest.id]}))
                if runs and all(run.state is not None and run.state.is_final() for run in runs):
                    break
                await asyncio.sleep(0.1)
            return {run.name.rpartition("-")[0]: run.state.name for run in runs}

    return asyncio.run(read())


def tables() -> list:
    async def read():
        async with get_client() as client:
            return [artifact for artifact in await client.read_artifacts() if artifact.type == "table"]

    return asyncio.run(read())


def test_cold_then_warm_then_without_a_video(tmp_path, model_folder):
    events = []
    with listening(events.append):
        cold = asyncio.run(zoom(STORY, config(model_folder), tmp_path))
    assert [name for name, stage in cold["stages"].items() if stage["made"]] == STAGES
    assert [event.stage for event in events if isinstance(event, StageDone)] == STAGES
    assert {task_states()[stage] for stage in STAGES} == {"Made"}
    (table,) = [artifact for artifact in tables() if artifact.key == f"scores-{cold['run_id']}"]
    assert "a green forest" in table.data
    video = tmp_path / cold["folder"] / "zoom.mp4"
    assert video.is_file()

    warm = asyncio.run(zoom(STORY, config(model_folder), tmp_path))
    assert not any(stage["made"] for stage in warm["stages"].values())
    assert {task_states()[stage] for stage in STAGES} == {"Cached"}

    video.unlink()
    for film in (tmp_path / ".cache").rglob("*.mp4"):
        film.unlink()
    again = asyncio.run(zoom(STORY, config(model_folder), tmp_path))
    assert [name for name, stage in again["stages"].items() if stage["made"]] == ["video"]
    states = task_states()
    assert (states["video"], states["sampling"]) == ("Made", "Cached")
    assert video.is_file()


def test_a_run_goes_on_from_a_finished_one(tmp_path, model_folder):
    settings = config(model_folder, "method=outpaint-direct")
    base = asyncio.run(zoom(STORY, settings, tmp_path))
    more = extended(read_finished(base["run_id"], tmp_path), 1)
    longer = asyncio.run(zoom(more.story, more.config, more.root))
    assert {task_states()[stage] for stage in STAGES} == {"Made"}
    facts = json.loads((Path(longer["folder"]) / "config.json").read_text())
    assert facts["base"] == base["run_id"]


def test_the_film_of_a_finished_run_is_rendered_again(tmp_path, model_folder):
    base = asyncio.run(zoom(STORY, config(model_folder), tmp_path))
    events = []
    with listening(events.append):
        facts = asyncio.run(render(base["run_id"], tmp_path, {"film.fps": 3, "film.format": "webm"}))
    assert task_states() == {"video": "Completed"}
    assert (probe(facts["film"]).frames, probe(facts["film"]).codec, facts["made"]) == (6, "vp9", True)
    assert [event.done for event in events if isinstance(event, StageMoved)] == list(range(1, 7))
    with pytest.raises(RefusedError, match="seed cannot be set"):
        asyncio.run(render(base["run_id"], tmp_path, {"seed": 3}))


def test_what_is_rendered_and_measured_later_reaches_the_store_too(tmp_path, model_folder):
    store = tmp_path / "store"
    root = store.as_uri()
    run = asyncio.run(zoom(STORY, config(model_folder, "scores.scorer=none", "scores.video=false"), root))["run_id"]
    rendered = asyncio.run(render(run, root, {"film.fps": 3}))
    (scored,) = asyncio.run(score([Path(rendered["film"]).parents[1]], root))["runs"]
    assert scored["error"] is None
    assert [file.name for file in store.glob(f"*/{run}/renders/*.mp4")] == [Path(rendered["film"]).name]
    assert [*store.glob(f"*/{run}/scores*")]


def test_what_is_refused_comes_out_as_it_was_raised(tmp_path, model_folder):
    with pytest.raises(InvalidInputError, match="whole number"):
        asyncio.run(zoom(STORY, config(model_folder, "p=1.5"), tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_kill_comes_out_as_commands_know_it():
    def killed():
        raise TerminationSignal(signal=15)

    with pytest.raises(KeyboardInterrupt):
        run_flow(killed, ignore)
