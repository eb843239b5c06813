import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoomlib.film.view import look, part
from zoomlib.geometry import boxes

places = st.tuples(st.floats(0, 1), st.floats(0, 1))
sides = st.integers(8, 300)
stacks = st.tuples(st.floats(1.1, 9), st.lists(places, min_size=2, max_size=5), sides, sides)
sizes = st.tuples(st.integers(1, 400), st.integers(1, 400))


def windows_of(stack):
    p, focus, W, H = stack
    return p, [part(box, W, H) for box in boxes(len(focus), H, W, p, focus)], W / H


@given(stacks, sizes, st.floats(0, 1))
def test_a_frame_shows_a_part_of_its_level_in_its_own_shape(stack, size, t):
    p, windows, aspect = windows_of(stack)
    x0, y0, x1, y1 = look(t * len(windows), p, windows, size, aspect).outer
    assert min(x0, y0) >= -1e-9
    assert max(x1, y1) <= 1 + 1e-9
    assert (x1 - x0) * aspect / (y1 - y0) == pytest.approx(size[0] / size[1], rel=1e-6)


@given(stacks, sizes, st.integers(0, 3))
def test_an_integer_position_shows_the_whole_level_as_far_as_the_shape_allows(stack, size, level):
    p, windows, aspect = windows_of(stack)
    x0, y0, x1, y1 = look(min(level, len(windows)), p, windows, size, aspect).outer
    assert max(x1 - x0, y1 - y0) == pytest.approx(1)
    assert (x0 + x1, y0 + y1) == pytest.approx((1, 1))


@given(stacks, sizes, st.floats(0.001, 0.999))
def test_the_finer_level_lies_where_the_wider_one_shows_it(stack, size, t):
    p, windows, aspect = windows_of(stack)
    view = look(t, p, windows, size, aspect)
    if view.place is None:
        return
    wide, window = view.outer, windows[0]
    for pixel, inside, a in zip(view.place, view.inner, (0, 1, 0, 1), strict=True):
        through_outer = wide[a] + pixel / size[a] * (wide[a + 2] - wide[a])
        through_inner = window[a] + inside * (window[a + 2] - window[a])
        assert through_inner == pytest.approx(through_outer, abs=1e-6)


@given(stacks, sizes, st.integers(1, 4))
def test_the_view_is_continuous_where_the_camera_passes_a_level(stack, size, level):
    p, windows, aspect = windows_of(stack)
    if level >= len(windows):
        return
    before, after = (look(level + nudge, p, windows, size, aspect) for nudge in (-1e-9, 0))
    window = windows[level - 1]
    for a in (0, 1):
        side = window[a + 2] - window[a]
        seen = [(edge - window[a]) / side for edge in (before.outer[a], before.outer[a + 2])]
        assert seen == pytest.approx([after.outer[a], after.outer[a + 2]], abs=1e-6)


@given(stacks, st.floats(0, 0.9), st.floats(0.01, 0.1))
def test_equal_steps_of_position_shrink_the_view_by_equal_factors(stack, t, step):
    p, windows, aspect = windows_of(stack)
    wide, fine = (look(s, p, windows, (64, 64), aspect).outer for s in (t, t + step))
    assert (fine[2] - fine[0]) / (wide[2] - wide[0]) == pytest.approx(p**-step, rel=1e-6)


def test_the_inset_keeps_off_borders_in_sight_only():
    window = (0.0, 0.25, 0.5, 0.75)  # on the left edge of its level
    assert look(0, 2.0, [window], (64, 64), 1.0, inset_px=3).place == (0, 19, 29, 45)
    assert look(0, 2.0, [window], (64, 64), 1.0).place == (0, 16, 32, 48)


def test_a_window_too_small_for_a_pixel_has_no_inner_layer():
    side = 1e-3
    window = (0.5 - side / 2, 0.5 - side / 2, 0.5 + side / 2, 0.5 + side / 2)
    view = look(0, 1 / side, [window], (64, 64), 1.0, inset_px=3)
    assert view.place is None
    assert view.inner is None
    assert math.isclose(view.outer[2] - view.outer[0], 1)
