"""Blending, against the paper's words taken literally."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.blend import blend
from zoomlib.errors import InvalidInputError
from zoomlib.pyramid import merge, split, up
from zoomlib.sightings import sightings
from zoomlib.stack import consolidate, render_levels

CASES = [
    (2, (64, 64), None),
    (2, (32, 48), None),
    (3, (54, 27), None),
    (4, (64, 64), None),
    (2, (64, 64), [(0.5, 0.5), (0.25, 0.75), None, (0.3, 0.61), (0.75, 0.5), (0, 1), None]),
    (4, (32, 64), [(0.25, 0.5)] * 7),
]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def observations(clean, p, focus, loop=False):
    """Per level: (depth, crop) of every level that sees it, itself first."""
    found = [[(0, level)] for level in clean]
    for depth, runs in enumerate(sightings(*clean.shape[:1], *clean.shape[2:], p, focus, loop), start=1):
        for run in runs:
            for k in range(run.count):
                rows, columns = run.window.slices
                found[run.first + k].append((depth, clean[run.source + k][:, rows, columns]))
    return found


def literal_laplacian(clean, p, focus, weight, loop=False):
    """A pyramid of each crop at its own resolution, averaged band by band, recomposed: one level at a time."""
    depth = len(sightings(*clean.shape[:1], *clean.shape[2:], p, focus, loop))
    out = []
    for seen in observations(clean, p, focus, loop):
        bands = [[] for _ in range(depth + 1)]
        for d, crop in seen:
            for k, band in enumerate(split(crop[None], p, depth - d)):
                bands[d + k].append((weight**d, band))
        means = [sum(w * band for w, band in found) / sum(w for w, _ in found) for found in bands]
        out.append(merge(means, p))
    return torch.cat(out)


def literal_naive(clean, p, focus, weight):
    """Every crop up-scaled to full size, then averaged."""
    out = []
    for seen in observations(clean, p, focus):
        total = sum(weight**d for d, _ in seen)
        parts = []
        for d, crop in seen:
            image = crop[None]
            for _ in range(d):
                image = up(image, p)
            parts.append(weight**d / total * image)
        out.append(sum(parts))
    return torch.cat(out)


@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
@pytest.mark.parametrize(("p", "size", "focus"), CASES)
def test_one_pyramid_for_all_observations_equals_one_for_each(p, size, focus, weight):
    x = random(7, 3, *size)
    assert torch.allclose(blend(x, p, "laplacian", focus, weight), literal_laplacian(x, p, focus, weight), atol=1e-5)
    assert torch.allclose(blend(x, p, "naive", focus, weight), literal_naive(x, p, focus, weight), atol=1e-5)


def test_a_closed_loop_blends_round_its_end():
    x = random(8, 2, 64, 64)
    assert torch.allclose(blend(x, 2, loop=True), literal_laplacian(x, 2, None, 1.0, loop=True), atol=1e-5)
    turned = blend(x.roll(3, 0), 2, loop=True).roll(-3, 0)
    assert torch.allclose(blend(x, 2, loop=True), turned, atol=1e-5)


@pytest.mark.parametrize("weight", [1.0, 0.25])
@pytest.mark.parametrize(("p", "size", "focus"), CASES)
def test_blending_a_consistent_stack_changes_nothing(p, size, focus, weight):
    x = render_levels(random(7, 3, *size), p, focus)
    assert torch.allclose(blend(x, p, "laplacian", focus, weight), x, atol=1e-5)


def test_blending_a_consistent_loop_changes_nothing():
    x = render_levels(random(8, 3, 64, 64), 2, loop=True)
    assert torch.allclose(blend(x, 2, loop=True), x, atol=1e-5)


def test_naive_averaging_blurs_even_a_consistent_stack():
    x = render_levels(random(7, 3, 64, 64), 2)
    assert blend(x, 2, "naive")[6].var() < 0.5 * x[6].var()


def test_level_0_is_its_own_and_one_level_is_untouched():
    x = random(5, 3, 32, 32)
    assert torch.allclose(blend(x, 2)[0], x[0], atol=1e-6)
    assert torch.allclose(blend(x[:1], 2), x[:1], atol=1e-6)


def test_mode_none_and_weight_0_keep_every_level():
    x = random(5, 3, 32, 32)
    assert blend(x, 2, "none") is x
    assert torch.allclose(blend(x, 2, coarse_weight=0.0), x, atol=1e-6)


def test_the_mean_colour_is_the_weighted_mean_of_all_that_see_it():
    colours = torch.tensor([1.0, -0.5, 0.25, 0.75])
    x = colours[:, None, None, None].expand(4, 3, 64, 64).clone()
    w = 0.5
    wanted = (colours[3] + w * colours[2] + w**2 * colours[1] + w**3 * colours[0]) / (1 + w + w**2 + w**3)
    assert torch.allclose(blend(x, 2, coarse_weight=w)[3], wanted.expand(3, 64, 64), atol=1e-6)


def test_wider_levels_do_not_touch_the_detail_they_cannot_see():
    """A change of level 0 alters the finest band of level 1 only by what bilinear up-scaling of its window holds."""
    x = random(2, 3, 64, 64)
    y = x.clone()
    y[0] += random(3, 64, 64)
    change = (blend(y, 2) - blend(x, 2))[1]
    window = (y - x)[0, :, 16:48, 16:48]
    assert torch.allclose(change, up(window[None] / 2, 2)[0], atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.sampled_from([2, 3, 4]), st.integers(1, 6), st.integers(1, 6), st.floats(0, 2))
def test_any_shape_and_weight_keep_a_uniform_stack_uniform(levels, p, a, b, weight):
    x = torch.full((levels, 2, a * p, b * p), 0.4)
    for mode in ("laplacian", "naive", "none"):
        assert torch.allclose(blend(x, p, mode, None, weight), x, atol=1e-5)


def test_blending_does_not_change_its_argument_and_is_differentiable():
    x = random(4, 1, 16, 16).requires_grad_()
    before = x.detach().clone()
    blend(x, 2).square().sum().backward()
    assert torch.equal(x.detach(), before)
    assert bool(x.grad.isfinite().all())


def test_blending_and_rendering_first_in_inference_mode_spoils_no_later_gradient():
    with torch.inference_mode():
        consolidate(random(3, 2, 24, 24), 2, coarse_weight=0.37, feather=0.21)
    x = random(3, 2, 24, 24).requires_grad_()
    consolidate(x, 2, coarse_weight=0.37, feather=0.21).square().sum().backward()
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_an_impossible_weight_is_refused(weight):
    with pytest.raises(InvalidInputError, match="coarse_weight"):
        blend(random(2, 3, 8, 8), 2, coarse_weight=weight)


def test_an_unknown_mode_is_refused_and_the_modes_are_named():
    with pytest.raises(InvalidInputError, match="laplacian, naive, none"):
        blend(random(2, 3, 8, 8), 2, "poisson")  # type: ignore[arg-type]
