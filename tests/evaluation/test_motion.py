import numpy as np
import pytest

from evaluation import motion
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera


def test_an_uneven_speed_is_seen():
    """A position that is linear in scale, the usual mistake: from p = 2, log steps spread over ln(2 - t)."""
    s = np.log2(1 + np.arange(31) / 30)
    assert motion.log_speed_sd(motion.log_zooms(s, 2.0)) > 0.15


def test_a_still_film_has_no_evenness():
    assert motion.score_motion(Camera(1), 2.0) == []
    assert [s.score for s in motion.score_motion(Camera(3), 2.0)] == ["log_speed_sd"]
    with pytest.raises(InvalidInputError):
        motion.log_speed_sd([0.0, 0.0, 0.0])


@pytest.mark.parametrize("direction", ["in", "out", "in-out", "out-in"])
@pytest.mark.parametrize(
    "extra", [{}, {"easing": "in-out", "hold_end_s": 0.5}, {"beats": (0.2, 0.9, 1.4), "loop": True}]
)
def test_what_the_camera_was_asked_for_is_no_unevenness(direction, extra):
    (score,) = motion.score_motion(Camera(4, direction=direction, **extra), 2.0)
    assert score.value < 1e-6


def test_a_camera_that_does_not_know_the_factors_of_the_stack_is_uneven():
    """Equal times for steps of ln 2 and ln 4: the speed is 1 and 2, of which the deviation over the mean is 1/3."""
    factors = (2.0, 4.0)
    (score,) = motion.score_motion(Camera(3, fps=1000), factors)
    assert score.value == pytest.approx(1 / 3, rel=1e-3)
    (score,) = motion.score_motion(Camera(3, fps=1000, factors=factors), factors)
    assert score.value < 1e-9
