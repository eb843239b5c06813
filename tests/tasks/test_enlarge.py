"""Levels that are made around each other agree at the size of the stack too, at any zoom factor."""

import pytest
import torch

from tests.tasks.test_pipeline import run
from zoomlib.area import show
from zoomlib.geometry import whole_pixels
from zoomlib.stack import ZoomStack

FINE = 1.5 * 2 / 255  # two pictures, each rounded to 8 bits


@pytest.mark.parametrize("p", [2, 1.5])
def test_enlarged_windows_show_the_enlarged_deeper_levels(tmp_path, p):
    report = run(tmp_path, "method=outpaint-direct", p=p)
    stack = ZoomStack.load(report.run.folder / "stack")
    assert stack.levels.shape[-1] == 64
    for level in range(2):
        rows, columns = whole_pixels(stack.windows[level], 64, 64).slices
        shown = show(list(stack.levels[level:]), stack.windows[level:], p)
        assert (shown - stack.levels[level])[:, rows, columns].abs().max() <= FINE
    plain = run(tmp_path, "method=outpaint-direct", "enlarge.model=none", p=p)
    small = ZoomStack.load(plain.run.folder / "stack")
    # Two pixels beyond all windows nothing but the super-resolution has been at work, which repeats pixels here.
    twice = small.levels[0].repeat_interleave(2, 1).repeat_interleave(2, 2)
    border = torch.ones(64, 64, dtype=torch.bool)
    border[8:56, 8:56] = False
    assert torch.equal(stack.levels[0][:, border], twice[:, border])
