"""Noise that is white at every level and the same wherever levels show the same place."""

import pytest
import torch
import torch.nn.functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import boxes, ring, snapped_focus, windows
from zoomlib.noise import own_noise, zoom_noise
from zoomlib.pyramid import nest

CASES = [
    (2, (16, 16), None),
    (2, (16, 24), (0.3, 0.6)),
    (3, (18, 9), None),
    (3, (18, 18), (0.7, 0.35)),
    (4, (16, 32), None),
    (4, (16, 16), (0.0, 0.9)),
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def nested_rings(levels: int, height: int, width: int, p: int, focus) -> list[torch.Tensor]:
    """Masks of level 0: what it shows of itself, of level 1, of level 2, ... as far as that covers pixels."""
    inside = boxes(levels, height, width, p, snapped_focus(levels, height, width, p, focus))
    depth = torch.zeros(height, width, dtype=torch.int64)
    top = left = 0.0
    for d, box in enumerate(inside):
        top, left = top + box.top / p**d, left + box.left / p**d
        y, x = torch.arange(height) + 0.5, torch.arange(width) + 0.5
        rows = (y > top) & (y < top + height / p ** (d + 1))
        columns = (x > left) & (x < left + width / p ** (d + 1))
        depth += (rows[:, None] & columns).long()
    return [depth == d for d in range(levels) if bool((depth == d).any())]


@pytest.mark.parametrize(("p", "size", "point"), CASES)
def test_every_nested_ring_is_white_with_unit_variance(p, size, point):
    """1 % and 0.01 are 3 or more standard errors of 120,000 values, which the smallest ring has."""
    levels, focus = 4, [point] * 4
    rings = nested_rings(levels, *size, p, focus)
    assert len(rings) >= 2
    channels = 120_000 // min(int(mask.sum()) for mask in rings)
    z = zoom_noise(levels, (channels, *size), p, generator(1), focus)[0]
    square, right, below = z.square().mean(0), (z[..., 1:] * z[..., :-1]).mean(0), (z[:, 1:] * z[:, :-1]).mean(0)
    for mask in rings:
        assert abs(float(square[mask].mean().sqrt()) - 1) < 0.01
        assert abs(float(z.mean(0)[mask].mean())) < 0.01
        for product, pairs in ((right, mask[:, :-1]), (below, mask[:-1])):
            if pairs.any():
                assert abs(float(product[pairs].mean())) < 0.01


@pytest.mark.parametrize(("p", "size", "point"), CASES)
def test_the_window_is_p_times_the_down_scaled_next_level(p, size, point):
    focus = [point] * 5
    z = zoom_noise(5, (3, *size), p, generator(2), focus)
    for i, window in enumerate(windows(5, *size, p, focus)):
        rows, columns = window.slices
        assert torch.allclose(z[i, :, rows, columns], p * F.avg_pool2d(z[i + 1], p), atol=1e-5)


def test_a_level_s_own_noise_stays_when_deeper_levels_are_added():
    few, many = zoom_noise(3, (3, 32, 32), 2, generator(3)), zoom_noise(9, (3, 32, 32), 2, generator(3))
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[8:24, 8:24] = False
    assert torch.equal(few[:, :, outside], many[:3, :, outside])
    assert not torch.equal(few[2], many[2])


def test_levels_made_in_chunks_or_any_order_are_the_same():
    whole = own_noise(range(7), (3, 8, 12), 99)
    assert torch.equal(torch.cat([own_noise(range(3), (3, 8, 12), 99), own_noise(range(3, 7), (3, 8, 12), 99)]), whole)
    assert torch.equal(own_noise([5, 1], (3, 8, 12), 99), whole[[5, 1]])


def test_streams_of_levels_and_seeds_are_unrelated():
    z = torch.cat([own_noise(range(4), (1, 64, 64), seed) for seed in (0, 1, 2**62 - 1)]).flatten(1)
    correlation = torch.corrcoef(z) - torch.eye(12)
    assert correlation.abs().max() < 5 / 64


def test_noise_takes_one_draw_from_the_generator_whatever_the_levels():
    one, many = generator(4), generator(4)
    zoom_noise(1, (3, 8, 8), 2, one)
    zoom_noise(6, (5, 16, 16), 4, many)
    assert torch.equal(one.get_state(), many.get_state())


def test_the_same_generator_state_gives_the_same_noise_and_the_next_draw_another():
    g = generator(5)
    first = zoom_noise(3, (3, 16, 16), 2, g)
    assert torch.equal(first, zoom_noise(3, (3, 16, 16), 2, generator(5)))
    assert not torch.equal(first, zoom_noise(3, (3, 16, 16), 2, g))


def test_the_global_generator_is_not_touched():
    before = torch.get_rng_state()
    zoom_noise(3, (3, 16, 16), 2, generator(6))
    assert torch.equal(before, torch.get_rng_state())


def test_noise_of_a_closed_loop_is_consistent_all_round_and_stays_white():
    z = zoom_noise(8, (2000, 16, 16), 2, generator(7), loop=True)
    inside = ring(8, 16, 16, 2)
    for i in range(8):
        rows, columns = inside[i].slices
        assert torch.allclose(z[i, :, rows, columns], 2 * F.avg_pool2d(z[(i + 1) % 8], 2), atol=1e-5)
    assert (z.square().mean((0, 1)).sqrt() - 1).abs().max() < 0.03


def test_a_gaussian_prefilter_would_not_do():
    """The statistics above can fail: with a wider blur for the area average, the noise loses variance."""
    own = own_noise(range(4), (20_000, 16, 16), 8)
    blurred = F.avg_pool2d(own, 3, stride=1, padding=1, count_include_pad=False)
    z = nest(torch.cat([own[:1], blurred[1:]]), 2, windows(4, 16, 16, 2), gain=2)[0]
    assert abs(float(z[:, 5:11, 5:11].std()) - 1) > 0.1


@pytest.mark.parametrize(("levels", "p"), [(0, 2), (3, 1), (3, 2.5), (3, 5)])
def test_bad_geometry_is_refused(levels, p):
    with pytest.raises(InvalidInputError):
        zoom_noise(levels, (3, 16, 16), p, generator())
