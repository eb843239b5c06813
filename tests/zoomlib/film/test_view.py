"""Where levels lie in a frame: identities of plain numbers, over any stacks, sizes and positions."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film.view import CLEAR, SUPPORT_PX, Rect, View, course
from zoomlib.stack import ZoomStack

places = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)) | st.tuples(st.sampled_from([0.0, 1.0]), st.just(0.5))
sides = st.integers(8, 300)
sizes = st.tuples(st.integers(1, 400), st.integers(1, 400))


@st.composite
def courses(draw, loop=None):
    L = draw(st.integers(2, 6))
    p = draw(st.floats(1.1, 9) | st.lists(st.floats(1.1, 9), min_size=L - 1, max_size=L - 1))
    focus = draw(st.none() | st.lists(places, min_size=L, max_size=L))
    closed = draw(st.booleans()) if loop is None else loop
    levels = torch.zeros(L, 1, draw(sides), draw(sides))
    return course(ZoomStack(levels, p, focus), closed and isinstance(p, float))


def spread(track, share):
    """A position that is `share` of the way."""
    return share * len(track.windows)


def world(track, view, size):
    """Corners of a view in widths of level 0, by walking out to it."""
    while view.level > 0:
        view = track.wider(view)
    W, H = track.size
    x, y = view.left / W, view.top / H
    return np.array([x, y, x + size[0] / view.scale / W, y + size[1] / view.scale / H])


@given(courses(loop=False), sizes, st.floats(0, 1), st.floats(1, 3))
def test_a_frame_shows_a_part_of_level_0_in_its_own_shape(track, size, share, margin):
    view = track.look(spread(track, share), size, margin)
    x0, y0, x1, y1 = world(track, view, size)
    assert min(x0, y0) >= -1e-9
    assert max(x1, y1) <= 1 + 1e-9
    assert (x1 - x0) * track.size[0] / ((y1 - y0) * track.size[1]) == pytest.approx(size[0] / size[1], rel=1e-6)


@given(courses(), sizes, st.integers(0, 4))
def test_an_integer_position_shows_the_whole_level_as_far_as_the_shape_allows(track, size, level):
    assume(level <= len(track.windows) - track.loop)
    view, (W, H) = track.look(level, size), track.size
    assert view.level == level
    assert max(size[0] / view.scale / W, size[1] / view.scale / H) <= 1 + 1e-9
    assert (2 * view.left + size[0] / view.scale, 2 * view.top + size[1] / view.scale) == pytest.approx((W, H))
    if size == track.size:
        assert view == View(level, 0.0, 0.0, 1.0)


@given(courses(loop=False), sizes, st.floats(0, 1), st.floats(0.01, 0.1))
def test_equal_steps_of_position_magnify_by_equal_factors(track, size, share, step):
    s = spread(track, share)
    level = int(s)
    assume(s + step < min(level + 1, len(track.windows)))
    wide, fine = (track.look(at, size).scale for at in (s, s + step))
    assert fine / wide == pytest.approx(track.factors[level] ** step, rel=1e-6)


@given(courses(), sizes, st.integers(1, 6))
def test_the_view_is_continuous_where_the_camera_passes_a_level(track, size, level):
    """Round a loop also where the last level becomes the first."""
    assume(level <= len(track.windows))
    before, after = track.deeper(track.look(level - 1e-10, size)), track.look(level, size)
    assert (before.left, before.top) == pytest.approx((after.left, after.top), abs=1e-5)
    assert before.scale == pytest.approx(after.scale, rel=1e-6)


@given(courses(loop=True), sizes, st.floats(0, 0.99))
def test_a_loop_returns(track, size, share):
    L = len(track.windows)
    if track.loop:
        assert track.look(L, size) == track.look(0, size)
        assert track.look(spread(track, share) + L, size).scale == pytest.approx(
            track.look(spread(track, share), size).scale, rel=1e-6
        )


@given(courses(), sizes, st.floats(0, 1))
def test_going_deeper_and_wider_are_inverse(track, size, share):
    view = track.look(spread(track, share), size)
    if not track.deepest(view.level):
        back = track.wider(track.deeper(view))
        assert (back.level, back.left, back.top, back.scale) == pytest.approx(
            (view.level, view.left, view.top, view.scale), abs=1e-9
        )


@given(courses(), st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 2]), st.floats(0, 1))
def test_layers_draw_every_pixel_once_and_no_finer_than_it_can_show(track, width, height, step, share):
    size = width * step, height * step
    view = track.look(spread(track, share), size)
    drawn = np.zeros(size[::-1], int)
    layers = track.layers(view, size, step)
    for layer in layers:
        for part in layer.parts:
            assert not part.empty
            assert all(edge % step == 0 for edge in part)
            drawn[part.y0 : part.y1, part.x0 : part.x1] += 1
    assert (drawn == 1).all()
    finest = layers[0].view
    assert all(a.view.level > b.view.level for a, b in itertools.pairwise(layers))
    if not track.widest(finest.level):
        assert finest.scale * track.factor(finest.level - 1) > CLEAR  # the next wider one would not do


@given(courses(), sizes, st.floats(0, 1))
def test_what_is_drawn_of_a_level_lies_within_it(track, size, share):
    (W, H), slack = track.size, 1e-6
    for layer in track.layers(track.look(spread(track, share), size), size):
        view, pad = layer.view, slack / layer.view.scale
        for part in layer.parts:
            assert view.left + part.x0 / view.scale >= -pad
            assert view.left + part.x1 / view.scale <= W + pad
            assert view.top + part.y0 / view.scale >= -pad
            assert view.top + part.y1 / view.scale <= H + pad


def flat(L=2, size=(64, 64), p=2.0, focus=None, loop=False):
    return course(ZoomStack(torch.zeros(L, 1, size[1], size[0]), p, focus), loop)


def test_a_level_keeps_off_borders_in_sight_by_the_kernels_reach():
    track = flat()
    assert track.seen(track.deeper(track.look(0, (64, 64))), (64, 64)) == (19, 19, 45, 45)
    assert track.seen(track.deeper(track.look(0, (64, 64))), (64, 64), step=2) == (20, 20, 44, 44)
    on_the_edge = flat(focus=[(0.0, 0.5), None])  # the world ends there, and so nothing else is behind
    assert on_the_edge.seen(on_the_edge.deeper(on_the_edge.look(0, (64, 64))), (64, 64)) == (0, 19, 29, 45)
    assert SUPPORT_PX == 3


def test_nothing_jumps_where_a_level_comes_to_fill_the_frame():
    track = flat(size=(512, 512))
    for nudge, ring in ((1e-2, 4), (1e-3, 1), (1e-9, 0)):
        rect = track.seen(track.deeper(track.look(1 - nudge, (512, 512))), (512, 512))
        assert max(rect.x0, rect.y0, 512 - rect.x1, 512 - rect.y1) <= ring


def test_a_frame_of_the_levels_size_has_two_layers_and_larger_ones_more():
    track = flat(L=6, size=(256, 256))
    assert len(track.layers(track.look(2.5, (256, 256)), (256, 256))) == 2
    assert len(track.layers(track.look(2.0, (256, 256)), (256, 256))) == 1
    assert len(track.layers(track.look(2.5, (1024, 1024)), (1024, 1024))) == 4
    small = track.layers(track.look(2.5, (64, 64)), (64, 64))
    assert [layer.view.level for layer in small] == [1]  # the widest that has a pixel or more for each of the frame's


def test_a_level_that_would_fill_the_frame_takes_over_before_the_wider_one_turns_soft():
    track = flat(L=6, size=(256, 256))

    def deepest(s, side):
        return track.layers(track.look(s, (side, side)), (side, side))[0].view.level

    switch = 3 + math.log2(CLEAR)
    assert [deepest(s, 128) for s in (switch - 1e-3, switch + 1e-3)] == [2, 3]
    assert [deepest(s, 256) for s in (2 - 1e-3, 2 + 1e-3)] == [2, 3]  # level 3 begins with a quarter of this frame


def test_forty_levels_are_as_exact_at_the_end_as_at_the_start():
    """2^39: in widths of level 0 the last view is smaller than a float64's step near 1 / 3, but nothing is told so."""
    track = flat(L=40, size=(512, 512), focus=[(1 / 3, 0.6)] * 40)
    start, end = (track.look(s + 0.3, (512, 512)) for s in (0, 38))
    assert (end.left, end.top, end.scale) == pytest.approx((start.left, start.top, start.scale), abs=1e-9)
    parts = [[layer.parts for layer in track.layers(view, (512, 512))] for view in (start, end)]
    assert parts[0] == parts[1]


def test_the_world_has_the_edges_of_level_0():
    track = flat(L=3, size=(60, 40), p=(2, 4), focus=[(0, 0.5), (0, 0.5), None])
    assert track.bounds == ((0, 0, 60, 40), (0, -20, 120, 60), (0, -140, 480, 180))
    assert track.reach(0) == (-math.inf, -math.inf, math.inf, math.inf)
    assert track.reach(2) == (-math.inf, 0, 60, 40)
    assert flat(loop=True).bounds == ((-math.inf, -math.inf, math.inf, math.inf),)
    assert flat(focus=[(0, 0.5), (0, 0.5)], loop=True).bounds == ((0, -math.inf, math.inf, math.inf),)
    assert flat(focus=[(0, 0.5), (0.5, 0.5)], loop=True).bounds == ((-math.inf, -math.inf, math.inf, math.inf),)


def test_rectangles_without_their_middle():
    whole, hole = Rect(0, 0, 8, 6), Rect(2, 0, 5, 4)
    assert whole.without(hole) == [Rect(0, 4, 8, 6), Rect(0, 0, 2, 4), Rect(5, 0, 8, 4)]
    assert whole.without(whole) == []


def test_only_even_steps_close_a_loop():
    for stack in (ZoomStack(torch.zeros(3, 1, 8, 8), (2, 3)), ZoomStack(torch.zeros(1, 1, 8, 8), 2)):
        with pytest.raises(InvalidInputError, match="loop"):
            course(stack, loop=True)
