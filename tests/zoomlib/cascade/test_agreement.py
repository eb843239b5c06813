"""Levels that were enlarged each by itself agree again: exactly, at any factor, focus and shape, and without seams."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.border import seam
from evaluation.windows import pairs
from tests.doubles.gaussian import power_spectrum
from zoomlib.cascade.agree import Agreement
from zoomlib.cascade.mend import continued
from zoomlib.geometry import whole_pixels
from zoomlib.models.upscaling.net import hold_means
from zoomlib.photograph import Photograph
from zoomlib.pyramid import down
from zoomlib.scene import placed_focus
from zoomlib.stack import ZoomStack, consolidate

JOINT = Agreement("blended", 2, blending="laplacian", coarse_weight=0.25)


def pictures(L, H, W, seed=0, size=1.3):
    return (torch.rand(L, 3, H, W, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * size


def disagreement(levels, how):
    """The largest difference of a window and the level that it shows, the loop's included."""
    if how.loop:
        levels = torch.cat([levels, levels[:1]])
        how = replace(how, focus=how.focus and (*how.focus, how.focus[0]))
    wide, fine = pairs(levels, how.p, how.focus)
    return float((wide - fine).abs().max())


@given(
    p=st.sampled_from([2, 3, 4]),
    cells=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    points=st.lists(st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=4),
    loop=st.booleans(),
    photo=st.booleans(),
    how=st.sampled_from(["blended", "nested"]),
)
@settings(max_examples=40, deadline=None)
def test_all_windows_agree(p, cells, points, loop, photo, how):
    H, W = (p * p * n for n in cells)
    loop = loop and how == "blended"
    focus = placed_focus(4, (H, W), 1, p, points)
    agreement = replace(JOINT, how=how, p=p, focus=focus, loop=loop)
    shown = pictures(1, H, W, 1, 1.0)[0] if photo and how == "blended" and not loop else None
    out = agreement.settle(pictures(4, H, W), shown)
    assert out.abs().max() <= 1
    assert disagreement(out, agreement) <= 1e-6


@pytest.mark.parametrize("p", [1.5, 2.5])
def test_nested_windows_agree_between_pixels(p):
    agreement = Agreement("nested", p, focus=((0.3, 0.6),) * 3)
    out = agreement.settle(pictures(3, 60, 80))
    again = ZoomStack(out, p, agreement.focus).rendered().levels
    torch.testing.assert_close(again, out, atol=1e-6, rtol=0)


def test_levels_that_agree_stay_as_they_are():
    for agreement in (JOINT, Agreement("nested", 2)):
        once = agreement.settle(pictures(4, 32, 48))
        torch.testing.assert_close(agreement.settle(once), once, atol=1e-5, rtol=0)


def test_soft_windows_are_those_of_joint_sampling():
    soft, levels = replace(JOINT, feather=0.16), pictures(4, 32, 32, size=0.4)
    expected = consolidate(levels, 2, blending="laplacian", coarse_weight=0.25, feather=0.16)
    assert expected.abs().max() < 1
    torch.testing.assert_close(soft.settle(levels), expected, atol=1e-6, rtol=0)


def test_a_photograph_is_shown_after_enlarging():
    photo = pictures(1, 32, 32, 5, 0.5)[0]
    out = JOINT.settle(pictures(3, 32, 32, size=0.1), photo)
    assert (out[0] - photo).abs().max() <= 1e-5
    assert disagreement(out, JOINT) <= 1e-6
    assert (Photograph(photo, 3, 2).project(out) - out).abs().max() <= 1e-5


@pytest.mark.parametrize("how", ["blended", "nested"])
def test_given_levels_stay_and_deeper_ones_show_what_they_show(how):
    """Level 1 is given whole; level 3, if it is, but for its window, and shows something else than level 1 does."""
    agreement = replace(JOINT, how=how, focus=((0.5, 0.25),) * 5)
    levels = agreement.settle(pictures(5, 32, 48, size=0.5))
    levels[1], levels[3] = pictures(2, 32, 48, 7, 0.5)
    out = agreement.hold(levels, {1}, {1, 3})
    assert torch.equal(out[1], levels[1])
    window = whole_pixels(ZoomStack(levels, 2, agreement.focus).windows[3], 32, 48)
    around = torch.ones(32, 48, dtype=torch.bool)
    around[window.slices] = False
    assert torch.equal(out[3][:, around], levels[3][:, around])
    wide, fine = pairs(out, 2, agreement.focus)
    assert (wide - fine)[[0, 2, 3]].abs().max() <= 1e-6
    assert disagreement(agreement.hold(levels, {1}, {1}), agreement) <= 2e-6


def test_levels_alone_are_left_alone():
    levels = pictures(3, 8, 8)
    assert torch.equal(Agreement("alone", 1.7).settle(levels), levels.clamp(-1, 1))


def enlarged(seed):
    """Two levels of one field like a picture, which agree, each enlarged by itself with the means of its pixels."""
    white = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(seed))
    field = torch.fft.ifft2(torch.fft.fft2(white) * power_spectrum(256, 256).sqrt()).real * 0.2
    small = torch.cat([down(field, 4), down(field[..., 64:192, 64:192], 2)]).clamp(-1, 1)
    return hold_means(F.interpolate(small, scale_factor=4.0, mode="bicubic"), small, 4)


def test_what_windows_bring_leaves_no_seam():
    """Over ten stacks: pasted windows show their border, as twice the steps beside it; continued ones do not."""
    hard, soft = [], []
    for seed in range(10):
        own = enlarged(seed).clamp(-1, 1)
        window = ZoomStack(own, 2).windows[0]
        hard.append(seam(ZoomStack(own, 2).rendered().levels[0], window)["seam"])
        soft.append(seam(Agreement("nested", 2).settle(own)[0], window)["seam"])
    assert sum(hard) / 10 > 1.5
    assert 0.85 < sum(soft) / 10 < 1.15


def test_a_window_goes_on_around_itself_and_not_further():
    levels = torch.zeros(2, 1, 64, 64)
    shown = levels.clone()
    window = whole_pixels(ZoomStack(levels, 2).windows[0], 64, 64)
    shown[0, :, *window.slices] = 1.0
    out = continued(levels, shown, [window])
    assert (out[0, 0, 16:48, 16:48] == 0).all()  # the window is shown by rendering
    assert out[0, 0, 15, 32] > 0.8
    assert (out[0, 0, :14] == 0).all()
    assert torch.equal(out[0, 0], out[0, 0].T)
    assert torch.equal(out[0, 0], out[0, 0].flip(0))
    assert (out[1] == 0).all()


def test_a_window_at_the_edge_has_no_outside_there():
    levels = torch.zeros(1, 1, 32, 32)
    shown = levels.clone()
    window = whole_pixels(ZoomStack(levels.expand(2, -1, -1, -1), 2, ((0.0, 0.0),) * 2).windows[0], 32, 32)
    assert (window.top, window.left) == (0, 0)
    shown[0, :, *window.slices] = 1.0
    out = continued(levels, shown, [window])
    assert out[0, 0, 5, 16] > 0
    assert out[0, 0, 16, 5] > 0
