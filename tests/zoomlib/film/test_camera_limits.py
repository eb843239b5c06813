"""The smallest films, and what makes none."""

import math

import numpy as np
import pytest

from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import DIRECTIONS, MAX_FRAMES, Camera


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_single_level_is_held_still(direction):
    camera = Camera(1, fps=30, seconds_per_level=2, direction=direction, turn_deg=30, hold_end_s=1)
    assert len(camera) == 90
    assert not camera.positions().any()
    assert not camera.log_zooms(2.0).any()
    assert np.ptp(camera.angles()) > 0.5


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("loop", [False, True])
def test_a_film_of_one_frame_is_a_film(direction, loop):
    camera = Camera(3, fps=1, seconds=1, direction=direction, loop=loop)
    assert len(camera) == 1
    assert 0 <= camera.positions()[0] <= 2


def test_magnification_needs_the_factors_once():
    with pytest.raises(InvalidInputError, match="once"):
        Camera(3).log_zooms()
    with pytest.raises(InvalidInputError, match="once"):
        Camera(3, factors=(2.0, 2.0)).log_zooms(2.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"levels": 0}, "one level"),
        ({"fps": 0}, "fps"),
        ({"fps": math.nan}, "fps"),
        ({"fps": math.inf}, "fps"),
        ({"seconds_per_level": -1}, "seconds_per_level"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"direction": "up"}, "in-out"),
        ({"seconds_per_level": 1e-9}, "frames"),
        ({"seconds_per_level": 1e9}, f"{MAX_FRAMES}"),
        ({"seconds_per_level": 1e308, "fps": 1e308}, "frames"),
        ({"seconds": 0.01}, "0.3 frames"),
        ({"hold_start_s": -1}, "hold_start_s"),
        ({"hold_end_s": math.inf}, "hold_end_s"),
        ({"seconds": 2, "hold_start_s": 1, "hold_end_s": 1}, "shorter holds"),
        ({"seconds": 2, "hold_start_s": 3}, "shorter holds"),
        ({"easing": "bounce"}, "easing"),
        ({"turn_deg": math.nan}, "turn_deg"),
        ({"pan_from": (math.nan, 0)}, "pan_from"),
        ({"pan_to": (0, 0, 0)}, "pan_to"),
        ({"factors": (2.0, 2.0)}, "3 steps, got 2"),
        ({"factors": (2.0, 2.0, 1.0)}, "above 1"),
        ({"factors": (2.0, 2.0, math.nan)}, "above 1"),
        ({"beats": (1.0, 1.0)}, "growing"),
        ({"beats": (-1.0, 1.0)}, "growing"),
        ({"beats": (1.0, math.nan)}, "growing"),
        ({"beat_strength": 1.1}, "beat_strength"),
        ({"beat_strength": math.nan}, "beat_strength"),
        ({"loop": True, "turn_deg": 90}, "whole turns"),
        ({"loop": True, "pan_to": (0.1, 0)}, "there and back"),
        ({"loop": True, "factors": (2.0, 2.0, 3.0)}, "one zoom factor"),
        ({"loop": True, "easing": ((0.0, 0.0), (1.0, 0.9))}, "the whole way"),
    ],
)
def test_what_makes_no_film_is_refused(wrong, says):
    with pytest.raises(InvalidInputError, match=says):
        Camera(**{"levels": 4, **wrong})


@pytest.mark.parametrize("count", [3, 4])
def test_a_loop_takes_the_factors_of_its_stack_with_or_without_the_step_that_closes_it(count):
    camera = Camera(4, loop=True, factors=(1.6,) * count)
    assert np.array_equal(camera.positions(), Camera(4, loop=True).positions())
    assert np.diff(camera.log_zooms()).mean() == pytest.approx(4 * math.log(1.6) / len(camera))
