"""The window of a level and the level that shows it: shrinking, enlarging, agreement."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.gaussian import draw_field
from zoomlib.area import mean
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, boxes
from zoomlib.magnifier import Magnifier
from zoomlib.pyramid import down

FACTORS = st.floats(1.05, 6)
SIDES = st.integers(12, 40)
POINTS = st.tuples(st.floats(0, 1), st.floats(0, 1))


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def glass(height: int, width: int, p: float, point: tuple[float, float] | None = None) -> Magnifier:
    return Magnifier(boxes(2, height, width, p, [point, None])[0], height, width)


@given(SIDES, SIDES, FACTORS, POINTS)
def test_at_any_factor_size_and_focus_what_is_spread_shrinks_back(height, width, p, point):
    g = glass(height, width, p, point)
    window = randn(3, g.window.height, g.window.width)
    assert torch.allclose(g.shrink(g.spread(window)), window, atol=1e-4)
    x = g.project(randn(3, height, width, seed=1), window)
    assert torch.allclose(g.shrink(x), window, atol=1e-4)
    assert torch.allclose(g.project(x, window), x, atol=1e-4)


@given(SIDES, SIDES, FACTORS, POINTS)
def test_means_are_those_over_the_areas_of_whole_pixels(height, width, p, point):
    g, x = glass(height, width, p, point), randn(3, height, width).double()
    scale_y, scale_x = height / g.box.height, width / g.box.width
    w = g.window
    area = Box((w.top - g.box.top) * scale_y, (w.left - g.box.left) * scale_x, w.height * scale_y, w.width * scale_x)
    assert torch.allclose(g.shrink(x), mean(x, area, w.height, w.width), atol=1e-6)


@pytest.mark.parametrize("p", [1.05, 1.5, 2, 3.7])
def test_large_levels_are_worked_out_in_pieces_as_small_ones_are_whole(p):
    """What is spread and projected has the right means, and `shrink` is the mean over areas, to 1e-6 in float64."""
    g = glass(230, 140, p, (0.31, 0.77))
    window, x = randn(3, g.window.height, g.window.width).double(), randn(3, 230, 140, seed=1).double()
    scale_y, scale_x, w = 230 / g.box.height, 140 / g.box.width, g.window
    area = Box((w.top - g.box.top) * scale_y, (w.left - g.box.left) * scale_x, w.height * scale_y, w.width * scale_x)
    assert (g.shrink(x) - mean(x, area, w.height, w.width)).abs().max() < 1e-6
    assert (g.shrink(g.spread(window)) - window).abs().max() < 1e-6
    assert (g.shrink(g.project(x, window)) - window).abs().max() < 1e-6


@pytest.mark.parametrize("p", [2, 3, 4])
def test_on_whole_pixels_shrinking_is_the_block_mean_and_spreading_repeats(p):
    g, x, window = glass(24, 48, p, (0.3, 0.6)), randn(3, 24, 48), randn(3, 24 // p, 48 // p, seed=1)
    rounded = Box(round(g.box.top), round(g.box.left), 24 / p, 48 / p)
    g = Magnifier(rounded, 24, 48)
    assert torch.allclose(g.shrink(x), down(x, p), atol=1e-6)
    assert torch.allclose(g.spread(window), window.repeat_interleave(p, -1).repeat_interleave(p, -2), atol=1e-6)


def test_what_is_spread_is_the_smallest_change():
    """It is orthogonal to all that the window does not see."""
    g, x = glass(24, 24, 1.7), randn(3, 24, 24)
    moved = g.spread(randn(3, g.window.height, g.window.width, seed=1))
    unseen = x - g.spread(g.shrink(x))
    assert abs(float((moved * unseen).sum())) < 1e-4 * float(moved.norm() * unseen.norm())


@pytest.mark.parametrize("p", [2, 3, 4])
def test_a_projection_leaves_no_blocks(p):
    """Steps between pixels of the window are at most 2.2 times those inside one; spreading has all its steps there."""
    g, window = glass(48, 48, p), draw_field(1, (64, 48 // p, 48 // p), torch.Generator().manual_seed(0))[0]

    def steps(x: torch.Tensor) -> tuple[float, float]:
        change = x.diff(dim=-1).abs().mean((0, 1))
        at_blocks = torch.arange(1, 48) % p == 0
        return float(change[at_blocks].mean()), float(change[~at_blocks].mean())

    between, inside = steps(g.project(torch.zeros(64, 48, 48), window))
    assert 0.5 < between / inside < 2.2
    between, inside = steps(g.spread(window))
    assert inside < 1e-5 < between


@pytest.mark.parametrize("p", [2, 4, 1.5, 2.7])
def test_a_confined_level_has_the_means_and_stays_in_range(p):
    g = glass(48, 48, p)
    window = g.shrink(torch.tanh(randn(3, 48, 48)))
    x = g.confine(2 * randn(3, 48, 48, seed=1), window)
    assert x.abs().max() <= 1
    assert torch.allclose(g.shrink(x), window, atol=2e-3)


def test_a_saturated_window_is_shown_saturated():
    """To a quarter of one step of 8 bits."""
    g = glass(32, 32, 2)
    window = torch.ones(3, 16, 16)
    window[0], window[1, :8] = -1, 0.5
    x = g.confine(randn(3, 32, 32), window).clamp(-1, 1)
    assert torch.allclose(g.shrink(x), window, atol=2e-3)
    assert torch.allclose(x[2], torch.ones(32, 32), atol=2e-3)


@pytest.mark.parametrize("p", [2, 1.5, 3.3])
@pytest.mark.parametrize("point", [None, (0.0, 1.0), (0.31, 0.64)])
def test_enlarging_is_smooth_and_agrees_with_the_window(p, point):
    """A ramp rises by its slope from pixel to pixel, to a third: repeated pixels would rise by 0 and by p slopes."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 32), indexing="ij")
    wide = torch.stack([rows, columns, rows * 0 + 0.3])
    g = glass(48, 32, p, point)
    large = g.enlarge(wide)
    assert torch.allclose(g.shrink(large), g.shown(wide), atol=1e-5)
    assert torch.allclose(large[2], torch.full((48, 32), 0.3), atol=1e-5)
    inner = large[0, 6:-6, 6:-6].diff(dim=0)
    assert torch.allclose(inner, torch.full_like(inner, 2 / 47 / p), rtol=1 / 3)


def test_a_window_without_a_whole_pixel_is_refused():
    with pytest.raises(InvalidInputError, match="smaller zoom factor"):
        glass(16, 16, 40.0, (0.53, 0.53))
