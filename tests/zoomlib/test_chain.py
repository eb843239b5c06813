"""One geometry from sampling to film: rectangular levels, off-centre windows that the pixel grid has moved."""

import pytest
import torch
import torch.nn.functional as F

from evaluation.windows import pairs, psnr
from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.film.render import Renderer
from zoomlib.geometry import snapped_focus, windows
from zoomlib.methods import joint
from zoomlib.stack import ZoomStack, consolidate

LEVELS, SIZE, ENLARGED = 4, (24, 48), 4


def as_image(frame) -> torch.Tensor:
    return torch.from_numpy(frame.copy()).movedim(-1, 0) / 127.5 - 1


@pytest.mark.parametrize("point", [(0.31, 0.64), (0.0, 1.0), (0.5, 0.5)])
def test_windows_stay_where_they_were_sampled_through_enlarging_disk_and_film(tmp_path, point):
    """Agreement of 8-bit windows and frames, above 50 dB: the film shows the levels, inside a border of an eighth."""
    focus = [point] * LEVELS
    *_, end = joint.sample(
        GaussianDenoiser((3, *SIZE)), ["0"] * LEVELS, p=2, steps=8, focus=focus, generator=torch.Generator()
    )
    snapped = snapped_focus(LEVELS, *SIZE, 2, focus)
    large = F.interpolate(end.clean * 0.15, scale_factor=ENLARGED, mode="bicubic")
    large = consolidate(large, 2, coarse_weight=0.25, focus=snapped)
    assert large.abs().max() < 1
    stack = ZoomStack.load(ZoomStack(large, 2, snapped).save(tmp_path))

    found = [(box.top, box.left) for box in stack.windows]
    expected = [(ENLARGED * w.top, ENLARGED * w.left) for w in windows(LEVELS, *SIZE, 2, focus)]
    assert found == [pytest.approx(place, abs=1e-6) for place in expected]
    assert psnr(*pairs(stack.levels, 2, stack.focus)).min() > 50

    H, W = stack.levels.shape[-2:]
    inner = (..., slice(H // 8, -H // 8), slice(W // 8, -W // 8))
    renderer = Renderer(stack, (W, H))
    for level in range(LEVELS):
        assert psnr(as_image(renderer.frame(level))[inner], stack.levels[level][inner]) > 50
