import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics
from torchmetrics.functional.image import structural_similarity_index_measure

from evaluation import colour, windows
from tests.evaluation.pictures import noise, smooth
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack, render_levels

seeds = st.integers(0, 2**31)


def channels_last(image):
    return ((image.double() + 1) / 2).movedim(0, -1).numpy()


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_psnr_and_ssim_are_those_of_an_independent_library(seed):
    """To 1e-4 and far better. torchmetrics reflects pictures at their border; off it, its map of SSIM is ours."""
    a = smooth(3, 3, 24, 31, seed=seed).double()
    b = (a + 0.2 * noise(3, 3, 24, 31, seed=seed + 1)).clamp(-1, 1)
    assert windows.psnr(a, b).numpy() == pytest.approx(
        [metrics.peak_signal_noise_ratio(*map(channels_last, pair), data_range=1) for pair in zip(a, b, strict=True)]
    )
    _, everywhere = structural_similarity_index_measure(
        (a + 1) / 2, (b + 1) / 2, data_range=1.0, reduction="none", return_full_image=True
    )
    reach = windows.SSIM_SIDE_PX // 2
    inner = everywhere[..., reach:-reach, reach:-reach]
    assert windows.ssim(a, b).numpy() == pytest.approx(inner.mean((1, 2, 3)).numpy(), abs=1e-9)


def closed_form(image, matrix, white):
    """CIE 15: sRGB's curve undone, XYZ by `matrix` over `white`, cube roots."""
    rgb = channels_last(image)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    x, y, z = np.moveaxis(linear @ np.transpose(matrix) / white, -1, 0)
    f, g, h = (np.where(t > (6 / 29) ** 3, np.cbrt(t), t / 3 / (6 / 29) ** 2 + 4 / 29) for t in (x, y, z))
    return np.stack([116 * g - 16, 500 * (f - g), 200 * (g - h)], -1)


POYNTON = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
D65 = np.array([0.95047, 1.0, 1.08883])


def from_primaries():
    """The matrix and white of BT.709 from the chromaticities of its primaries and white, unrounded."""
    points = np.array([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)])
    x, y = points.T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3]), xyz[:, 3]


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_lab_and_delta_e_are_those_of_their_closed_form(seed):
    """To 2e-4 with the usual rounded constants: the slope 7.787 for 841 / 108 makes 500 * 3.7e-5 * 0.008856 = 1.6e-4 at
    the joint of the curve. They are off the unrounded ones by 0.02, which nobody sees."""
    a, b = noise(3, 9, 7, seed=seed), noise(3, 9, 7, seed=seed + 1)
    expected = [closed_form(image, POYNTON, D65) for image in (a, b)]
    assert np.allclose(colour.lab(a).movedim(0, -1).numpy(), expected[0], atol=2e-4)
    assert np.allclose(colour.lab(a).movedim(0, -1).numpy(), closed_form(a, *from_primaries()), atol=0.02)
    apart = np.linalg.norm(expected[0] - expected[1], axis=-1).mean()
    assert colour.delta_e(a, b).item() == pytest.approx(apart, abs=5e-4)


def test_a_colour_out_of_range_counts_as_clipped():
    image = 3 * noise(2, 3, 5, 5)
    assert torch.equal(colour.lab(image), colour.lab(image.clamp(-1, 1)))


def test_greys_have_no_colour():
    lightness, a, b = colour.lab(torch.linspace(-1, 1, 16).view(1, 4, 4)).unbind(0)
    assert torch.allclose(a, torch.zeros_like(a), atol=1e-2)
    assert torch.allclose(b, torch.zeros_like(b), atol=1e-2)
    assert lightness[0, 0].item() == pytest.approx(0, abs=1e-3)
    assert lightness[-1, -1].item() == pytest.approx(100, abs=1e-3)


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize("focus", [None, (0.25, 0.75)])
def test_a_rendered_stack_agrees_perfectly(p, focus):
    """By construction: the window of a level is the mean of the next one. The cap stands for infinity."""
    focuses = None if focus is None else [focus] * 3
    levels = render_levels(noise(3, 3, 32, 48), p, focuses)
    wide, fine = windows.pairs(levels, p, focuses)
    assert wide.shape == fine.shape == (2, 3, 32 // p, 48 // p)
    assert (wide - fine).abs().max() < 1e-6
    assert (windows.psnr(fine, fine) == windows.PSNR_CAP_DB).all()
    assert (windows.psnr(wide, fine) > 99).all()
    assert torch.allclose(colour.delta_e(wide, fine), torch.zeros(2, dtype=torch.float64), atol=1e-3)


@pytest.mark.parametrize("p", [1.5, 1.37, 2.0, 3.3])
def test_a_linear_world_agrees_for_any_factor(p):
    """Means of a linear function over equal areas are equal; pixels being flat, to an eighth of one in between."""
    H, W = 30, 40
    stack = ZoomStack(torch.zeros(2, 1, H, W), p, [(0.3, 0.8), None])
    box = stack.windows[0]
    x = (torch.arange(W) + 0.5).expand(H, W)
    inner = box.left + (x / W) * box.width
    levels = torch.stack([x, inner])[:, None] / W - 0.5
    wide, fine = windows.pairs(levels, p, stack.focus)
    assert wide.shape[-2:] == (int(H / p), int(W / p))
    assert (wide - fine).abs().max() <= (1e-6 if p == 2 else 0.126 / W)


def test_unrelated_noise_has_the_psnr_of_its_variance():
    """MSE of independent uniform noise averaged over 2 x 2: var (1 + 1/4) = 5/12; so 10 log10(4 * 12 / 5) = 9.82 dB."""
    wide, fine = windows.pairs(noise(9, 3, 128, 128), 2)
    assert windows.psnr(wide, fine).mean().item() == pytest.approx(10 * math.log10(48 / 5), abs=0.05)


def test_estimates_out_of_range_count_as_clipped():
    levels = noise(3, 3, 32, 32)
    assert torch.equal(windows.estimate_psnr(levels * 3, 2), windows.psnr(*windows.pairs((levels * 3).clamp(-1, 1), 2)))


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
def test_the_slope_of_made_spectra_is_found(exponent):
    """Noise whose power falls as f^exponent, mean over 16 pictures, to 0.25 (a window and rings smear it a little)."""
    f = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None])
    f[0, 0] = torch.inf if exponent < 0 else 1
    white = torch.fft.rfft2(torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    images = torch.fft.irfft2(white * f ** (exponent / 2))
    slopes = windows.spectrum_slope(images / images.abs().max())
    assert slopes.mean().item() == pytest.approx(exponent, abs=0.25)


@pytest.mark.parametrize("size", [(32, 32), (21, 35), (48, 30)])
def test_a_slope_is_that_of_the_rings_of_the_whole_spectrum(size):
    """Word by word, by the complex transform and with NumPy's fit."""
    image = noise(1, 3, *size)[0]
    luma = np.tensordot([0.2126, 0.7152, 0.0722], image.double().numpy(), 1)
    seen = (luma - luma.mean()) * np.hanning(size[0])[:, None] * np.hanning(size[1])
    power = np.abs(np.fft.fft2(seen)) ** 2
    radius = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])) * min(size)
    rings = range(2, min(size) // 4 + 1)
    means = [power[(radius >= r - 0.5) & (radius < r + 0.5)].mean() for r in rings]
    expected = np.polyfit(np.log(rings), np.log(means), 1)[0]
    assert windows.spectrum_slope(image).item() == pytest.approx(expected, abs=1e-6)


def test_blur_steepens_the_spectrum():
    sharp = noise(4, 3, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2)
    assert (windows.spectrum_slope(blurred) < windows.spectrum_slope(sharp) - 1).all()


def test_nothing_has_no_slope():
    assert windows.spectrum_slope(torch.zeros(2, 3, 32, 32)).isnan().all()


def test_scores_of_a_stack_are_complete_and_in_place():
    stack = ZoomStack(noise(4, 3, 32, 32), 2.0)
    scores = windows.score_windows(stack, estimates=stack.levels)
    found = {(s.score, s.scope): [] for s in scores}
    for s in scores:
        found[s.score, s.scope].append(s.level)
    pairs = {"window_psnr", "window_ssim", "delta_e", "delta_e_sum", "estimate_psnr"}
    seams = {"seam", "seam_top", "seam_bottom", "seam_left", "seam_right", "seam_worst", "colour_step", "colour_drift"}
    assert {name for name, scope in found if scope == "pair"} == pairs
    assert {name for name, scope in found if scope == "level"} == seams | {"spectrum_slope"}
    assert found.pop(("spectrum_slope", "level")) == [0, 1, 2, 3]
    assert all(sorted(levels) == [0, 1, 2] for levels in found.values())
    by_name = {name: [s.value for s in scores if s.score == name] for name in pairs}
    assert by_name["estimate_psnr"] == by_name["window_psnr"]
    assert by_name["delta_e_sum"] == pytest.approx(np.cumsum(by_name["delta_e"]))
    assert all(s.scorer is None for s in scores)


def test_estimates_may_be_smaller_than_the_finished_levels():
    stack = ZoomStack(noise(3, 3, 64, 64), 2.0)
    scores = windows.score_windows(stack, estimates=noise(3, 3, 16, 16))
    assert sum(s.score == "estimate_psnr" for s in scores) == 2


def test_small_windows_have_no_ssim_and_single_levels_no_pairs():
    assert not any(s.score == "window_ssim" for s in windows.score_windows(ZoomStack(noise(3, 3, 16, 16), 2.0)))
    assert {s.score for s in windows.score_windows(ZoomStack(noise(1, 3, 16, 16), 2.0))} == {"spectrum_slope"}
    with pytest.raises(InvalidInputError, match="11"):
        windows.ssim(noise(1, 3, 8, 8), noise(1, 3, 8, 8))
    with pytest.raises(InvalidInputError, match="one level"):
        windows.pairs(noise(1, 3, 8, 8), 2)


@pytest.mark.parametrize("size", [(2, 2), (8, 8), (12, 40)])
def test_tiny_stacks_are_scored_without_an_error(size):
    assert windows.score_windows(ZoomStack(noise(2, 1, *size), 2.0))
