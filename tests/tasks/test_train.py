"""The training of the bundled model from nothing to a model folder with its card, in seconds instead of hours."""

import json
from dataclasses import replace

import pytest

from evaluation.networks import bundled_quality, scorer_training
from tasks import model_card, train
from tasks.events import StageDone, StageMoved, StageStarted, ignore
from zoomlib.bundled import super_resolution
from zoomlib.bundled.recipe import Recipe
from zoomlib.models import describe, load_denoiser, load_upscaler

RECIPE = Recipe(
    images=40, batch=4, workers=1, shard=8, first_shards=2, steps_per_shard=100, warm_up_images=8,
    text_warm_up_steps=2, checkpoint_steps=5, sheet_steps=10, scorer_steps=2, scorer_pictures=16,
    super_resolution_steps=2, super_resolution_pictures=4,
)  # fmt: skip
QUICK = replace(RECIPE, images=20, batch=2)  # ten steps: news comes with every tenth
STORIES = {"two levels": ["a green forest with green leaves in the centre", "green leaves"]}


@pytest.fixture
def quick_card(monkeypatch):
    """Small nets taught, and a card measured, on next to nothing."""
    for training, batch, shard in ((scorer_training, 16, 16), (super_resolution, 2, 4)):
        monkeypatch.setattr(training, "BATCH", batch)
        monkeypatch.setattr(training, "SHARD", shard)
    for name in ("PER_CLASS", "COLUMNS", "BORDERS"):
        monkeypatch.setattr(model_card, name, 1)
    monkeypatch.setattr(model_card, "SEEDS", (0,))
    monkeypatch.setattr(model_card, "WAYS", {"independent": {}, "joint": {"feather": 0.1}})
    monkeypatch.setattr(train, "SHEET_STEPS", 1)
    monkeypatch.setattr(bundled_quality, "STEPS", 1)
    monkeypatch.setattr(bundled_quality.scorer_accuracy, "__defaults__", (24,))
    monkeypatch.setattr(bundled_quality.draw_samples, "__defaults__", (1,))
    monkeypatch.setattr(bundled_quality.measure, "__defaults__", (2,))


def test_from_nothing_to_a_model_folder(tmp_path, quick_card):
    events = []
    out = train.train_bundled(QUICK, tmp_path / "checkpoints", tmp_path / "model", "cpu", STORIES, events.append)

    done = [event.stage for event in events if isinstance(event, StageDone)]
    assert done == ["scorer", "super_resolution", "diffusion", "folder", "card"]
    assert [event.done for event in events if isinstance(event, StageMoved) and event.stage == "diffusion"][-1] == 20
    assert describe(out)["upscaler"]["factor"] == 4
    assert load_denoiser(out).shape == (3, 64, 64)
    assert load_upscaler(out).factor == 4
    facts = json.loads((out / "card.json").read_text())
    assert set(facts["joint"]) == {"independent", "joint"}
    assert (out / "samples.png").stat().st_size > 1000
    assert "| galaxy |" in (out / "README.md").read_text()
    assert list((tmp_path / "checkpoints" / "sheets").glob("step_*.png")), "a sheet to look at while it trained"


@pytest.mark.slow
def test_a_second_training_goes_on_from_what_is_there(tmp_path, quick_card):
    checkpoints, out, events = tmp_path / "checkpoints", tmp_path / "model", []
    train.train_bundled(RECIPE, checkpoints, out, "cpu", STORIES, ignore)
    weights = (out / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    train.train_bundled(replace(RECIPE, workers=2), checkpoints, out, "cpu", STORIES, events.append)
    started = {event.stage: event for event in events if isinstance(event, StageStarted)}
    assert "scorer" not in started, "a finished net is kept"
    assert started["diffusion"].done == 40
    more = replace(RECIPE, images=80)
    train.train_bundled(more, checkpoints, out, "cpu", STORIES, ignore)
    assert (out / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() != weights


def test_a_gpu_gets_one_worker_and_a_large_batch():
    recipe = Recipe().suited_to("cuda")
    assert (recipe.workers, recipe.batch) == (1, 256)
    assert Recipe().suited_to("cpu") == Recipe()
    assert replace(recipe, workers=2, batch=16) == Recipe()
