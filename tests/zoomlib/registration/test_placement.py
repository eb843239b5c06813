"""Placements and the views that follow from them: plain numbers, held to geometry."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import boxes
from zoomlib.registration.placement import Placement, apply, corners, inverse, then
from zoomlib.registration.views import SMALLEST, level_size, upright_views

sizes = st.tuples(st.integers(40, 900), st.integers(40, 900))
placements = st.builds(
    Placement,
    p=st.floats(1.1, 6),
    x=st.floats(0.2, 0.8),
    y=st.floats(0.2, 0.8),
    turn_deg=st.floats(-179, 179),
)


@given(placements, sizes, sizes)
def test_a_placement_and_its_matrix_say_the_same(placement, wider, finer):
    again = Placement.of(placement.matrix(wider, finer), wider, finer)
    assert again.p == pytest.approx(placement.p, rel=1e-9)
    assert (again.x, again.y) == pytest.approx((placement.x, placement.y), abs=1e-9)
    assert again.turn_deg == pytest.approx(placement.turn_deg, abs=1e-7)


@given(placements, sizes, sizes, placements)
def test_matrices_can_be_undone_and_joined(placement, wider, finer, other):
    matrix, after = placement.matrix(wider, finer), other.matrix(wider, wider)
    points = corners(finer)
    assert apply(inverse(matrix), apply(matrix, points)) == pytest.approx(points, abs=1e-6)
    assert apply(then(matrix, after), points) == pytest.approx(apply(after, apply(matrix, points)), abs=1e-6)


def test_a_centred_picture_half_as_wide_lies_where_half_pixels_say():
    matrix = Placement(2).matrix((100, 80), (100, 80))
    assert apply(matrix, corners((100, 80))) == pytest.approx(corners((50, 40)) + np.array([25, 20]))


@settings(max_examples=60, deadline=None)
@given(st.lists(placements, min_size=1, max_size=4), st.lists(sizes, min_size=5, max_size=5))
def test_views_are_upright_and_lie_in_their_picture_and_in_the_level_before(steps, given_sizes):
    shapes = given_sizes[: len(steps) + 1]
    try:
        views = upright_views(shapes, steps)
    except InvalidInputError:
        assume(False)
    level = corners(views.size)
    for picture, crop in zip(shapes, views.crops, strict=True):
        seen = apply(crop, level)
        assert (seen >= -0.5 - 1e-5).all()
        assert (seen <= np.array(picture) - 0.5 + 1e-5).all()
    windows = boxes(len(shapes), views.size[1], views.size[0], views.factors, views.focus)
    for i, (step, box) in enumerate(zip(steps, windows, strict=True)):
        onto = then(then(views.crops[i + 1], step.matrix(shapes[i], shapes[i + 1])), inverse(views.crops[i]))
        assert onto[0, 1] == pytest.approx(0, abs=1e-7 * abs(onto[0, 0]))  # upright
        assert onto[0, 0] == pytest.approx(1 / views.factors[i], rel=1e-6)
        window = [[box.left, box.top], [box.left + box.width, box.top + box.height]]
        assert apply(onto, level)[[0, 2]] + 0.5 == pytest.approx(np.array(window), abs=1e-3)


def test_pictures_of_one_size_inside_each_other_are_levels_as_they_are():
    views = upright_views([(64, 48)] * 3, [Placement(2, 0.4, 0.6), Placement(1.5)])
    assert all(np.array_equal(crop, np.eye(2, 3)) for crop in views.crops)
    assert views.factors == pytest.approx((2, 1.5))
    assert views.focus[:2] == (pytest.approx((0.4, 0.6)), pytest.approx((0.5, 0.5)))


def test_a_turned_square_gives_the_square_that_geometry_says():
    views = upright_views([(100, 100)] * 2, [Placement(2, turn_deg=30)])
    inscribed = 1 / (np.cos(np.pi / 6) + np.sin(np.pi / 6))
    assert views.factors[0] == pytest.approx(2 / inscribed, rel=1e-9)


def test_a_picture_beyond_the_border_gives_the_part_that_is_inside():
    views = upright_views([(100, 100)] * 2, [Placement(2, x=0.8)])  # from 0.55 to 1.05 of the width
    assert views.factors[0] == pytest.approx(1 / 0.45, rel=1e-9)
    x, y = views.focus[0]
    assert x == pytest.approx(0.775)
    assert 0.25 + 0.225 - 1e-9 <= y <= 0.75 - 0.225 + 1e-9


def test_levels_have_the_size_of_most_pictures_but_no_more_than_asked():
    assert level_size([(300, 200), (100, 100), (100, 100)]) == (100, 100)
    assert level_size([(300, 200), (100, 100)]) == (300, 200)
    assert level_size([(6000, 4000)] * 2, 1500) == (1500, 1000)


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        (Placement(1.01), "shows as much as the one before"),
        (Placement(2, x=1.6), "outside the one before"),
    ],
)
def test_what_makes_no_level_is_refused(placement, said):
    with pytest.raises(InvalidInputError, match=said):
        upright_views([(100, 80)] * 2, [placement])
    assert SMALLEST < 1.05  # zooms of a twentieth are taken


@pytest.mark.parametrize("numbers", [(0,), (-1,), (float("nan"),), (2, float("inf")), (2, 0.5, 0.5, float("nan"))])
def test_numbers_that_place_nothing_are_refused(numbers):
    with pytest.raises(InvalidInputError, match="factor above 0"):
        Placement(*numbers)
