import math

import numpy as np
import pytest

from evaluation import motion
from tests.zoomlib.film.worlds import Scene, smooth_world
from zoomlib.errors import InvalidInputError
from zoomlib.film import video
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames


def scene(p=2.0):
    """Level 0's shortest waves have 12 pixels: enough for a compressed video to keep."""
    return Scene(smooth_world(12 * p**2, 128, p**2), (128, 128), (p, p))


def as_frame(truth):
    return np.round((truth.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)


@pytest.mark.parametrize("zoom", [-0.05, 0.0, 0.01, 0.03])
def test_a_known_zoom_is_measured(zoom):
    """Two views of a world in closed form; 0.1 % of scale is 0.06 pixels at the edge."""
    there = scene()
    before, after = (as_frame(there.truth(s, (128, 128))) for s in (0.4, 0.4 + zoom / math.log(2)))
    found = motion.measure(before, after, 0.0)
    assert found.log_zoom == pytest.approx(zoom, abs=1e-3)
    assert math.hypot(found.x_px, found.y_px) < 0.1


@pytest.mark.parametrize("shift", [(3, 0), (-2, 1), (0, -4)])
def test_a_known_shift_is_measured(shift):
    whole = as_frame(scene().truth(0.4, (160, 160)))
    x, y = shift
    before, after = whole[16:144, 16:144], whole[16 - y : 144 - y, 16 - x : 144 - x]
    found = motion.measure(before, after, 0.0)
    assert (found.x_px, found.y_px) == pytest.approx(shift, abs=0.05)
    assert found.log_zoom == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_the_log_speed_is_constant_in_the_plan_in_the_frames_and_in_the_video(tmp_path, direction):
    """To 0.5 % from one frame to the next, in what a decoder shows as well; at the usual quality on average."""
    stack, p, size = scene().stack(), 2.0, (256, 256)
    camera = Camera(3, fps=30, seconds_per_level=0.4, direction=direction)
    step = math.log(p) / 12 * (1 if direction == "in" else -1)
    assert motion.log_zooms(camera.positions(), p) == pytest.approx(step)
    assert motion.log_speed_sd(motion.log_zooms(camera.positions(), p)) < 1e-9
    drawn = motion.measured_log_zooms(frames(stack, camera, size), step)
    assert len(drawn) == len(camera) - 1
    assert drawn.mean() == pytest.approx(step, rel=5e-4)
    assert motion.log_speed_sd(drawn) < 0.002
    for quality, unevenness in ((1, 0.005), (18, 0.03)):
        path = video.write(frames(stack, camera, size), tmp_path / "zoom.mp4", quality=quality)
        decoded = motion.measured_log_zooms(video.read(path), step)
        assert decoded.mean() == pytest.approx(step, rel=5e-3)
        assert motion.log_speed_sd(decoded) < unevenness


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


def test_flat_frames_are_no_error():
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert math.isfinite(motion.measure(flat, flat, 0.01).log_zoom)
