"""Motion that is known in closed form is measured from two pictures, and undone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.alignment import LONGEST_PX, Motion, aligned, difference, likeness, shrinkage, small
from tests.zoomlib.film.worlds import Scene, smooth_world

SCENE = Scene(smooth_world(12 * 2**2, 128, 2**2), (128, 128), (2.0, 2.0))
HALF_PX = 64

reals = st.floats(-1, 1)
motions = st.builds(Motion, reals, reals, reals, reals)


def as_frame(truth):
    return np.round((truth.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)


def look(position, size=(128, 128), **how):
    return small(as_frame(SCENE.truth(position, size, **how)))


@given(motions, motions, reals, reals)
@settings(max_examples=50, deadline=None)
def test_motions_can_be_undone_and_joined(first, second, x, y):
    assert first.inverse.at(*first.at(x, y)) == pytest.approx((x, y), abs=1e-9)
    assert first.then(second).at(x, y) == pytest.approx(second.at(*first.at(x, y)), abs=1e-9)
    assert first.scaled(3).at(3 * x, 3 * y) == pytest.approx(tuple(3 * part for part in first.at(x, y)), abs=1e-9)


def test_a_turn_is_counter_clockwise():
    """What stands on the right comes to stand above, where y is less."""
    assert Motion(0, turn=math.pi / 2).at(1, 0) == pytest.approx((0, -1))


@pytest.mark.parametrize("start", [None, Motion(0.0)])
@pytest.mark.parametrize("zoom", [-0.4, -0.05, 0.0, 0.01, 0.03, 0.2])
def test_a_known_zoom_is_measured(zoom, start):
    """Two views of a world in closed form: to a hundredth of a pixel at the edge; the rest is rounding to 8 bits."""
    before, after = look(0.8), look(0.8 + zoom / math.log(2))
    found = aligned(before, after, start)
    assert found.log_zoom == pytest.approx(zoom, abs=0.01 / HALF_PX)
    assert math.hypot(found.x_px, found.y_px) < 0.01
    assert found.turn == pytest.approx(0, abs=0.05 / HALF_PX)
    assert difference(before, after, found) < 0.3  # two roundings: 1/3 of a grey level at most, less for their luma
    assert likeness(before, after, found) > 0.999


@pytest.mark.parametrize("shift", [(3, 0), (-2, 1), (0, -4)])
def test_a_known_shift_is_measured(shift):
    whole, (x, y) = as_frame(SCENE.truth(0.4, (160, 160))), shift
    before, after = small(whole[16:144, 16:144]), small(whole[16 - y : 144 - y, 16 - x : 144 - x])
    found = aligned(before, after)
    assert (found.x_px, found.y_px) == pytest.approx(shift, abs=0.01)
    assert found.log_zoom == pytest.approx(0, abs=0.01 / HALF_PX)
    assert difference(before, after, found) < 0.01  # the very same numbers


@pytest.mark.parametrize("turn", [0.02, -0.1, 0.3])
def test_a_known_turn_is_measured(turn):
    """The view turns counter-clockwise, so that what it shows turns clockwise."""
    before, after = look(0.4, margin=1.5), look(0.42, margin=1.5, angle=turn)
    found = aligned(before, after)
    assert found.turn == pytest.approx(-turn, abs=0.02 / HALF_PX)
    assert found.log_zoom == pytest.approx(0.02 * math.log(2), abs=0.02 / HALF_PX)
    assert difference(before, after, found) < 0.3


@given(st.floats(0.001, 0.1), st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([0.0, 0.05]))
@settings(max_examples=20, deadline=None)
def test_backwards_is_as_good_as_forwards(zoom, x, y, turn):
    """The same areas are compared, whichever of the two frames comes first."""
    before, after, motion = look(0.8), look(0.85), Motion(zoom, x, y, turn)
    assert difference(after, before, motion.inverse) == pytest.approx(difference(before, after, motion), abs=1e-4)


def test_frames_with_nothing_in_common_have_no_difference():
    picture = look(0.5)
    assert math.isnan(difference(picture, picture, Motion(0, x_px=125)))
    assert math.isnan(difference(picture, picture, Motion(3.0)))
    assert math.isnan(difference(picture, picture, Motion(0, 200, 200, 0.5)))


def test_flat_frames_do_not_move():
    flat = np.full((64, 64), 90, np.float32)
    for start in (None, Motion(0.01)):
        assert aligned(flat, flat, start).log_zoom == pytest.approx(0 if start is None else 0.01, abs=1e-6)
    assert (difference(flat, flat, Motion(0.01)), likeness(flat, flat, Motion(0.01))) == pytest.approx((0, 1), abs=1e-4)


@pytest.mark.parametrize(("size", "n"), [((256, 192), 1), ((320, 180), 1), ((640, 360), 2), ((1000, 1021), 4)])
def test_small_pictures_are_means_of_whole_pixels(size, n):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    found, (h, w) = small(frame), (side // n for side in size)
    assert shrinkage(frame.shape) == n
    assert found.shape == (h, w)
    assert abs(max(found.shape) - LONGEST_PX) <= LONGEST_PX / 2
    top, left = size[0] % n // 2, size[1] % n // 2
    luma = frame[top : top + h * n, left : left + w * n].astype(float) @ (0.2126, 0.7152, 0.0722)
    assert np.allclose(found, luma.reshape(h, n, w, n).mean((1, 3)), atol=1e-3)
