"""`tenfold sweep`: what it prints, makes, refuses and survives; and the same as a Prefect flow."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.sweep import sweep as sweep_flow
from prompts import Story
from tasks.batch import making
from tasks.events import RunEnded, listening
from tasks.sweep_file import read_sweep
from tasks.sweep_spec import parse_spec
from tests.flows.test_command import contents, here, refused, tenfold  # noqa: F401  `here` is a fixture

ROOT = Path(__file__).resolve().parents[2]
SWEEP = {
    "title": "Noise",
    "seeds": 2,
    "stories": ["one.json"],
    "arms": {"shared": {}, "apart": {"sampling.noise": "random"}},
}


def story(title: str) -> str:
    return json.dumps({"title": title, "p": 2, "levels": [f"{title} a", "brown leaves"]})


@pytest.fixture
def file(here, model_folder):  # noqa: F811
    """A sweep of two arms, one story and two seeds, beside its story."""
    base = {"model.name": str(model_folder), "scores.scorer": str(model_folder / "scorer"), "scores.video": False}
    base |= {"sampling.steps": 2, "film.fps": 2, "film.seconds_per_level": 1, "film.size_px": 64}
    (here / "sweeps").mkdir()
    (here / "sweeps" / "one.json").write_text(story("One"))
    (here / "sweeps" / "noise.json").write_text(json.dumps({**SWEEP, "base": base | {"enlarge.model": "none"}}))
    return here / "sweeps" / "noise.json"


def test_a_dry_run_tells_every_run_and_writes_nothing(here, file):  # noqa: F811
    before = contents(here)
    result = tenfold("sweep", file, "--dry-run", "--seeds", "3", "--set", "film.fps=4")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("One") == 6
    assert "6 runs, 0 of them there as a whole. 2 arms, compared with shared" in result.stdout
    assert f"{6 * 2 * 2 * 2} evaluations of the model, {6 * 4} frames" in result.stdout
    assert contents(here) == before


REFUSALS = {
    "no such preset": (["tabel1"], "Did you mean table1"),
    "no such story": (["table1", "no-such-story"], "no-such-story"),
    "bad seeds": (["table1", "--seeds", "x"], "seeds"),
    "bad setting": (["table1", "--set", "film.fsp=4"], "Did you mean film.fps"),
    "an arm's setting": (["ablation", "--set", "sampling.noise=random"], "what arms of this sweep differ in"),
    "a method's setting that others lack": (["table1", "--set", "sampling.eeta=1"], "joint, .*eta"),
    "no such model": (["table1", "--model", "nobody"], "nobody"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_made_is_refused_before_anything_is_written(here, arguments, words):  # noqa: F811
    refused(here, tenfold("sweep", *arguments), words)


def test_a_sweep_tells_its_ranking_and_goes_on_after_a_failure(here, file, monkeypatch):  # noqa: F811
    real, calls = making.run_zoom, []

    def second_fails(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("none left")
        return real(*arguments, **options)

    monkeypatch.setattr(making, "run_zoom", second_fails)
    result = tenfold("sweep", file, "--no-engine", "--in-flight", "1", "--to", "docs/noise")
    assert result.exit_code == 1, result.output
    assert "run 1 of 4: shared, One, seed 0" in result.stderr
    assert "run 2 of 4 failed: MemoryError: none left" in result.stderr
    assert "Failed: apart, One, seed 0: MemoryError: none left." in result.stderr
    (folder,) = (here / "runs" / "_sweeps").iterdir()
    assert [point.error for point in read_sweep(folder).points] == [None, "MemoryError: none left", None, None]
    assert "1 of 2 runs missing" in (folder / "ranking.md").read_text()
    assert "clip_score: Text, higher is better" in result.stdout
    names = {"ranking.md", "ranking.csv", "comparison.html", "sweep.json"}
    assert {path.name for path in folder.iterdir()} == names | {"summary.md"}
    assert {path.name for path in (here / "docs" / "noise").iterdir()} == names
    assert "MemoryError: none left" in (folder / "summary.md").read_text()

    again = tenfold("sweep", file, "--no-engine", "--quiet")
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout.strip() == str(folder.relative_to(here))
    assert "missing" not in (folder / "ranking.md").read_text()
    plan = tenfold("sweep", file, "--dry-run")
    assert "4 of them there as a whole" in plan.stdout
    assert "Cost of the rest: 0 evaluations of the model, 0 frames" in plan.stdout


def test_stories_are_given_by_option_and_after_it(here, file):  # noqa: F811
    for name in ("Two", "Three"):
        (here / f"{name}.json").write_text(story(name))
    result = tenfold("sweep", file, "--seeds", "5,", "--stories", "Two.json", "Three.json", "--dry-run")
    assert "4 runs" in result.stdout
    assert all(title in result.stdout for title in ("Two", "Three"))
    assert "One" not in result.stdout


@pytest.mark.slow  # the gate kills runs (test_processes) and lets a sweep go on after a failure
def test_a_killed_sweep_goes_on_where_it_was(here, file):  # noqa: F811
    arguments = ["sweep", str(file), "--no-engine", "--seeds", "1", "--in-flight", "1"]
    code = f"import sys; sys.argv[1:] = {arguments!r}; from flows.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        for line in process.stderr:
            if line.startswith("run 2 of 2"):
                break
        process.send_signal(signal.SIGKILL)
    (folder,) = (here / "runs" / "_sweeps").iterdir()
    done = [point.run_id for point in read_sweep(folder).points]
    assert done[0] is not None
    assert done[1] is None
    config = here / "runs" / "one" / done[0] / "config.json"
    made_at = config.stat().st_mtime_ns
    result = tenfold(*arguments)
    assert result.exit_code == 0, result.output
    assert "run 1 of 2" in result.stderr
    assert "shared, One, seed 0: sampling" not in result.stderr  # it was found before anything was begun
    assert config.stat().st_mtime_ns == made_at
    assert all(point.folder for point in read_sweep(folder).points)


@pytest.mark.usefixtures("server")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sweep_is_a_flow(tmp_path, file):
    spec = parse_spec({**json.loads(file.read_text()), "seeds": [0]}, "x", "x")
    told, events = Story.model_validate(json.loads(story("One"))), []
    with listening(events.append):
        facts = asyncio.run(sweep_flow(spec, [told], tmp_path / "runs"))
    assert (facts["runs"], facts["failed"]) == (2, {})
    assert [event.error for event in events if isinstance(event, RunEnded)] == [None, None]
    assert (Path(facts["folder"]) / "ranking.md").is_file()

    async def seen():
        async with get_client() as client:
            for _ in range(100):  # what tasks publish reaches the server a moment later
                artifacts = {artifact.key: str(artifact.data) for artifact in await client.read_artifacts()}
                flows = {run.name for run in await client.read_flow_runs()}
                if f"ranking-{facts['sweep']}" in artifacts:
                    return artifacts, flows
                await asyncio.sleep(0.1)
        return artifacts, flows

    artifacts, flows = asyncio.run(seen())
    assert f"ranking-{facts['sweep']}" in artifacts
    assert "2 videos: 2 made" in artifacts[f"summary-noise-{facts['sweep']}"]
    assert "shared, One, seed 0" in artifacts[f"batch-noise-{facts['sweep']}"]
    assert "sweep Noise" in flows
