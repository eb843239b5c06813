"""`tenfold train-infinity`: from nothing to a folder that paints windows, with very small networks."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks import train_infinity as stages
from tasks.errors import RefusedError
from tasks.events import StageDone, StageMoved, StageNoted, StageStarted, ignore
from zoomlib.errors import NoRoomError
from zoomlib.infinity import load_generator
from zoomlib.infinity.config import DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.training import quality, recipe
from zoomlib.infinity.training.recipe import Recipe

SMALL = Recipe(
    generator=GeneratorConfig(
        blocks=2, style=6, local=6, structure_layers=1, radius=1, texture=(6, 6), mapping_layers=1, rise=0.5,
        period=16, cells=6,
    ),
    discriminator=DiscriminatorConfig(patch_px=9, channels=(4, 6), linear=6, blur=False),
    full_px=17, iterations=4, batch=2, r1_every=2, checkpoint_steps=2, sheet_steps=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """A quality of few samples, and a recipe by the name `small`."""
    monkeypatch.setattr(quality, "SAMPLES", 4)
    monkeypatch.setitem(recipe.RECIPES, "small", lambda: SMALL)


def test_from_nothing_to_a_folder_that_paints(tmp_path):
    events, checkpoints = [], tmp_path / "checkpoints"
    out = stages.train_infinity(SMALL, checkpoints, tmp_path / "model", "cpu", events.append)

    with pytest.raises(RefusedError, match="made 4 steps already, and 3 are asked for"):
        stages.train_infinity(replace(SMALL, iterations=3), checkpoints, tmp_path / "fewer", "cpu", ignore)
    assert [e.done for e in events if isinstance(e, StageMoved) and e.stage == "training"] == [1, 2, 3, 4]
    assert [e.stage for e in events if isinstance(e, StageDone)] == ["training", "quality"]
    assert any(isinstance(e, StageNoted) and "Train it longer" in e.text for e in events), "four steps teach nothing"
    assert sorted(path.name for path in (checkpoints / "sheets").iterdir()) == ["step_000002.png", "step_000004.png"]
    generator = load_generator(out)
    assert generator.config == SMALL.generator
    assert generator.facts["iterations"] == 4
    assert generator.facts["quality"]["row_error"] > 0
    assert generator.render(-3, 10**6, 5, 7, seed=1).isfinite().all()
    card = (out / "README.md").read_text()
    assert "--recipe small --iterations 4 --seed 0" in card
    assert "(samples.png)" in card
    assert (out / "samples.png").stat().st_size > 500


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path):
    """Stopped at step 3, between two checkpoints: its state is kept, and what follows is the same bit for bit."""

    def stop(event):
        if event == StageMoved("training", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.train_infinity(SMALL, tmp_path / "stopped", tmp_path / "model", "cpu", stop)
    assert not (tmp_path / "model").exists()
    events = []
    stages.train_infinity(SMALL, tmp_path / "stopped", tmp_path / "model", "cpu", events.append)
    assert next(e for e in events if isinstance(e, StageStarted)).done == 3
    stages.train_infinity(SMALL, tmp_path / "whole", tmp_path / "other", "cpu", lambda event: None)
    weights = [(tmp_path / name / "generator.safetensors").read_bytes() for name in ("model", "other")]
    assert weights[0] == weights[1]


def test_the_command_says_where_the_generator_lies(tmp_path):
    told = CliRunner().invoke(app, [
        "train-infinity", "--recipe", "small", "--iterations", "2", "--no-engine", "--quiet",
        "--checkpoints", str(tmp_path / "c"), "--out", str(tmp_path / "m"), "--device", "cpu",
    ])  # fmt: skip
    assert told.exit_code == 0, told.output
    assert told.stdout.strip() == str(tmp_path / "m")
    about = json.loads((tmp_path / "m" / "config.json").read_text())
    assert about["facts"]["recipe"]["iterations"] == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--data", "no-such-folder"], "neither"),
        (["--recipe", "huge"], "cpu-maps"),
        (["--iterations", "0"], "iterations"),
        (["--seed", str(2**64)], "got 18446744073709551616"),
        (["--device", "cdua"], "cdua"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_work(tmp_path, options, word):
    told = CliRunner().invoke(app, ["train-infinity", "--no-engine", "--checkpoints", str(tmp_path / "c"), *options])
    assert told.exit_code == 2, told.output
    assert word in told.output
    assert not (tmp_path / "c").exists()


def test_what_there_is_no_memory_for_is_refused_before_any_work(tmp_path):
    with pytest.raises(NoRoomError, match=r"takes about .* and cpu has .* a smaller batch"):
        stages.train_infinity(replace(SMALL, full_px=10**6), tmp_path / "c", tmp_path / "m", "cpu", ignore)
    assert list(tmp_path.iterdir()) == []


def test_another_recipe_does_not_go_on_with_a_training(tmp_path):
    stages.train_infinity(SMALL, tmp_path / "c", tmp_path / "m", "cpu", lambda event: None)
    before = (tmp_path / "m" / "generator.safetensors").read_bytes()
    told = CliRunner().invoke(app, [
        "train-infinity", "--recipe", "small", "--seed", "5", "--no-engine", "--device", "cpu",
        "--checkpoints", str(tmp_path / "c"), "--out", str(tmp_path / "m"),
    ])  # fmt: skip
    assert told.exit_code == 2
    assert "seed 0" in told.output
    assert (tmp_path / "m" / "generator.safetensors").read_bytes() == before


def test_maps_take_the_recipe_of_maps():
    assert stages.recipe_for(data="maps").generator.axes == "periodic"
    assert stages.recipe_for().generator.axes == "horizon"
