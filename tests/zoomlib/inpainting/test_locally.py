"""Gaussian windows piece by piece against a plain convolution, distances against a search, steps against a plane."""

import math

import pytest
import torch
from torch.nn import functional as F

from zoomlib.inpainting.locally import around, blur, distance, spread, steps


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def convolved(x, sigma, powers):
    """`blur` as its definition says: one kernel, zeros beyond the picture."""
    far = math.ceil(3 * sigma)
    at = torch.arange(-far, far + 1, dtype=torch.float64) / sigma
    gauss = torch.exp(-0.5 * at.square()) / torch.exp(-0.5 * at.square()).sum()
    kernel = (gauss * at ** powers[0])[:, None] * gauss * at ** powers[1]
    return F.conv2d(x.flatten(0, 1)[:, None], kernel[None, None], padding=far)[:, 0].view_as(x)


@pytest.mark.parametrize("powers", [(0, 0), (1, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize(
    ("shape", "sigma"), [((2, 3, 150, 131), 1.0), ((2, 3, 20, 33), 2.0), ((1, 1, 200, 40), 16.0), ((2, 3, 5, 9), 12.3)]
)
def test_windows_are_a_convolution_at_every_size(shape, sigma, powers):
    """Pieces that divide the side and that do not, windows wider than the picture; to 1e-12."""
    x = noise(*shape)
    assert torch.allclose(blur(x, sigma, powers), convolved(x, sigma, powers), rtol=0, atol=1e-12)


def test_weighted_means_are_means():
    """Of a constant: that constant; where a window holds no weight: 0."""
    weights = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    weights[..., 10:20, 30:33] = 0.3
    means = spread(torch.full_like(weights, 2.5), weights, 2.0)
    assert torch.allclose(means[..., 10:20, 30:33], torch.full((10, 3), 2.5, dtype=torch.float64))
    assert means[..., 40:, :].abs().max() == 0


@pytest.mark.parametrize("most", [1, 2, 4, 40])
def test_distances_are_those_of_a_search(most):
    inside = (noise(2, 1, 17, 30) > 2).double()
    places = torch.cartesian_prod(torch.arange(17), torch.arange(30))
    for picture, found in zip(inside[:, 0], distance(inside, most)[:, 0], strict=True):
        away = (places[:, None] - picture.nonzero()[None]).abs().amax(-1).amin(-1).clamp(max=most)
        assert torch.equal(found.flatten(), away.double())


def test_nothing_inside_is_as_far_as_asked():
    assert torch.equal(distance(torch.zeros(1, 1, 4, 5), 7), torch.full((1, 1, 4, 5), 7.0))


def test_the_smallest_window_around_marks():
    marked = torch.zeros(2, 1, 20, 30)
    marked[0, 0, 5, 7] = marked[1, 0, 9, 28] = 1
    assert around(marked, 0) == (slice(5, 10), slice(7, 29))
    assert around(marked, 6) == (slice(0, 16), slice(1, 30))
    assert around(marked * 0, 3) == (slice(0, 4), slice(0, 4))


def test_a_step_on_a_plane_is_found_and_the_plane_is_none():
    """Both to 1e-9, with no error, also where windows are cut by the picture's edge."""
    side = torch.zeros(1, 1, 40, 50, dtype=torch.float64)
    side[..., 20:] = 1
    y, x = torch.meshgrid(side.new_tensor(range(40)), side.new_tensor(range(50)), indexing="ij")
    plane = (0.01 * x - 0.03 * y).expand(1, 2, -1, -1)
    heights = torch.tensor([0.4, -0.1], dtype=torch.float64)[:, None, None]
    step, error = steps(plane + heights * side, side, 2.0)
    along = (..., slice(None), slice(18, 22))
    assert (step[along] - heights).abs().max() < 1e-9
    assert error[along].max() < 1e-9
    assert steps(plane, side, 2.0)[0].abs().max() < 1e-9
