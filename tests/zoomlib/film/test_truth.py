"""The renderer against a world with detail at every scale, and what changes where the camera passes a level."""

import itertools
import math

import numpy as np
import pytest
import torch

from evaluation.film_scores import follow
from tests.zoomlib.film.worlds import Fractal, Scene, misfit, psnr
from zoomlib.film.render import Renderer
from zoomlib.stack import ZoomStack

SIDE = 256
LEVEL = 2  # a level in the middle of the stack, with deeper and wider ones


@pytest.fixture(scope="module")
def scene():
    return Scene(Fractal(), (SIDE, SIDE), (2.0,) * 4)


@pytest.fixture(scope="module")
def stack(scene):
    return scene.stack()


@pytest.fixture(scope="module")
def renderer(stack):
    return Renderer(stack, (SIDE, SIDE))


def grey(frame):
    return frame[..., 0].astype(float)


def unlike(stack, seed=0):
    """The same levels, each with its own gain (5 %), tint (3 %, and a 5 x 5 pattern of 3 %) and grain (2 %)."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(len(stack), 1, *shape, generator=generator)

    pattern = torch.nn.functional.interpolate(random(5, 5), (SIDE, SIDE), mode="bicubic") * 0.06
    gain, offset = 1 + 0.05 * random(1, 1).clamp(-1, 1), 0.06 * random(1, 1).clamp(-1, 1)
    return ZoomStack((stack.levels * gain + offset + pattern + 0.04 * random(SIDE, SIDE)).clamp(-1, 1), stack.p)


def film(renderer, passage, frames_per_level):
    """Four frames before a position and four after it, at half-frame offsets."""
    return [grey(renderer.frame(passage + (k + 0.5) / frames_per_level)) for k in range(-4, 4)]


def sharpness(frame):
    """RMS of the high band: what a Gauss filter of sigma 1 takes away."""
    kernel = np.exp(-0.5 * np.arange(-4, 5) ** 2.0)
    kernel /= kernel.sum()
    smooth = np.apply_along_axis(
        np.convolve, 0, np.apply_along_axis(np.convolve, 1, frame, kernel, "same"), kernel, "same"
    )
    return np.square(frame - smooth)[8:-8, 8:-8].mean() ** 0.5


def changes(frames):
    return [np.square(b - a).mean() ** 0.5 for a, b in itertools.pairwise(frames)]


def test_the_world_is_no_easier_than_that_of_the_specification(scene):
    """There a level's window and the 2 x 2 means of the next one agreed to 42.5 dB; the finer the detail, the less."""
    wide, fine = (scene.truth(i, (SIDE, SIDE))[0] for i in (1, 2))
    means = fine.reshape(SIDE // 2, 2, SIDE // 2, 2).mean((1, 3))
    assert psnr(means, wide[64:192, 64:192]) < 42.5


def test_frames_are_the_world_to_36_db_and_0_02_px(scene, renderer):
    for s in (1.04, 1.3, 1.5, 1.77, 1.96):
        frame, truth = grey(renderer.frame(s))[None] / 127.5 - 1, scene.truth(s, (SIDE, SIDE))
        assert psnr(frame, truth) > 36, s
        assert max(misfit(frame, truth)) < 0.02, s


@pytest.mark.parametrize(("size", "frames_per_level"), [(SIDE, 20), (SIDE, 60), (128, 60), (192, 60), (320, 60)])
def test_where_another_level_becomes_the_finest_sharpness_and_changes_stay(stack, size, frames_per_level):
    """Sharpness to 3 %. That is where a level is passed, for frames of the levels' size; for others before or after.

    And frames of levels that disagree change no more there than beside it, within 1.2.
    """
    passage = LEVEL + math.log2(SIDE / size)
    frames = film(Renderer(stack, (size, size)), passage, frames_per_level)
    before, after = (sharpness(frame) for frame in frames[3:5])
    assert abs(after / before - 1) < 0.03
    step = changes(film(Renderer(unlike(stack), (size, size)), passage, frames_per_level))
    assert step[3] < 1.2 * min(max(step[1:3]), max(step[4:6]))


@pytest.mark.parametrize(("size", "frames_per_level"), [(128, 30), (128, 120), (102, 60), (76, 60)])
def test_films_smaller_than_their_levels_are_as_sharp_all_along(stack, size, frames_per_level):
    """To 2 % from frame to frame: no level takes over while the one before has gone soft."""
    small = Renderer(stack, (size, size))
    film = [grey(small.frame(LEVEL - 0.5 + (k + 0.5) / frames_per_level)) for k in range(frames_per_level)]
    sharp = [sharpness(frame) for frame in film]
    assert max(abs(b / a - 1) for a, b in itertools.pairwise(sharp)) < 0.02


@pytest.mark.parametrize(
    ("size", "frames_per_level", "most"),
    [(256, 30, 0.03), (256, 100, 0.03), (256, 240, 0.09), (320, 120, 0.09), (192, 120, 0.09)],
)
def test_from_frame_to_frame_sharpness_changes_as_little_as_is_told(stack, size, frames_per_level, most):
    """As `docs/film.md` has it. A level that lies on the frame pixel for pixel is sharper than between pixels."""
    renderer = Renderer(stack, (size, size))
    near = LEVEL + math.log2(SIDE / size)
    film = [grey(renderer.frame((round(near * frames_per_level) + k + 0.5) / frames_per_level)) for k in range(-12, 12)]
    sharp = [sharpness(frame) for frame in film]
    assert max(abs(b / a - 1) for a, b in itertools.pairwise(sharp)) < most


def test_the_frames_zoom_at_a_constant_speed(renderer):
    """Measured between frames by least squares, across the passage of a level: 0.5 % of the nominal log zoom."""
    per_level = 30
    frames = [renderer.frame(LEVEL + (k + 0.5) / per_level) for k in range(-5, 5)]
    nominal = math.log(2) / per_level
    found = np.array([step.motion.log_zoom for step in follow(frames)])
    assert found.mean() == pytest.approx(nominal, rel=5e-3)
    assert np.abs(found / nominal - 1).max() < 0.03


def test_video_planes_hold_the_world_as_well(scene, stack):
    video = Renderer(stack, (SIDE, SIDE), layout="yuv420")
    for s in (1.3, 1.9):
        luma = (video.frame(s)[:SIDE].astype(float) - 16) / 219 * 2 - 1
        assert psnr(luma, scene.truth(s, (SIDE, SIDE))[0]) > 36
