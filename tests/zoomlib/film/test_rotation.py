import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film import rotation
from zoomlib.film.compiled import compiled
from zoomlib.film.planes import GRIDS, assemble, plane_views, planes, shape_of, to_rgb
from zoomlib.film.rotation import rotated

LAYOUTS = sorted(GRIDS)
angles = st.floats(-7, 7)


def scene(x, y):
    """A picture's colours at places in pixels off its centre, right and down: waves of 25 px and more."""
    waves = [np.sin(x / 5 + y / 9), np.sin(y / 4), np.cos((x - y) / 8)]
    return np.stack([127.5 + 90 * wave for wave in waves], -1)


def centred(size):
    y, x = np.mgrid[: size[1], : size[0]]
    return x - (size[0] - 1) / 2, y - (size[1] - 1) / 2


def frame_of(size, layout):
    return assemble(planes(scene(*centred(size)), layout), layout)


def noise(size, layout):
    return np.random.default_rng(0).integers(0, 256, shape_of(layout, size), np.uint8)


@settings(max_examples=25)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(angles)
def test_a_turned_view_shows_the_scene_as_it_lies_there(layout, angle):
    x, y = centred((96, 64))
    # The view turns counter-clockwise as one sees it; rows count downwards.
    there = scene(math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x)
    expected = assemble(planes(there, layout), layout)
    found = rotated(frame_of((136, 136), layout), layout, angle, (96, 64))
    for plane, truth in zip(plane_views(found, layout), plane_views(expected, layout), strict=True):
        inner = (slice(1, -1), slice(1, -1))  # thinned chroma is filtered otherwise at a frame's ends
        assert abs(plane[inner].astype(int) - truth[inner]).max() <= 3
        assert np.sqrt(np.square(plane[inner].astype(float) - truth[inner]).mean()) < 0.75


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("angle", [0.0, math.tau, -2 * math.tau])
def test_whole_turns_are_the_plain_crop(layout, angle):
    frame = noise((48, 40), layout)
    cropped = [
        plane[8 // grid.step_y : -8 // grid.step_y, 4 // grid.step_x : -4 // grid.step_x]
        for plane, grid in zip(plane_views(frame, layout), GRIDS[layout], strict=True)
    ]
    np.testing.assert_array_equal(rotated(frame, layout, angle, (40, 24)), assemble(tuple(cropped), layout))


@pytest.mark.parametrize("layout", ["rgb", "yuv444"])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_move_pixels(layout, quarters):
    frame = noise((41, 41), layout)
    axes = (0, 1) if layout == "rgb" else (1, 2)
    # When the view turns counter-clockwise, what it shows turns clockwise.
    expected = np.rot90(frame, -quarters, axes)
    np.testing.assert_array_equal(rotated(frame, layout, quarters * math.pi / 2, (41, 41)), expected)


@given(angles, st.integers(0, 20), st.integers(0, 20), st.integers(1, 30), st.integers(1, 30))
def test_the_compiled_turn_equals_that_of_numpy(angle, w, h, W, H):
    padded = rotation._padded(noise((W, H), "rgb")[..., 0])
    arguments = padded, rotation._weights(), 8 + W / 3, 8 - H / 2, math.cos(angle), math.sin(angle)
    quick, plain = np.empty((h, w), np.uint8), np.empty((h, w), np.uint8)
    compiled("turn")(*arguments, quick)
    rotation.plain_turn(*arguments, plain)
    np.testing.assert_array_equal(quick, plain)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_beyond_the_frame_its_border_goes_on(layout):
    grey = np.full(shape_of(layout, (16, 16)), 77, np.uint8)
    assert (rotated(grey, layout, 0.5, (64, 48)) == 77).all()


def test_a_turn_and_the_turn_back_leave_the_middle_as_it_was():
    frame = frame_of((200, 200), "rgb")
    back = rotated(rotated(frame, "rgb", 0.6, (200, 200)), "rgb", -0.6, (120, 120))
    assert abs(back.astype(int) - frame[40:-40, 40:-40]).max() <= 3


def test_a_given_frame_is_filled():
    out = np.empty((20, 30, 3), np.uint8)
    assert rotated(noise((60, 60), "rgb"), "rgb", 1.0, (30, 20), out) is out
    np.testing.assert_array_equal(out, rotated(noise((60, 60), "rgb"), "rgb", 1.0, (30, 20)))


def test_what_cannot_be_turned_is_refused():
    frame = noise((20, 20), "yuv420")
    with pytest.raises(InvalidInputError, match="finite"):
        rotated(frame, "yuv420", math.nan, (20, 20))
    with pytest.raises(InvalidInputError, match="even"):
        rotated(frame, "yuv420", 0.1, (15, 20))
    with pytest.raises(InvalidInputError, match="frame to fill"):
        rotated(frame, "yuv420", 0.1, (16, 20), np.empty((3, 3), np.uint8))
    assert to_rgb(rotated(frame, "yuv420", 0.1, (16, 20)), "yuv420").shape == (20, 16, 3)
