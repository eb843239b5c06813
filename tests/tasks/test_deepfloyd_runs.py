"""Runs of DeepFloyd IF and Sana: folders with random weights, by the same configuration as any other model."""

import json

import pytest
import torch

from tasks.errors import RefusedError
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.tiny_sana import sana_pipeline
from tests.doubles.tiny_upscalers import DYNAMIC, base_stage, second_stage, x4
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import BASE, story
from zoomlib.stack import ZoomStack


def ran(folder, tmp_path, *settings):
    config = with_settings(RunConfig(), [*BASE, f"model.name={folder}", "sampling.steps=2", "film.fps=2", *settings])
    return run_zoom(config, story(levels=["a", "b"]), tmp_path / "runs")


def test_a_run_takes_the_base_stage_and_holds_its_estimates_as_it_says(tmp_path):
    report = ran(base_stage(tmp_path / "if", **DYNAMIC)[0], tmp_path, "model.size=32x16")
    levels = sampled(report)
    assert levels.shape == (2, 3, 16, 32)
    assert bool(levels.isfinite().all())
    assert float(levels.abs().max()) < 2, "blending may leave [-1, 1] a little; what the network says leaves it far"
    assert report.run.config.guidance.scale == 7.0
    assert report.run.model["clamp"] == "dynamic"
    assert torch.unique(levels).numel() > 100


def test_a_run_takes_sana(tmp_path):
    report = ran(sana_pipeline(tmp_path / "sana")[0], tmp_path)
    assert sampled(report).shape == (2, 3, 32, 32)
    assert report.run.model["family"] == "Sana"


def test_an_upscaler_draws_no_run(tmp_path):
    folder, _ = x4(tmp_path / "x4")
    with pytest.raises(RefusedError, match=r"enlarges pictures and makes none\. Name it in a stage of enlarge\.stages"):
        ran(folder, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_all_three_stages_of_deepfloyd(tmp_path):
    """16 px by the base, 64 by the second stage with the base's words, 256 by Stable Diffusion's up-scaler."""
    base = base_stage(tmp_path / "if", **DYNAMIC)[0]
    second, third = second_stage(tmp_path / "second", words=False)[0], x4(tmp_path / "x4")[0]
    stages = [{"how": "upscaler", "model": str(folder), "steps": 2} for folder in (second, third)]
    report = ran(base, tmp_path, f"enlarge.stages={json.dumps(stages)}", "sampling.feather=0")
    assert sampled(report).shape == (2, 3, 16, 16)
    stack = ZoomStack.load(report.run.folder / "stack")
    assert stack.levels.shape == (2, 3, 256, 256)
    shown = torch.nn.functional.avg_pool2d(stack.levels[1], 2)
    assert torch.allclose(stack.levels[0, :, 64:192, 64:192], shown, atol=2 / 255), "but for 8 bits"


def test_a_second_stage_without_words_is_refused_beside_another_model(tmp_path):
    """Before anything is sampled."""
    second = second_stage(tmp_path / "second", words=False)[0]
    stages = json.dumps([{"how": "upscaler", "model": str(second)}])
    with pytest.raises(RefusedError, match="shares that of DeepFloyd IF, but levels are sampled by"):
        ran(sana_pipeline(tmp_path / "sana")[0], tmp_path, f"enlarge.stages={stages}")
    assert not (tmp_path / "runs").exists()
