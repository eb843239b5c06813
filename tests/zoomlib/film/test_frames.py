import itertools
import math

import numpy as np
import pytest
import torch

from tests.zoomlib.film.worlds import Scene, misfit, psnr, smooth_world
from zoomlib.errors import InvalidInputError
from zoomlib.film import composite
from zoomlib.film.camera import Camera
from zoomlib.film.planes import assemble, plane_views, planes
from zoomlib.film.render import Film, Renderer, frames
from zoomlib.film.view import View
from zoomlib.stack import ZoomStack


def scene(factors=(2.0, 2.0), size=(128, 128), focus=(0.5, 0.5), finest_px=12.0):
    return Scene(smooth_world(finest_px, size[0], math.prod(factors)), size, factors, focus)


SCENES = {
    "centred": (scene(finest_px=16), (128, 128)),
    "off-centre, another shape": (scene((2.0,), size=(128, 96), focus=(0.3, 0.6)), (160, 90)),
    "window on the edge": (scene(focus=(0.05, 0.95), finest_px=16), (128, 128)),
    "p = 1.5": (scene((1.5, 1.5)), (128, 128)),
    "p = 4, upright": (scene((4.0,), finest_px=20), (100, 128)),
    "p = 1.37, enlarged": (scene((1.37, 1.37), size=(120, 100), focus=(0.7, 0.2)), (256, 256)),
    "p of each step": (scene((1.3, 2.0, 1.6), focus=(0.6, 0.4), finest_px=16), (128, 128)),
    "reduced": (scene(size=(256, 256), finest_px=32), (128, 128)),
    "odd": (scene(size=(127, 101), finest_px=16), (121, 99)),
}


def inconsistent(levels=3, side=96, seed=0):
    """Levels that have nothing to do with each other: blobs of every size."""
    generator = torch.Generator().manual_seed(seed)
    octaves = [
        torch.nn.functional.interpolate(torch.randn(levels, 3, n, n, generator=generator), (side, side), mode="bicubic")
        / n
        for n in (3, 6, 12, 24, 48)
    ]
    picture = sum(octaves)
    return (picture / picture.abs().max()).clamp(-1, 1)


def as_float(frame):
    return frame.transpose(2, 0, 1) / 127.5 - 1


@pytest.mark.parametrize("name", SCENES)
def test_every_frame_is_the_world_at_its_own_scale(name):
    """Against the closed form: at least 50 dB (8 bits alone allow 58.9), and geometry right to 0.02 px everywhere."""
    scene, size = SCENES[name]
    renderer = Renderer(scene.stack(), size)
    for s in (np.arange(9) + 0.5) / 9 * (scene.levels - 1):
        frame, truth = as_float(renderer.frame(s)), scene.truth(s, size)
        assert frame.shape == truth.shape
        assert psnr(frame, truth) > 50, s
        assert max(misfit(frame, truth)) < 0.02, s


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("p", [1.1, 1.6, 2.0, 4.0])
@pytest.mark.parametrize("layout", ["rgb", "yuv444", "yuv420"])
def test_at_an_integer_position_the_frame_is_that_composite_to_the_bit(layout, p, loop):
    stack = ZoomStack(inconsistent(), p, [(0.4, 0.7)] * 3)
    renderer = Renderer(stack, (96, 96), layout=layout, loop=loop)
    for level, picture in enumerate(renderer.pictures):
        whole = renderer.painter.drawn(picture, View(level, 0.0, 0.0, 1.0), (96, 96))
        assert np.array_equal(renderer.frame(level), assemble(whole, layout))
    if layout == "rgb":
        pictures = composite.pictures(stack, loop=loop)
        assert all(np.array_equal(renderer.frame(level), picture) for level, picture in enumerate(pictures))


@pytest.mark.parametrize(
    ("angle", "shift", "size"),
    [
        (0.4, (0, 0), (128, 128)),
        (-2.0, (0.1, -0.05), (150, 80)),
        (0, (-0.2, 0.1), (90, 90)),
        (math.pi, (0, 0), (64, 96)),
    ],
)
def test_a_turned_and_shifted_frame_is_the_world_so_turned_and_shifted(angle, shift, size):
    """Counter-clockwise, about a centre that has moved right and down. The frame reaches beyond the level in sight."""
    flat = scene((2.0, 2.0, 2.0), finest_px=24)
    renderer = Renderer(flat.stack(), size)
    for s in (1.1, 1.9, 2.0, 2.6):
        frame, truth = as_float(renderer.frame(s, angle=angle, shift=shift)), flat.truth(s, size, 1, angle, shift)
        assert psnr(frame, truth) > 47
        assert max(misfit(frame, truth)) < 0.02


def test_out_shows_the_same_frames_in_reverse():
    stack = scene(size=(64, 64)).stack()
    there, back = (
        list(frames(stack, Camera(3, fps=10, seconds_per_level=0.5, direction=d), (48, 32))) for d in ("in", "out")
    )
    assert len(there) == len(back) == 10
    assert all(np.array_equal(a, b) for a, b in zip(there, reversed(back), strict=True))


@pytest.mark.parametrize("p", [1.5, 2.0, 4.0])
def test_no_pop_where_the_camera_passes_a_level_even_of_unrelated_levels(p):
    """The limit from below is the level itself; across it, frames change as much as from frame to frame beside it."""
    renderer = Renderer(ZoomStack(inconsistent(), p), (96, 96))
    for level in (1, 2):
        before, at = (renderer.frame(level - nudge).astype(float) for nudge in (1e-6, 0.0))
        assert np.abs(before - at).max() <= 5  # in the outermost pixel; half a grey level over the frame
        assert np.sqrt(np.square(before - at).mean()) < 0.5
    film = [renderer.frame(1 + (k + 0.5) * 0.01).astype(float) for k in range(-4, 4)]
    changes = [np.sqrt(np.square(b - a).mean()) for a, b in itertools.pairwise(film)]
    assert changes[3] < 1.25 * float(np.median(changes))


def test_levels_of_different_colour_ease_into_each_other_without_an_edge():
    """Pasted hard, the step between neighbouring pixels would be the whole difference of the levels."""
    levels = torch.tensor([-0.5, 0.5]).view(2, 1, 1, 1).expand(2, 3, 128, 128).contiguous()
    renderer = Renderer(ZoomStack(levels, 2.0), (128, 128))
    difference = 127.5
    for s in np.linspace(0, 1, 21):
        frame = renderer.frame(s).astype(float)
        steps = max(np.abs(np.diff(frame, axis=0)).max(), np.abs(np.diff(frame, axis=1)).max())
        # Smoothstep over an eighth of the finer level, which at worst is half as wide as the frame.
        assert steps <= 1.5 / (128 / 8 / 2) * difference * 1.1


def test_finer_levels_are_in_every_wider_one():
    """A dot of the finest level, two levels down, is seen from level 0: 1/4 of its size, where it belongs."""
    levels = torch.full((3, 3, 128, 128), -1.0)
    levels[2, :, 48:80, 48:80] = 1.0
    frame = Renderer(ZoomStack(levels, 2.0), (128, 128)).frame(0.0)[..., 0]
    assert frame[61:67, 61:67].min() > 240
    assert frame[:56].max() == frame[72:].max() == frame[:, :56].max() == frame[:, 72:].max() == 0


def test_small_levels_in_a_large_frame_keep_what_finer_levels_know():
    """At four times the size of the levels, level 0's centre shows a checkerboard that its own pixels cannot hold."""
    levels = torch.zeros(3, 3, 32, 32)
    levels[2] = (torch.arange(32)[:, None] // 2 + torch.arange(32) // 2) % 2 * 2.0 - 1
    centre = Renderer(ZoomStack(levels, 2.0), (128, 128)).frame(0.0)[52:76, 52:76]
    assert centre.std() > 60


def test_grey_levels_make_grey_frames():
    stack = ZoomStack(inconsistent()[:, :1].contiguous(), 2.0)
    frame = Renderer(stack, (64, 64)).frame(0.7)
    assert frame.shape == (64, 64, 3)
    assert np.array_equal(frame[..., 0], frame[..., 2])


def test_one_level_is_a_still():
    stack = ZoomStack(inconsistent(levels=1), 2.0)
    film = list(frames(stack, Camera(1, fps=3, seconds_per_level=1), (40, 40)))
    assert len(film) == 3
    assert all(np.array_equal(frame, film[0]) for frame in film)


def test_the_film_has_the_cameras_frames_of_the_asked_size():
    film = list(frames(scene(size=(32, 32)).stack(), Camera(3, fps=4, seconds_per_level=1), (31, 17)))
    assert len(film) == 8
    assert {(frame.shape, frame.dtype.name) for frame in film} == {((17, 31, 3), "uint8")}


@pytest.mark.parametrize("layout", ["yuv444", "yuv420"])
def test_frames_in_video_planes_are_the_rgb_frames(layout):
    """Each plane to 45 dB, 4:2:0 colour included, which was thinned before it was resampled instead of after."""
    smooth, size = scene((2.0,), size=(128, 96), focus=(0.3, 0.6), finest_px=24), (160, 90)
    colour, video = (Renderer(smooth.stack(), size, layout=kind) for kind in ("rgb", layout))
    for s in (0.0, 0.4, 0.9):
        pairs = zip(planes(colour.frame(s), layout), plane_views(video.frame(s), layout), strict=True)
        assert all(psnr(a / 127.5 - 1, b / 127.5 - 1) > 45 for a, b in pairs)


@pytest.mark.parametrize("p", [1.01, 100.0])
def test_extreme_factors_draw(p):
    renderer = Renderer(ZoomStack(inconsistent(side=32), p), (32, 32))
    assert all(renderer.frame(s).shape == (32, 32, 3) for s in np.linspace(0, 2, 9))


def test_forty_levels_of_one_picture_are_the_same_at_the_start_and_the_end():
    """2^39 in one film: every step of a stack of equal levels shows the same, as soon as what is around is the same."""
    level = inconsistent(levels=1, side=64).expand(40, -1, -1, -1).contiguous()
    renderer = Renderer(ZoomStack(level, 2.0, [(0.4, 0.6)] * 40), (64, 64))
    for t in (0.0, 0.3125, 0.9375):
        assert np.abs(renderer.frame(6 + t).astype(int) - renderer.frame(31 + t)).max() <= 1


def test_a_given_frame_is_filled():
    renderer = Renderer(ZoomStack(inconsistent(), 2.0), (64, 48), layout="yuv420")
    out = np.zeros((72, 64), np.uint8)
    for angle in (0.0, 0.1):
        assert renderer.frame(1.3, angle=angle, out=out) is out
        assert np.array_equal(out, renderer.frame(1.3, angle=angle))
    for wrong in (np.zeros((48, 64, 3), np.uint8), out.astype(np.float32)):
        with pytest.raises(InvalidInputError, match="uint8"):
            renderer.frame(1.3, out=wrong)


loops = [ZoomStack(inconsistent(levels=3), 2.0, focus) for focus in (None, [(0.3, 0.6)] * 3, [(0.0, 0.5)] * 3)]


@pytest.mark.parametrize("stack", loops)
def test_a_loop_closes_exactly(stack):
    renderer = Renderer(stack, (96, 96), loop=True)
    for s in (0.0, 0.25, 0.7, 1.6):
        assert np.array_equal(renderer.frame(s), renderer.frame(s + 3))
        assert np.array_equal(renderer.frame(s), renderer.frame(s - 3))
    before, at = (renderer.frame(s).astype(float) for s in (3 - 1e-6, 3.0))
    assert np.sqrt(np.square(before - at).mean()) < 0.5
    film = list(frames(stack, Camera(3, fps=10, seconds_per_level=1, loop=True), (96, 96)))
    changes = [np.sqrt(np.square(a - b.astype(float)).mean()) for a, b in itertools.pairwise([*film, film[0]])]
    assert changes[-1] < 1.2 * max(changes[9], changes[19])  # from the last frame to the first, as at the other levels


def test_a_loop_starts_anywhere():
    """The same ring of levels, told from another one on, makes the same pictures: nothing marks where it closes."""
    stack = loops[1]
    turned = ZoomStack(stack.levels.roll(-1, 0), 2.0, stack.focus)
    first, second = (composite.pictures(s, loop=True) for s in (stack, turned))
    for i in range(3):
        assert np.abs(first[(i + 1) % 3].astype(int) - second[i]).max() <= 2  # of rounding


def test_misfits_are_refused_at_once():
    stack = ZoomStack(inconsistent(side=32), 2.0)
    for camera, size, options in (
        (Camera(4), (32, 32), {}),
        (Camera(3), (0, 32), {}),
        (Camera(3), (31, 32), {"layout": "yuv420"}),
        (Camera(3), (32, 32), {"start": 9, "stop": 8}),
        (Camera(3), (32, 32), {"stop": 10**6}),
    ):
        with pytest.raises(InvalidInputError):
            frames(stack, camera, size, **options)
    with pytest.raises(InvalidInputError, match="factors"):
        Film(ZoomStack(stack.levels, (2.0, 3.0)), Camera(3), (32, 32))
    with pytest.raises(InvalidInputError, match="margin"):
        Renderer(stack, (32, 32), margin=0.9)
    for s in (-0.1, 2.1, math.nan):
        with pytest.raises(InvalidInputError, match="outside"):
            Renderer(stack, (32, 32)).frame(s)
    with pytest.raises(InvalidInputError, match="finite"):
        Renderer(stack, (32, 32)).frame(0.5, angle=math.nan)


def test_levels_that_are_no_numbers_are_refused():
    levels = inconsistent(side=32)
    levels[1, 0, 3, 3] = math.nan
    with pytest.raises(InvalidInputError):
        ZoomStack(levels, 2.0)
