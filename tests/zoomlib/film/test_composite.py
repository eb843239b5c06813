"""The static world: what levels look like after they have been eased into each other."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.film import composite
from zoomlib.film.composite import pictures
from zoomlib.film.drawing import Painter
from zoomlib.film.planes import planes
from zoomlib.film.render import Renderer
from zoomlib.film.resample import resampler
from zoomlib.film.view import View, course
from zoomlib.images import to_uint8
from zoomlib.stack import ZoomStack


def noise(levels=3, size=(96, 96), p=2.0, focus=None, channels=3):
    coarse = torch.rand(levels, channels, size[1] // 6, size[0] // 6, generator=torch.Generator().manual_seed(0))
    return ZoomStack(
        (torch.nn.functional.interpolate(coarse, size[::-1], mode="bicubic") * 1.6 - 0.8).clamp(-1, 1), p, focus
    )


def drawn(picture, view, size):
    """A view of an RGB picture as an RGB picture."""
    painter = Painter("rgb", resampler())
    return np.stack(painter.drawn(painter.load(picture.shape[1::-1], planes(picture, "rgb")), view, size), -1)


def test_one_level_is_itself():
    stack = noise(levels=1)
    assert np.array_equal(pictures(stack)[0], to_uint8(stack.levels[0]))


@pytest.mark.parametrize("layout", ["rgb", "yuv420"])
@pytest.mark.parametrize("size", [(1, 1), (1, 22), (13, 1), (2, 3)])
def test_levels_of_a_pixel_make_a_world(size, layout):
    levels = torch.rand(3, 3, *size[::-1], generator=torch.Generator().manual_seed(0)) * 2 - 1
    stack = ZoomStack(levels, 2.2)
    frame = Renderer(stack, (6, 4), layout=layout).frame(0.7)
    assert frame.std() > 0 or size == (1, 1)


def test_the_deepest_level_is_itself_away_from_its_border():
    stack = noise()
    off = 96 // 8 + 3 * 2  # easing begins where frames no longer show the wider level, and ends an eighth further in
    assert np.array_equal(pictures(stack)[-1][off:-off, off:-off], to_uint8(stack.levels[-1])[off:-off, off:-off])


def test_at_its_border_a_level_is_the_wider_one_enlarged():
    stack = noise(levels=2)
    wide, fine = (to_uint8(level) for level in stack.levels)
    enlarged = drawn(wide, View(0, 24.0, 24.0, 2.0), (96, 96))
    eased = pictures(stack)[1]
    for border in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]):
        assert np.array_equal(eased[border], enlarged[border])
    assert not np.array_equal(eased[:3], fine[:3])


def test_a_window_shows_the_deeper_levels_picture():
    worlds = pictures(noise())
    for wide, fine in itertools.pairwise(worlds):
        reduced = drawn(fine, View(0, 0.0, 0.0, 0.5), (48, 48))
        assert np.array_equal(wide[27:69, 27:69], reduced[3:-3, 3:-3])


def test_a_window_on_the_edge_of_level_0_has_no_border_there():
    """Nothing is behind it: the levels' own pixels reach the edge."""
    stack = noise(levels=2, focus=[(0.0, 0.5), None])
    deepest, own = pictures(stack)[1], to_uint8(stack.levels[1])
    assert np.array_equal(deepest[20:-20, 0], own[20:-20, 0])
    assert not np.array_equal(deepest[20:-20, -1], own[20:-20, -1])


@pytest.mark.parametrize("p", [1.3, 2.0, 3.0])
def test_levels_that_agree_stay_as_they_are(p):
    """A picture that is linear in x and y agrees with itself at every scale."""
    x, y = (torch.arange(96) + 0.5) / 48 - 1, ((torch.arange(96) + 0.5) / 48 - 1)[:, None]
    plane = torch.stack([0.6 * x + 0.2 * y, -0.3 * x + 0.5 * y, 0.1 * x - 0.6 * y])
    stack = ZoomStack(torch.stack([plane * p**-i for i in range(3)]), p)
    for picture, level in zip(pictures(stack), stack.levels, strict=True):
        assert np.abs(picture.astype(int) - to_uint8(level)).max() <= 2


@given(st.integers(1, 4), st.tuples(st.integers(6, 70), st.integers(6, 70)), st.floats(1.2, 6), st.booleans())
@settings(max_examples=15, deadline=None)
def test_flat_levels_stay_between_their_colours(levels, size, p, loop):
    colours = torch.linspace(-0.5, 0.5, levels).view(-1, 1, 1, 1)
    stack = ZoomStack(colours.expand(-1, 3, *size[::-1]).contiguous(), p)
    for picture in pictures(stack, loop=loop and levels > 1):
        assert picture.shape == (*size[::-1], 3)
        assert picture.min() >= 64 - 32  # easing over a few pixels, made p times narrower, overshoots under Lanczos
        assert picture.max() <= 191 + 32


@pytest.mark.parametrize("focus", [None, [(0.4, 0.6)] * 3, [(0.0, 0.5)] * 3, [(0.0, 0.5), (0.5, 0.5), (1.0, 1.0)]])
@pytest.mark.parametrize("p", [1.5, 2.0])
def test_round_a_loop_every_picture_follows_from_its_neighbours(p, focus, monkeypatch):
    """The pictures are a fixed point: more rounds change nothing but rounding."""
    stack = noise(p=p, focus=focus)
    settled = pictures(stack, loop=True)
    monkeypatch.setattr(composite, "_alike", np.array_equal)
    for few, many in zip(settled, pictures(stack, loop=True), strict=True):
        assert np.abs(few.astype(int) - many).max() <= 2


def test_round_a_loop_the_last_level_shows_the_first():
    worlds = pictures(noise(), loop=True)
    reduced = drawn(worlds[0], View(0, 0.0, 0.0, 0.5), (48, 48))
    assert np.array_equal(worlds[2][27:69, 27:69], reduced[3:-3, 3:-3])


def test_grey_levels_make_grey_pictures():
    for picture in pictures(noise(channels=1)):
        assert np.array_equal(picture[..., 0], picture[..., 2])


@pytest.mark.parametrize("layout", ["yuv444", "yuv420"])
@pytest.mark.parametrize("size", [(96, 96), (61, 47)])
def test_the_world_in_video_planes_is_the_world(layout, size):
    """Luma is the same but for rounding, and for the edges of windows, which lie on even pixels in 4:2:0."""
    stack = noise(size=size)
    painter, track = Painter(layout, resampler()), course(stack)
    for world, picture in zip(composite.composite(stack, track, painter), pictures(stack), strict=True):
        luma = painter.drawn(world, View(0, 0.0, 0.0, 1.0), size)[0].astype(int)
        assert (np.abs(luma - planes(picture, layout)[0]) > 2).mean() < 0.06
