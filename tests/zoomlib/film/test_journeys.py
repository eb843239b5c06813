"""Films of stacks, sizes and cameras of every kind together: what must hold of all of them."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.film.camera import DIRECTIONS, Camera
from zoomlib.film.easing import Ramp
from zoomlib.film.planes import to_rgb
from zoomlib.film.render import Renderer, frames
from zoomlib.stack import ZoomStack

FLAT = (40, 128, 220)
sides = st.integers(8, 40).map(lambda n: 2 * n)
journeys = settings(max_examples=30, deadline=None)


def noise(levels, size):
    """Unrelated levels of soft noise: whatever is drawn twice must be drawn of the same levels in the same place."""
    coarse = torch.rand(levels, 3, 7, 5, generator=torch.Generator().manual_seed(levels)) * 1.8 - 0.9
    return torch.nn.functional.interpolate(coarse, size[::-1], mode="bilinear")


def flat(levels, size):
    colour = torch.tensor(FLAT).view(1, 3, 1, 1) / 127.5 - 1
    return colour.expand(levels, 3, *size[::-1]).clone()


@st.composite
def films(draw, pictures=noise, loop=False):
    """A stack, a camera with its factors, a size of frames."""
    L = draw(st.integers(2, 6))
    steps = L if loop else L - 1
    p = draw(st.floats(1.5, 4)) if loop or draw(st.booleans()) else tuple(draw(st.floats(1.5, 4)) for _ in range(steps))
    # Round a loop no level tells what lies next to the borders of all of them: a window is to be well off them.
    inside = st.floats(0.45, 0.55) if loop else st.floats(0, 1)
    focus = draw(st.none() | st.lists(st.tuples(inside, inside), min_size=L, max_size=L))
    stack = ZoomStack(pictures(L, (128, 96) if loop else (draw(sides), draw(sides))), p, focus)
    shift = st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
    camera = Camera(
        L,
        fps=draw(st.sampled_from([4, 5, 23.976])),
        seconds=draw(st.floats(1.3, 2.2)),
        direction=draw(st.sampled_from(DIRECTIONS)),
        easing=draw(st.sampled_from(["linear", "in-out", Ramp(0.3, 0.3), ((0, 0), (0.3, 0.5), (0.7, 0.5), (1, 1))])),
        hold_start_s=0.0 if loop else draw(st.sampled_from([0.0, 0.5])),
        turn_deg=draw(st.sampled_from([0, 360]) if loop else st.floats(-180, 180)),
        pan_from=(0, 0) if loop else draw(shift),
        pan_to=(0, 0) if loop else draw(shift),
        loop=loop,
        factors=stack.factors,
        beats=draw(st.sampled_from([(), (0.4, 0.8, 1.5)])),
    )
    return stack, camera, (draw(sides), draw(sides))


def drawn(stack, camera, size, layout="rgb"):
    return np.stack(list(frames(stack, camera, size, layout=layout, workers=1)))


def same(a, b):
    return a.shape == b.shape and np.array_equal(a, b)


@given(films(pictures=flat), st.sampled_from(["rgb", "yuv444", "yuv420"]))
@journeys
def test_whatever_the_camera_does_nothing_but_the_picture_is_seen(film, layout):
    """A border of black, a kernel that does not add up to 1 or a wrong margin would show on one colour."""
    stack, camera, size = film
    shown = drawn(stack, camera, size, layout)
    assert len(shown) == len(camera)
    assert (shown == shown[0]).all()
    assert to_rgb(shown[0], layout).shape == (*size[::-1], 3)
    assert np.abs(to_rgb(shown[0], layout).astype(int) - FLAT).max() <= (0 if layout == "rgb" else 2)


@given(films(), st.sampled_from(["rgb", "yuv420"]))
@journeys
def test_out_is_in_reversed_to_the_bit(film, layout):
    stack, camera, size = film
    still_s = camera.hold_start_s / 2
    there = replace(camera, direction="in", beats=(), hold_start_s=still_s, hold_end_s=still_s)
    back = replace(there, direction="out")
    assert same(drawn(stack, there, size, layout), drawn(stack, back, size, layout)[::-1])


@given(films())
@journeys
def test_there_and_back_shows_every_frame_twice_and_a_hold_one_frame(film):
    stack, camera, size = film
    shown = drawn(stack, replace(camera, direction="in-out", beats=()), size)
    moving = shown[camera.counts[0] :]
    assert same(moving, moving[::-1])
    assert (shown[: camera.counts[0]] == moving[0]).all()


@given(films(loop=True))
@journeys
def test_a_loop_is_the_same_from_wherever_it_starts(film):
    """The ring of levels told from the next one on, and every position one less; but for rounding."""
    stack, camera, size = film
    levels = torch.roll(stack.levels, -1, 0)
    focus = stack.focus and (*stack.focus[1:], stack.focus[0])
    one, other = (Renderer(told, size, loop=True) for told in (stack, ZoomStack(levels, stack.p, focus)))
    for s in camera.positions()[::3]:
        a, b = one.frame(s), other.frame((s - 1) % camera.levels)
        assert np.abs(a.astype(int) - b).max() <= 3
