"""Levels are found in films of any tool, to a fraction of a pixel, and what cannot be measured is refused."""

import math

import numpy as np
import pytest
import torch

from evaluation.footage import levels_of
from evaluation.windows import pairs, psnr
from tests.evaluation.pictures import smooth
from tests.zoomlib.film.worlds import Fractal, Scene
from zoomlib.errors import InvalidInputError
from zoomlib.film import video
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames
from zoomlib.stack import ZoomStack

SIDE, LEVELS = 128, 4


def grey(scene: Scene) -> ZoomStack:
    stack = scene.stack()
    return ZoomStack(stack.levels.repeat(1, 3, 1, 1), stack.p, stack.focus)


@pytest.fixture(scope="module", params=[(0.5, 0.5), (0.3, 0.75)], ids=["centre", "aside"])
def stack(request):
    return grey(Scene(Fractal(), (SIDE, 96), (2.0,) * (LEVELS - 1), request.param))


def film(stack: ZoomStack, **camera) -> list[np.ndarray]:
    """Of a renderer whose film shows one world; a frame at 30 a second, a second for each level."""
    track = Camera(len(stack), fps=30, seconds_per_level=1, factors=stack.factors, **camera)
    return list(frames(stack, track, (SIDE, 96)))


def agreement(footage, stack: ZoomStack) -> list[float]:
    """dB between the windows of each level that was found and the next, where it was found to lie."""
    return psnr(*pairs(footage.stack.levels, 2.0, footage.stack.focus)).tolist()


@pytest.mark.parametrize("camera", [{}, {"direction": "out"}, {"hold_start_s": 0.6, "hold_end_s": 0.4}])
def test_the_levels_of_a_zoom_are_found_whichever_way_it_goes(stack, camera):
    """All of them, though a film starts and ends half a step off its first and last level; their places to 0.4 px."""
    shown = film(stack, **camera)
    found = levels_of(lambda: shown, 2)
    assert found.direction == camera.get("direction", "in")
    assert (len(found.stack), found.stack.factors) == (LEVELS, (2.0,) * (LEVELS - 1))
    holds = [round(30 * camera.get(name, 0)) for name in ("hold_start_s", "hold_end_s")]
    assert (found.first, found.last) == (holds[0], len(shown) - 1 - holds[1])
    assert bool(found.notes) == any(holds)
    for place, told in zip(found.stack.focus[:-1], stack.focus, strict=False):
        assert abs(place[0] - told[0]) * SIDE < 0.4
        assert abs(place[1] - told[1]) * 96 < 0.4
    assert min(agreement(found, stack)) > 38  # as the stack itself: sampled, not averaged, from its world
    scores = {score.score: score.value for score in found.scores}
    assert scores["log_speed_sd_measured"] < 0.01
    assert 0.8 < scores["keyframe_pop"] < 1.5


def test_levels_are_exact_between_frames(stack):
    """p = 1.9 falls between two frames: the one before is magnified by what is missing."""
    shown = film(stack)
    found = levels_of(lambda: shown, 1.9)
    assert len(found.stack) == 1 + math.floor(math.log(8) / math.log(1.9))
    wide, fine = pairs(found.stack.levels, 1.9, found.stack.focus)
    assert psnr(wide, fine).min() > 38
    nearest = found.stack.levels.clone()
    nearest[1:] = torch.stack([torch.from_numpy(shown[i]).movedim(2, 0) / 127.5 - 1 for i in found.frames[1:]])
    off = psnr(*pairs(nearest, 1.9, found.stack.focus))
    assert (psnr(wide, fine) - off).mean() > 1


def test_of_there_and_back_the_longest_way_is_taken(stack):
    shown = film(stack, direction="in-out", seconds=6)
    shown += shown[:20]
    found = levels_of(lambda: shown, 2, direction="out")
    assert (found.direction, len(found.stack)) == ("out", LEVELS)
    assert abs(found.first - 90) <= 1
    assert abs(found.last - 179) <= 2
    assert levels_of(lambda: shown, 2, direction="in").last <= 91


def test_a_video_file_is_read_twice(stack, tmp_path):
    shown, told = film(stack), []
    path = video.write(shown, tmp_path / "zoom.mp4", quality=12)
    found = levels_of(path, 2, on_frame=told.append)
    assert len(found.stack) == LEVELS
    assert min(agreement(found, stack)) > 34
    assert told == sorted(told)
    assert len(shown) < told[-1] <= 2 * len(shown)


def test_a_repeated_and_a_dropped_frame_are_unevenness_and_no_end(stack):
    shown = film(stack)
    even = {score.score: score.value for score in levels_of(lambda: shown, 2).scores}
    for faulty in (shown[:40] + shown[39:], shown[:40] + shown[41:]):
        found = levels_of(lambda faulty=faulty: faulty, 2)
        scores = {score.score: score.value for score in found.scores}
        assert (found.first, found.last) == (0, len(faulty) - 1)
        # One step of n that is 0 or 2 instead of 1: a standard deviation of 1 / sqrt(n) over the mean.
        assert scores["log_speed_sd_measured"] == pytest.approx(1 / math.sqrt(len(faulty)), rel=0.05)
        assert even["log_speed_sd_measured"] < 0.01


@pytest.mark.parametrize(
    ("change", "p", "words"),
    [
        (lambda shown: [shown[5]] * 30, 2, "does not zoom"),
        (lambda shown: [np.full_like(shown[0], 80)] * 30, 2, "does not zoom"),
        (lambda shown: shown[:1], 2, "does not zoom"),
        (lambda shown: shown[:20], 2, "less than p = 2"),
        (lambda shown: shown, 9, "less than p = 9"),
        (lambda shown: shown[:20] + [frame[:, ::-1] for frame in shown[50:70]], 2, "cannot be followed from frame 19"),
        (lambda shown: shown, 1, "above 1"),
    ],
)
def test_films_without_levels_are_refused(stack, change, p, words):
    shown = change(film(stack))
    with pytest.raises(InvalidInputError, match=words):
        levels_of(lambda: shown, p)


def test_a_film_that_goes_the_other_way_only_is_refused(stack):
    shown = film(stack)
    with pytest.raises(InvalidInputError, match="outwards"):
        levels_of(lambda: shown, 2, direction="out")


def test_a_turning_film_is_refused_by_its_angle():
    scene = Scene(Fractal(), (SIDE, 96), (2.0, 2.0))
    shown = film(grey(scene), turn_deg=40)
    with pytest.raises(InvalidInputError, match="turns by 20"):
        levels_of(lambda: shown, 2)


def test_noise_cannot_be_followed():
    shown = [((smooth(96, SIDE, 3, seed=seed, power=0) + 1) * 127).numpy().astype(np.uint8) for seed in range(6)]
    with pytest.raises(InvalidInputError, match="cannot be followed from frame 0"):
        levels_of(lambda: shown, 2)
