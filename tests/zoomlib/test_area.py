"""Means over areas, against exact arithmetic."""

from fractions import Fraction
from math import ceil, floor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.area import mean, render, shares, show
from zoomlib.geometry import Box, boxes, snapped_focus, windows
from zoomlib.pyramid import nest

factors = st.sampled_from([Fraction(3, 2), Fraction(5, 4), Fraction(4, 3), Fraction(2), Fraction(5, 2), Fraction(3)])
points = st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1)))


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def overlap(start, end, pixel):
    return max(Fraction(0), min(end, Fraction(pixel + 1)) - max(start, Fraction(pixel)))


def exact_mean(image, top, bottom, left, right):
    """The mean of a picture (H, W) of fractions over a rectangle."""
    H, W = len(image), len(image[0])
    total = sum(
        overlap(top, bottom, y) * overlap(left, right, x) * image[y][x]
        for y in range(max(floor(top), 0), min(ceil(bottom), H))
        for x in range(max(floor(left), 0), min(ceil(right), W))
    )
    return total / ((bottom - top) * (right - left))


@given(st.floats(0, 8), st.floats(1, 8), st.integers(1, 12))
def test_shares_of_a_cell_add_up_to_one_and_to_its_length(start, length, cells):
    found = shares(start, length, cells, 16)
    assert found.shape == (cells, 16)
    assert torch.allclose(found.sum(1), torch.ones(cells, dtype=torch.float64), atol=1e-9)
    covered = found.sum(0) * length / cells
    assert covered.sum().item() == pytest.approx(length)
    assert (covered <= 1 + 1e-9).all()


def test_means_over_a_box_are_those_of_its_cells():
    image = random(1, 6, 8)
    rows = [[Fraction(float(value)) for value in row] for row in image[0]]
    found = mean(image, Box(0.5, 1.25, 4.5, 6.0), 3, 4)
    for y in range(3):
        for x in range(4):
            top, left = Fraction(1, 2) + Fraction(3, 2) * y, Fraction(5, 4) + Fraction(3, 2) * x
            wanted = exact_mean(rows, top, top + Fraction(3, 2), left, left + Fraction(3, 2))
            assert found[0, y, x].item() == pytest.approx(float(wanted), abs=1e-12)


def rendered(pictures, p):
    """By the rule, pixel by pixel, in fractions: centred windows reach W / (2 p^k) to each side of the middle."""
    *_, (H, W) = [(len(picture), len(picture[0])) for picture in pictures]
    done = [[row[:] for row in picture] for picture in pictures]
    for k in reversed(range(len(done) - 1)):
        for y in range(H):
            for x in range(W):
                for deeper in range(k + 1, len(done)):
                    q = p ** (deeper - k)
                    top, left = (y - Fraction(H, 2)) * q + Fraction(H, 2), (x - Fraction(W, 2)) * q + Fraction(W, 2)
                    if min(top, left) >= 0 and top + q <= H and left + q <= W:
                        done[k][y][x] = exact_mean(done[deeper], top, top + q, left, left + q)
    return done


@settings(max_examples=25, deadline=None)
@given(factors, st.integers(5, 9), st.integers(5, 9), st.integers(2, 4), st.integers(0, 9))
def test_every_pixel_shows_the_deepest_level_that_covers_it(p, H, W, L, seed):
    levels = random(L, 1, H, W, seed=seed)
    found = render(list(levels), boxes(L, H, W, float(p)), float(p))
    wanted = rendered([[[Fraction(float(v)) for v in row] for row in level[0]] for level in levels], p)
    for one, other in zip(found, wanted, strict=True):
        exact = torch.tensor([[float(value) for value in row] for row in other])
        assert torch.allclose(one[0], exact, atol=1e-6)


@given(st.integers(2, 4), st.lists(points, min_size=4, max_size=4), st.integers(0, 9), st.sampled_from([0.0, 0.2, 0.5]))
def test_on_the_grid_levels_show_as_nested(p, focus, seed, feather):
    side = 4 * p
    levels = random(4, 2, side, side, seed=seed)
    inside = boxes(4, side, side, p, snapped_focus(4, side, side, p, focus))
    wanted = nest(levels, p, windows(4, side, side, p, focus), feather=feather)
    assert torch.allclose(torch.stack(render(list(levels), inside, p, feather)), wanted, atol=1e-5)


def test_nothing_is_scaled_twice():
    """What a level has where a deeper one covers a whole pixel does not show."""
    levels = list(random(3, 3, 24, 24))
    inside = boxes(3, 24, 24, 1.5)
    found = show(levels, inside, 1.5)
    levels[1] = levels[1].clone()
    levels[1][:, 4:20, 4:20] = 9  # level 2 fills 4 to 20 of level 1, and 20/3 to 52/3 of level 0
    changed = (show(levels, inside, 1.5) != found).any(0)
    assert not changed[7:17, 7:17].any()
    assert changed[6, 6:18].all()  # cut by the box of level 2, so seen in level 1


def test_pixels_that_a_box_cuts_stay_and_levels_are_not_changed():
    levels = list(random(2, 3, 16, 16))
    before = [level.clone() for level in levels]
    found = show(levels, boxes(2, 16, 16, 1.5), 1.5)  # the box reaches from 2.67 to 13.33
    kept = torch.ones(16, 16, dtype=torch.bool)
    kept[3:13, 3:13] = False
    assert torch.equal(found[:, kept], levels[0][:, kept])
    assert all(torch.equal(a, b) for a, b in zip(before, levels, strict=True))


def test_a_soft_paste_fades_in_at_the_border():
    levels = [torch.zeros(1, 30, 30), torch.ones(1, 30, 30)]
    found = show(levels, boxes(2, 30, 30, 1.5), 1.5, feather=0.25)[0]
    assert found[15, 15] == 1
    assert 0 < found[5, 15] < 0.1
    assert found[4].max() == 0


@pytest.mark.parametrize(
    ("box", "height", "width"),
    [
        (Box(0, 0, 24, 36), 12, 12),
        (Box(6, 3, 12, 30), 12, 10),
        (Box(6, 3, 12, 30), 5, 10),
        (Box(2.5, 3, 12, 30), 6, 15),
    ],
)
def test_means_are_the_weighted_sums_whether_cells_are_whole_pixels_or_not(box, height, width):
    """To rounding of float64."""
    image = random(3, 24, 36)
    rows, columns = shares(box.top, box.height, height, 24), shares(box.left, box.width, width, 36)
    assert (mean(image, box, height, width) - rows @ image.double() @ columns.T).abs().max() < 1e-14
