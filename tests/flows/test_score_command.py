"""`tenfold score`: what it measures, prints and refuses."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import evaluation
from flows.server import ServerError
from tasks.cards import run_folders
from tests.flows.test_command import contents, here, refused, small, story, tenfold  # noqa: F401 - a fixture
from tests.tasks.scored import pictures, stack


@pytest.fixture(scope="module")
def made(tmp_path_factory, model_folder) -> Path:
    """A folder with two finished runs."""
    root = tmp_path_factory.mktemp("made")
    for seed in (0, 1):
        result = tenfold("zoom", "-", *small(model_folder), "--seed", seed, "--out", root / "runs", text=story())
        assert result.exit_code == 0, result.output
    return root / "runs"


@pytest.fixture
def runs(here, made) -> list[Path]:  # noqa: F811
    """Two finished runs in the working folder's `runs`."""
    shutil.copytree(made, here / "runs")
    return list(run_folders(here / "runs"))


def test_one_run_level_by_level(runs):
    result = tenfold("score", runs[0].name[:6])
    assert result.exit_code == 0, result.output
    assert "Text" in result.stdout
    assert "Windows dB" in result.stdout
    assert "a [bold]green[/bold] forest" in result.stdout
    assert "mean" in result.stdout
    assert "Flicker" in result.stdout
    assert str(runs[0] / "scores.parquet") in result.stdout
    assert "0 files of scores measured, 2 kept." in result.stdout


def test_many_runs_by_their_folder_with_a_measure_and_again(runs, here):  # noqa: F811
    result = tenfold("score", "runs", "--measure", "clip_iqa", "--no-engine")
    assert result.exit_code == 0, result.output
    assert "CLIP-IQA" in result.stdout
    assert all(folder.name in result.stdout for folder in runs)
    assert "2 files of scores measured, 4 kept." in result.stdout
    again = tenfold("score", "runs", "--measure", "clip_iqa", "--quiet")
    assert (again.exit_code, again.stderr) == (0, "")
    files = again.stdout.split()
    assert sorted(files) == sorted(str(path) for path in here.rglob("runs/*/*/scores*.parquet"))
    assert len(files) == 6


def test_a_dry_run_writes_nothing(runs, here):  # noqa: F811
    (runs[0] / "scores.parquet").unlink()
    before = contents(here)
    result = tenfold("score", *runs, "--dry-run", "--no-video")
    assert result.exit_code == 0, result.output
    assert "1 of 2 files of scores would be measured. Nothing was written." in result.stdout
    assert contents(here) == before


def test_a_truncated_file_is_reported_and_mended_and_a_foreign_one_skipped(runs):
    whole = len(evaluation.read_scores("runs"))
    cut = runs[0] / "scores.parquet"
    cut.write_bytes(cut.read_bytes()[:-20])
    result = tenfold("score", "runs", "--no-video")
    assert result.exit_code == 0, result.output
    assert f"Note: {cut} is damaged" in result.stderr
    assert len(evaluation.read_scores("runs")) == whole
    (runs[1] / "scores-mine.parquet").write_bytes(b"PAR1")
    result = tenfold("score", "runs", "--no-video")
    assert result.exit_code == 1
    assert f"Failed: {runs[1] / 'scores-mine.parquet'} is damaged and was left out" in result.stderr
    assert runs[0].name in result.stdout


def test_one_failing_run_is_named_and_the_other_is_measured(runs):
    shutil.rmtree("runs/.cache")
    (runs[0] / "stack" / "level_01.png").unlink()
    result = tenfold("score", "runs", "--no-video", "--force", "--no-engine")
    assert result.exit_code == 1
    assert f"Failed: {runs[0]}: " in result.stderr
    assert "level_01.png" in result.stderr
    assert "1 file of scores measured" in result.stdout


def test_what_was_measured_as_json(runs):
    result = tenfold("score", runs[0], "--json", "--no-engine")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    (run,) = told["runs"]
    assert (run["run_id"], run["made"], run["error"]) == (runs[0].name, [], None)
    (speed,) = [one for one in run["scores"] if one["score"] == "log_speed_sd"]
    assert (speed["scope"], speed["level"]) == ("video", None)
    assert told["damaged"] == {}


def test_few_files_wait_for_no_server_and_a_named_one_is_used(runs, monkeypatch):
    started = []

    def run_flow(*_):
        started.append(True)
        raise ServerError("There is none.")

    monkeypatch.setattr("flows.engine.run_flow", run_flow)
    monkeypatch.setattr("flows.engine.has_server", lambda: False)
    assert tenfold("score", "runs", "--no-video", "--force").exit_code == 0
    assert started == []
    monkeypatch.setattr("flows.engine.has_server", lambda: True)
    result = tenfold("score", "runs", "--no-video", "--force")
    assert (result.exit_code, started) == (0, [True])
    assert "goes on without it" in result.stderr


def test_another_tools_pictures(here, runs):  # noqa: F811
    pictures(here / "theirs")
    told = ["--p", "2", "--name", "Tool [X]", "--title", "Small", "--seed", "1"]
    dry = tenfold("score", "theirs", *told, "--dry-run")
    assert (dry.exit_code, "3 levels of 64 x 64 px, p = 2." in dry.stdout) == (0, True)
    assert len(list(run_folders(here / "runs"))) == 2
    result = tenfold("score", "theirs", *told)
    assert result.exit_code == 0, result.output
    frame = evaluation.read_scores("runs")
    theirs = frame[frame["method"] == "Tool [X]"]
    assert set(theirs["story"]) == {"Small"}  # beside ours, as one that can be compared with them
    assert set(theirs["seed"]) == {1}
    again = tenfold("score", "theirs", *told)
    assert "0 files of scores measured, 1 kept." in again.stdout
    both = tenfold("score", "runs", "--no-video")
    assert (both.exit_code, "Tool [X]" in both.stdout) == (0, True)
    (folder,) = (path for path in run_folders(here / "runs") if path not in runs)
    refused(here, tenfold("render", folder), "compose", frozenset(contents(here)))


REFUSED = {
    "no p": (["theirs"], r"--p 2"),
    "p of 1": (["theirs", "--p", "1"], "above 1"),
    "p of words": (["theirs", "--p", "half"], "--p"),
    "one picture": (["single", "--p", "2"], "1 picture"),
    "no film": (["README.txt", "--p", "2"], "README.txt"),
    "nothing": (["nowhere", "--p", "2"], "nowhere"),
    "an empty folder": (["empty"], "no finished runs"),
    "p of a run": (["RUN", "--p", "2"], "--p"),
    "two at once": (["theirs", "RUN", "--p", "2"], "alone"),
    "unknown scorer": (["RUN", "--scorer", "nobody"], "nobody"),
    "unknown tag": (["RUN", "--scorer", "ViT-B-32:nothing"], "nothing"),
    "unknown measure": (["RUN", "--measure", "beauty"], "clip_iqa"),
    "near measure": (["RUN", "--measure", "clip-iqa"], "Did you mean clip_iqa"),
    "twice": (["RUN", "--measure", "clip_iqa", "--measure", "clip_iqa"], "twice"),
    "no weights": (["RUN", "--measure", "aesthetic:none.safetensors"], "none.safetensors"),
    "unknown device": (["RUN", "--device", "abacus"], "abacus"),
    "another story": (["theirs", "--p", "2", "--story", "cosmic-leaf"], "levels"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_a_paragraph_and_nothing_is_written(runs, here, arguments, words):  # noqa: F811
    pictures(here / "theirs")
    pictures(here / "single", stack()[:1])
    (here / "empty").mkdir()
    (here / "README.txt").write_text("no film")
    before = frozenset(contents(here))
    named = [runs[0].name if word == "RUN" else word for word in arguments]
    refused(here, tenfold("score", *named), words, before)


def test_a_head_for_other_embeddings_is_refused_before_anything_is_sampled(here, model_folder):  # noqa: F811
    save_file({"weight": torch.ones(1, 7), "bias": torch.zeros(1)}, here / "head.safetensors")
    before = frozenset(contents(here))
    head = ["--set", 'scores.measures=["aesthetic:head.safetensors"]']
    refused(here, tenfold("zoom", "-", *small(model_folder), *head, text=story()), "embeddings of 7 numbers", before)


def test_runs_are_compared_with_a_folder_of_pictures_as_sets(runs, here):  # noqa: F811
    pictures(here / "theirs")
    result = tenfold("score", "runs", "--reference", "theirs", "--no-video", "--no-engine", "--json")
    assert result.exit_code == 0, result.output
    sets = json.loads(result.stdout)["sets"]
    assert all(Path(found["table"]).is_file() for found in sets)
    tables = [{score["score"]: score["value"] for score in found["scores"]} for found in sets]
    assert sum(scores["set_images"] for scores in tables) == len(list(here.glob("runs/*/*/stack/level_*.png")))
    for scores in tables:
        assert (scores["set_stories"], scores["rank_deficient"]) == (1, 1)
        assert scores["frechet_distance"] > 0
        # Without Inception's weights no score carries its name.
        assert not {"fid", "kid", "inception_score"} & scores.keys()


def test_a_picture_of_the_users_own_is_never_touched(here):  # noqa: F811
    folder = pictures(here / "theirs")
    Image.fromarray(stack()[0]).save(folder / "notes.bmp")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert tenfold("score", "theirs", "--p", "2", "--no-engine").exit_code == 0
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
