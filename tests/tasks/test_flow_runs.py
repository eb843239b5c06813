"""Runs of flow models: folders with random weights, by the same configuration as any other model."""

import pytest

from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.tiny_flows import flux_pipeline, sd3_pipeline
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import BASE, story


@pytest.mark.parametrize("kind", ["sd3", "dev", "schnell"])
def test_a_run_takes_a_flow_model_as_any_other(tmp_path, kind):
    folder = sd3_pipeline(tmp_path / kind)[0] if kind == "sd3" else flux_pipeline(tmp_path / kind, kind)[0]
    settings = [*BASE, f"model.name={folder}", "model.size=48x32", "sampling.steps=2", "film.fps=2"]
    report = run_zoom(with_settings(RunConfig(), settings), story(levels=["a", "b"]), tmp_path / "runs")
    assert sampled(report).shape == (2, 3, 32, 48)
    assert report.run.config.guidance.scale == {"sd3": 7.0, "dev": 3.5, "schnell": 1.0}[kind]
