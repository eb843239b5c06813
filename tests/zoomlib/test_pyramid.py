"""Down- and up-scaling, pyramids, nesting."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import corner, ring, windows
from zoomlib.pyramid import down, merge, nest, split, up


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("p", [2, 3, 4, 5])
def test_down_is_the_area_average(p):
    x = random(2, 3, 4 * p, 6 * p)
    assert torch.allclose(down(x, p), F.avg_pool2d(x, p), atol=1e-6)


def test_down_composes():
    x = random(2, 3, 64, 32)
    assert torch.allclose(down(down(x, 2), 4), F.avg_pool2d(x, 8), atol=1e-6)


def test_down_of_one_level_is_down_of_all_bit_for_bit():
    x = random(5, 3, 32, 32)
    assert torch.equal(down(x, 2)[3], down(x[3], 2))


@pytest.mark.parametrize("p", [2, 3, 4])
def test_up_keeps_constants_and_slopes(p):
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    fine = up(ramp, p)
    inner = fine[..., p:-p]
    wanted = (torch.arange(8 * p) + 0.5) / p - 0.5
    assert torch.allclose(inner[0, 0, 0], wanted[p:-p], atol=1e-5)
    assert torch.allclose(up(torch.full((1, 1, 4, 4), 0.3), p), torch.full((1, 1, 4 * p, 4 * p), 0.3))


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3))
def test_merge_inverts_split(p, a, b, depth):
    x = random(2, 3, 2 * a * p**depth, 2 * b * p**depth)
    bands = split(x, p, depth)
    assert [band.shape[-2:] for band in bands] == [(2 * a * p**k, 2 * b * p**k) for k in range(depth, -1, -1)]
    assert torch.allclose(merge(bands, p), x, atol=1e-5)


def test_split_goes_as_deep_as_two_pixels_and_refuses_more():
    assert len(split(random(1, 1, 64, 64), 2)) == 6
    with pytest.raises(InvalidInputError, match="between 0 and 5 times, not 6"):
        split(random(1, 1, 64, 64), 2, 6)


def test_bands_of_a_smooth_image_are_small_but_for_the_residual():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    bands = split((x + 0.5 * y)[None, None], 2)
    assert max(band[..., 1:-1, 1:-1].abs().max() for band in bands[:3]) < 1e-5
    assert bands[-1].abs().max() > 0.5


@pytest.mark.parametrize("focus", [None, (0.21, 0.83)])
@pytest.mark.parametrize(("levels", "p", "height", "width"), [(5, 2, 64, 48), (4, 3, 27, 54), (3, 4, 16, 32)])
def test_nested_levels_equal_one_large_canvas_seen_at_every_scale(levels, p, height, width, focus):
    """Algorithm 1 without its recursion: each level painted over the wider ones, with the deepest level's pixels."""
    points = [focus] * levels
    x, inside = random(levels, 3, height, width).double(), windows(levels, height, width, p, points)
    finest = p ** (levels - 1)
    places = [
        tuple(v * finest // p ** max(i - 1, 0) for v in corner(inside, 0, i, p)) if i else (0, 0) for i in range(levels)
    ]
    crops = [
        (slice(top, top + height * finest // p**i), slice(left, left + width * finest // p**i))
        for i, (top, left) in enumerate(places)
    ]
    canvas = torch.empty(3, height * finest, width * finest, dtype=x.dtype)
    for i, (rows, columns) in enumerate(crops):
        canvas[:, rows, columns] = F.interpolate(x[i, None], scale_factor=finest // p**i)[0]
    rendered = nest(x, p, inside)
    for i, (rows, columns) in enumerate(crops):
        assert torch.allclose(rendered[i], F.avg_pool2d(canvas[:, rows, columns], finest // p**i), atol=1e-6)


def test_nesting_leaves_its_argument_alone():
    x = random(4, 3, 16, 16)
    before = x.clone()
    nest(x, 2, windows(4, 16, 16, 2), feather=0.3)
    assert torch.equal(x, before)


def test_a_feathered_paste_is_whole_inside_nothing_outside_and_between_in_between():
    x = torch.zeros(2, 1, 64, 64)
    x[1] = 1
    picture = nest(x, 2, windows(2, 64, 64, 2), feather=0.25)[0, 0]
    assert torch.equal(picture[24:40, 24:40], torch.ones(16, 16))
    assert picture[:16].abs().max() == 0
    profile = picture[32, 16:25]
    assert bool((profile.diff() > 0).all())
    assert 0 < profile[0] < 0.05
    assert torch.allclose(picture, picture.T)
    assert torch.allclose(picture, picture.flip(0))


def test_a_side_of_the_window_on_the_edge_of_the_image_does_not_fade():
    x = torch.zeros(2, 1, 32, 32)
    x[1] = 1
    picture = nest(x, 2, windows(2, 32, 32, 2, [(0, 0.5), None]), feather=0.25)[0, 0]
    assert picture[16, 0] == 1
    assert picture[16, 15] < 0.1


def test_a_closed_loop_shows_the_first_level_in_the_last():
    inside = ring(8, 64, 64, 2)
    rendered = nest(random(8, 3, 64, 64), 2, inside, loop=True)
    for i in range(8):
        rows, columns = inside[i].slices
        assert torch.allclose(rendered[i, :, rows, columns], down(rendered[(i + 1) % 8], 2), atol=1e-6)
