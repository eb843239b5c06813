"""Levels of a model that overshoots are clamped: windows agree all the same, and what is gone on from stays."""

import pytest
import torch

from evaluation.windows import each_pair
from tasks.continuation import extended, rerolled
from tasks.finished import read_finished
from tests.doubles.painter import Painter
from tests.tasks.test_continuation import go_on, stack
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import run
from zoomlib.stack import ZoomStack

HARD = ("method=iterative", "sampling.steps=2", "guidance.clamp=false", "enlarge.model=none")


@pytest.fixture(autouse=True)
def overshooting(monkeypatch):
    """Bright and dark stripes far beyond [-1, 1], which are another mean of what is clamped."""
    plain = Painter.predict_clean

    def wild(self, z, step, condition):
        stripes = torch.linspace(-2, 2.5, z.shape[-1]).roll(3) * torch.ones(z.shape[-2], 1)
        return plain(self, z, step, condition) + stripes.where(torch.arange(z.shape[-1]) % 2 == 0, -stripes)

    monkeypatch.setattr(Painter, "predict_clean", wild)


def apart(report):
    found = ZoomStack.load(report.run.folder / "stack")
    return max(float((wide - fine).abs().max()) for wide, fine in each_pair(found.levels, found.p, found.focus))


def test_windows_agree_and_levels_that_are_kept_stay_bit_for_bit(tmp_path):
    report = run(tmp_path, *HARD, levels=["a", "b", "c"])
    assert sampled(report).abs().max() > 1.5
    assert apart(report) <= 1.5 * 2 / 255  # 8 bits of two pictures
    base = read_finished(report.run.id, tmp_path)
    wider = go_on(extended(base, 1, wider=True, prompts=["x"]))
    assert torch.equal(stack(wider)[1:], stack(report))
    assert apart(wider) <= 1.5 * 2 / 255
    deeper = go_on(extended(base, 2, wider=False, prompts=["x", "y"]))
    assert torch.equal(stack(deeper)[:3], stack(report))
    assert apart(deeper) <= 1.5 * 2 / 255
    again = go_on(rerolled(base, 1))
    assert torch.equal(stack(again)[2], stack(report)[2])
    assert apart(again) <= 1.5 * 2 / 255
