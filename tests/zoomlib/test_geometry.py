"""Windows as plain numbers."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import (
    Window,
    boxes,
    corner,
    nested,
    pyramid_depth,
    ring,
    snapped_focus,
    whole_pixels,
    windows,
)
from zoomlib.sightings import sightings

fractions = st.floats(0, 1)
points = st.one_of(st.none(), st.tuples(fractions, fractions))


@st.composite
def stacks(draw: st.DrawFn) -> tuple[int, int, int, int, tuple[tuple[float, float] | None, ...]]:
    p, levels = draw(st.integers(2, 5)), draw(st.integers(1, 8))
    height, width = p * draw(st.integers(1, 40)), p * draw(st.integers(1, 40))
    return levels, height, width, p, tuple(draw(st.lists(points, min_size=levels, max_size=levels)))


def test_centred_windows_are_the_middle_of_the_level():
    assert windows(3, 64, 48, 2) == (Window(16, 12, 32, 24),) * 2
    assert windows(2, 63, 63, 3) == (Window(21, 21, 21, 21),)
    assert windows(1, 8, 8, 4) == ()


@given(stacks())
def test_windows_lie_inside_and_within_half_a_pixel_of_the_focus(stack):
    levels, height, width, p, focus = stack
    found = windows(levels, height, width, p, focus)
    assert len(found) == levels - 1
    for window, point in zip(found, focus, strict=False):
        assert (window.height * p, window.width * p) == (height, width)
        assert 0 <= window.top <= height - window.height
        assert 0 <= window.left <= width - window.width
        x, y = point or (0.5, 0.5)
        for first, size, side, fraction in (
            (window.top, window.height, height, y),
            (window.left, window.width, width, x),
        ):
            wanted = min(max(fraction * side - size / 2, 0), side - size)
            assert abs(first - wanted) <= 0.5 + 1e-9


@given(stacks(), st.integers(1, 5))
def test_snapped_focus_gives_the_same_windows_at_every_multiple_of_the_size(stack, factor):
    levels, height, width, p, focus = stack
    snapped = snapped_focus(levels, height, width, p, focus)
    small = ring(levels, height, width, p, focus)
    large = ring(levels, height * factor, width * factor, p, snapped)
    assert [(w.top * factor, w.left * factor) for w in small] == [(w.top, w.left) for w in large]
    for box, window in zip(boxes(levels, height, width, p, snapped), small, strict=False):
        assert (box.top, box.left) == pytest.approx((window.top, window.left), abs=1e-9 * max(height, width))
    found = boxes(levels, height, width, p, snapped)
    assert tuple(whole_pixels(box, height, width) for box in found) == small[:-1]


@given(stacks())
def test_sightings_are_exactly_the_nested_windows_on_whole_pixels(stack):
    levels, height, width, p, focus = stack
    inside = ring(levels, height, width, p, focus)
    found = {}
    for depth, runs in enumerate(sightings(levels, height, width, p, focus), start=1):
        for run in runs:
            assert run.depth == depth
            for k in range(run.count):
                found[run.first + k, depth] = (run.source + k, run.window)
    wanted = {}
    for level in range(levels):
        for depth in range(1, min(level, pyramid_depth(height, width, p)) + 1):
            source = level - depth
            top = sum((Fraction(inside[source + d].top, p**d) for d in range(depth)), Fraction(0))
            left = sum((Fraction(inside[source + d].left, p**d) for d in range(depth)), Fraction(0))
            if top.denominator == left.denominator == 1:
                size = (height // p**depth, width // p**depth)
                wanted[level, depth] = (source, Window(int(top), int(left), *size))
    assert found == wanted


def test_centred_levels_are_seen_in_one_run_per_depth():
    runs = sightings(8, 64, 64, 2)
    assert [len(run) for run in runs] == [1] * 5
    assert [run[0].window for run in runs] == [Window(32 - s, 32 - s, 2 * s, 2 * s) for s in (16, 8, 4, 2, 1)]
    assert [run[0].count for run in runs] == [7, 6, 5, 4, 3]


def test_a_closed_loop_sees_every_level_at_every_depth():
    for depth, runs in enumerate(sightings(8, 64, 64, 2, loop=True), start=1):
        seen = {run.first + k: (run.source + k) for run in runs for k in range(run.count)}
        assert seen == {level: (level - depth) % 8 for level in range(8)}


def test_in_a_loop_of_few_levels_a_level_sees_itself():
    seen = [
        {(run.first + k, run.source + k) for run in runs for k in range(run.count)}
        for runs in sightings(3, 64, 64, 2, loop=True)
    ]
    assert seen[2] == {(0, 0), (1, 1), (2, 2)}
    assert seen[3] == seen[0] == {(1, 0), (2, 1), (0, 2)}


def test_a_loop_of_one_level_is_refused():
    with pytest.raises(InvalidInputError, match="two levels or more"):
        sightings(1, 64, 64, 2, loop=True)


def test_corner_is_exact_at_any_depth():
    inside = windows(40, 64, 64, 2, [(0.3, 0.7)] * 40)
    top, left = corner(inside, 0, 39, 2)
    assert Fraction(top, 2**38) == sum(Fraction(inside[d].top, 2**d) for d in range(39))
    assert Fraction(left, 2**38) == sum(Fraction(inside[d].left, 2**d) for d in range(39))


@pytest.mark.parametrize(
    ("height", "width", "p", "depth"), [(64, 64, 2, 5), (64, 64, 4, 2), (48, 64, 2, 4), (6, 9, 3, 1)]
)
def test_pyramids_stop_at_whole_pixels_and_two_of_them(height, width, p, depth):
    assert pyramid_depth(height, width, p) == depth


@pytest.mark.parametrize("p", [1, 0, -2, 2.5, 1.0e9, 10**400, math.nan, math.inf, True, "2", None])
def test_windows_refuse_a_p_that_is_no_whole_number_from_two(p):
    with pytest.raises(InvalidInputError):
        windows(3, 64, 64, p)


def test_a_whole_float_is_a_whole_number():
    assert windows(3, 64, 64, 2.0) == windows(3, 64, 64, 2)


@pytest.mark.parametrize(("height", "width", "p"), [(64, 63, 2), (10, 9, 3), (2, 2, 4), (0, 8, 2)])
def test_windows_refuse_sides_that_p_does_not_divide_and_name_a_size_that_does(height, width, p):
    with pytest.raises(InvalidInputError, match="multiples of p"):
        windows(3, height, width, p)


@pytest.mark.parametrize("levels", [0, -1, 257, 400, 2.5, "3", True])
def test_windows_refuse_an_impossible_number_of_levels(levels):
    with pytest.raises(InvalidInputError, match="1 to 256 levels"):
        windows(levels, 64, 64, 2)


@pytest.mark.parametrize(
    "focus",
    [
        [(0.5, 0.5)],
        [(0.5, 1.5)] * 3,
        [(math.nan, 0.5)] * 3,
        [0.5] * 3,
        [(0.1, 0.2, 0.3)] * 3,
        "abc",
        0.5,
        [("a", "b")] * 3,
    ],
)
def test_windows_refuse_a_malformed_focus(focus):
    with pytest.raises(InvalidInputError, match="focus"):
        windows(3, 64, 64, 2, focus)


@pytest.mark.parametrize("p", [1, 0.5, -2, math.nan, math.inf, "2", None, True])
def test_boxes_refuse_a_p_of_at_most_one(p):
    with pytest.raises(InvalidInputError, match="above 1"):
        boxes(3, 64, 64, p)


@given(st.floats(1.01, 50), points)
def test_boxes_of_any_p_have_its_size_and_lie_inside(p, point):
    (box,) = boxes(2, 48, 64, p, [point, None])
    assert (box.height * p, box.width * p) == pytest.approx((48, 64))
    assert -1e-9 <= box.top <= 48 - box.height + 1e-9
    assert -1e-9 <= box.left <= 64 - box.width + 1e-9


def test_each_step_can_have_its_own_factor():
    sides = [box.width for box in boxes(4, 60, 90, (2, 1.5, 3.0))]
    assert sides == pytest.approx([45, 60, 30])
    assert boxes(4, 60, 90, (2.0, 2.0, 2.0)) == boxes(4, 60, 90, 2)
    deepest = nested(boxes(4, 60, 90, (2, 1.5, 3.0)), (2, 1.5, 3.0))[-1]
    assert (deepest.width, deepest.height) == pytest.approx((10, 60 / 9))


@pytest.mark.parametrize("p", [(2, 2), (2, 2, 2, 2), (2, 1, 2), (2, "x", 2), "222", ()])
def test_a_wrong_list_of_factors_is_refused(p):
    with pytest.raises(InvalidInputError):
        boxes(4, 64, 64, p)
