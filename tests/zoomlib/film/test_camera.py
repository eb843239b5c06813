import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera

cameras = st.builds(
    Camera,
    st.integers(2, 40),
    fps=st.sampled_from([12, 24, 30000 / 1001, 30, 60]),
    seconds_per_level=st.floats(0.1, 20),
    direction=st.sampled_from(["in", "out"]),
)


@given(cameras)
def test_frames_stand_half_a_frame_off_the_ends_and_move_by_equal_steps(camera):
    s = camera.positions()
    step = (camera.levels - 1) / len(camera)
    ends = (step / 2, camera.levels - 1 - step / 2)
    assert s.shape == (len(camera),)
    assert np.allclose((s.min(), s.max()), ends, atol=1e-9)
    assert np.allclose(np.diff(s), step if camera.direction == "in" else -step, atol=1e-9)


@given(cameras)
def test_the_film_lasts_what_was_asked_to_half_a_frame(camera):
    asked = (camera.levels - 1) * camera.seconds_per_level
    assert abs(camera.duration_s - asked) <= 0.5 / camera.fps + 1e-9


def test_no_frame_is_exactly_on_a_level():
    s = Camera(8, fps=30, seconds_per_level=2).positions()
    assert len(s) == 7 * 60
    assert np.abs(s - s.round()).min() == pytest.approx(1 / 120)


def test_outwards_is_inwards_reversed():
    there, back = (Camera(5, seconds_per_level=1.3, direction=d).positions() for d in ("in", "out"))
    assert np.array_equal(there, back[::-1])


def test_a_single_level_is_held_still():
    camera = Camera(1, fps=30, seconds_per_level=2)
    assert len(camera) == 60
    assert not camera.positions().any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": 0},
        {"fps": 0},
        {"fps": math.nan},
        {"fps": math.inf},
        {"seconds_per_level": -1},
        {"direction": "up"},
        {"seconds_per_level": 1e-9},
        {"seconds_per_level": 1e9},
        {"seconds_per_level": 1e308, "fps": 1e308},
    ],
)
def test_impossible_tempi_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        Camera(**{"levels": 4, **wrong})
