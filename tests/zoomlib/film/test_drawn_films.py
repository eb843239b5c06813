"""Films as streams of frames: threads, order, buffers, margins."""

import threading
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film import render
from zoomlib.film.camera import Camera
from zoomlib.film.planes import plane_views, planes, shape_of
from zoomlib.film.render import Film, Renderer, frames, margin_at, needed_margin
from zoomlib.film.resample import PlainResampler
from zoomlib.film.torch_resample import TorchResampler
from zoomlib.film.view import course
from zoomlib.film.workers import in_order
from zoomlib.stack import ZoomStack


def noise(levels=3, size=(48, 48), p=2.0, focus=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(levels, 3, size[1] // 4, size[0] // 4, generator=generator) * 1.8 - 0.9
    return ZoomStack(torch.nn.functional.interpolate(coarse, size[::-1]), p, focus)


def drawing_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("frames")]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("reuse", [False, True])
def test_any_part_by_any_number_of_threads_is_the_same_film(workers, reuse):
    stack, camera = noise(), Camera(3, fps=12, seconds_per_level=1, turn_deg=30)
    whole = list(frames(stack, camera, (48, 32), layout="yuv420"))
    assert len(whole) == len(camera) == 24
    film = Film(stack, camera, (48, 32), layout="yuv420", workers=workers)
    assert len(film) == 24
    for start, stop in ((0, 24), (5, 17), (23, None), (7, 7)):
        drawn = [frame.copy() for frame in film.frames(start, stop, reuse=reuse)]
        assert len(drawn) == (24 if stop is None else stop) - start
        assert all(np.array_equal(a, b) for a, b in zip(drawn, whole[start:stop], strict=True))
    assert not drawing_threads()


def test_frames_that_are_kept_stay_as_they_were_and_buffers_go_round():
    stack, camera = noise(), Camera(3, fps=30, seconds_per_level=1)
    kept = list(frames(stack, camera, (32, 32)))
    assert len({id(frame) for frame in kept}) == len(kept)
    ring = {frame.ctypes.data for frame in frames(stack, camera, (32, 32), workers=2, reuse=True)}
    assert len(ring) <= 5


@pytest.mark.parametrize("layout", ["rgb", "yuv420"])
def test_paint_is_given_every_frame_in_its_layout_and_what_it_draws_is_seen(layout):
    seen = {}

    def paint(frame, number):
        seen[number] = frame.shape
        frame[0, 0] = number

    film = Film(noise(), Camera(3, fps=5, seconds_per_level=1), (32, 32), layout=layout, paint=paint)
    assert [int(frame[0, 0].max()) for frame in film.frames(3, reuse=True)] == list(range(3, 10))
    assert seen == dict.fromkeys(range(3, 10), shape_of(layout, (32, 32)))


def test_what_a_worker_raises_reaches_the_caller_and_ends_the_threads():
    def paint(frame, number):
        if number == 4:
            raise RuntimeError("no ink")

    film = frames(noise(), Camera(3, fps=5, seconds_per_level=1), (32, 32), paint=paint)
    with pytest.raises(RuntimeError, match="no ink"):
        list(film)
    assert not drawing_threads()


def test_a_caller_that_stops_early_leaves_no_thread():
    film = frames(noise(), Camera(3, fps=500, seconds_per_level=1), (32, 32))
    next(film)
    film.close()
    assert not drawing_threads()


@given(st.integers(0, 40), st.integers(1, 6), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_order_is_kept_whichever_thread_is_late(count, workers, reuse, random):
    gates = [random.random() * 1e-3 for _ in range(count)]

    def draw(number, out):
        threading.Event().wait(gates[number])
        out[:] = number
        return out

    assert [int(frame[0]) for frame in in_order(draw, range(count), (1,), workers, reuse)] == list(range(count))


@pytest.mark.parametrize("layout", ["rgb", "yuv420"])
def test_memory_does_not_grow_with_the_number_of_frames(layout):
    film = Film(noise(), Camera(3, fps=300, seconds_per_level=1), (256, 256), layout=layout)
    assert len(film) == 600
    for _ in film.frames(0, 20, reuse=True):
        pass
    peaks = []
    for stop in (20, 600):
        tracemalloc.start()
        for _ in film.frames(0, stop, reuse=True):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0] + 20_000
    assert peaks[1] < 8 * 256 * 256 * 3  # a few frames


cameras = st.builds(
    Camera,
    st.just(4),
    fps=st.just(10),
    seconds_per_level=st.just(0.5),
    direction=st.sampled_from(["in", "out", "in-out"]),
    turn_deg=st.floats(-720, 720),
    pan_from=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    pan_to=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
)
places = st.none() | st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=4)


@given(cameras, places, st.floats(1.2, 4), st.tuples(st.integers(4, 90), st.integers(4, 90)))
@settings(max_examples=60, deadline=None)
def test_the_needed_margin_is_enough_and_no_more(camera, focus, p, size):
    """The corners of every turned view lie in level 0, and with any less one of them does not."""
    stack = ZoomStack(torch.zeros(4, 1, 40, 60), p, focus)
    track, margin = course(stack), needed_margin(stack, camera, size)

    def excess(margin):
        """How far corners lie outside level 0, in pixels of the frame; below 0: inside."""
        worst = -np.inf
        for s, angle, shift in zip(camera.positions(), camera.angles(), camera.shifts(), strict=True):
            view = track.look(s, size, margin, shift)
            scale = view.scale
            x, y = view.left + size[0] / 2 / scale, view.top + size[1] / 2 / scale
            x0, y0, x1, y1 = track.bounds[view.level]
            for u, v in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                across, down = u * size[0] / 2 / scale, v * size[1] / 2 / scale
                cx = x + across * np.cos(angle) + down * np.sin(angle)
                cy = y - across * np.sin(angle) + down * np.cos(angle)
                worst = max(worst, (x0 - cx) * scale, (cx - x1) * scale, (y0 - cy) * scale, (cy - y1) * scale)
        return worst

    assert excess(margin) <= 1e-6
    if margin > 1:
        assert excess(margin * (1 - 1e-4)) > 0


def test_views_that_leave_level_0_are_refused_without_the_margin_and_drawn_with_it():
    stack, camera = noise(), Camera(3, fps=4, seconds_per_level=1, turn_deg=90, pan_from=(0.1, 0), pan_to=(0.1, 0))
    margin = needed_margin(stack, camera, (64, 32))
    motion = list(zip(camera.positions(), camera.angles(), camera.shifts(), strict=True))
    drawn = [Renderer(stack, (64, 32), margin=margin).frame(s, angle=a, shift=tuple(d)) for s, a, d in motion]
    assert all(np.array_equal(a, b) for a, b in zip(drawn, frames(stack, camera, (64, 32)), strict=True))
    with pytest.raises(InvalidInputError, match="needed_margin"):
        Renderer(stack, (64, 32)).frame(motion[0][0], shift=(0.1, 0.0))
    assert needed_margin(stack, Camera(3), (64, 32)) == 1


def test_a_loop_needs_no_margin():
    camera = Camera(3, fps=4, seconds_per_level=1, turn_deg=360, loop=True)
    assert needed_margin(noise(), camera, (48, 48)) == 1
    assert len(list(frames(noise(), camera, (48, 48)))) == 12


@st.composite
def views(draw):
    """Any stack of 40 x 60 pixels, size, layout, loop, and somewhere in it."""
    L = draw(st.integers(2, 5))
    loop = draw(st.booleans())
    p = draw(st.floats(1.2, 6) if loop else st.lists(st.floats(1.2, 6), min_size=L - 1, max_size=L - 1))
    focus = draw(st.none() | st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=L, max_size=L))
    step = draw(st.sampled_from([1, 2]))
    size = tuple(step * side for side in draw(st.tuples(st.integers(1, 60), st.integers(1, 60))))
    layout = draw(st.sampled_from(["yuv420"] if step == 2 else ["rgb", "yuv444"]))
    angle, shift = draw(st.just(0.0) | st.floats(-4, 4)), draw(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)))
    return p, focus, loop, size, layout, draw(st.floats(0, L - 1)), angle, shift


@given(views(), st.integers(0, 255))
@settings(max_examples=80, deadline=None)
def test_a_world_of_one_colour_is_seen_in_that_colour_from_everywhere(view, grey):
    """The weights of every pixel, in every layer and turn, add up to one, and each pixel is drawn.

    One grey level is left for the rounding of hundreds of products, where a pixel shows hundreds.
    """
    p, focus, loop, size, layout, position, angle, shift = view
    levels = len(p) + 1 if isinstance(p, list) else len(focus or "abc")
    stack = ZoomStack(torch.full((levels, 3, 40, 60), grey / 127.5 - 1), p, focus)
    position = min(position, levels - 1)
    margin = max(1, margin_at(course(stack, loop), size, position, angle, shift))
    frame = Renderer(stack, size, layout=layout, loop=loop, margin=margin).frame(position, angle=angle, shift=shift)
    assert frame.shape == shape_of(layout, size)
    expected = planes(np.full((2, 2, 3), grey, np.uint8), layout)
    for plane, colour in zip(plane_views(frame, layout), expected, strict=True):
        assert np.abs(plane.astype(int) - colour[0, 0]).max() <= 1


def test_frames_drawn_by_torch_are_the_same(monkeypatch):
    """The path of a GPU, here on the processor; equal to the bit."""
    stack, camera = noise(), Camera(3, fps=4, seconds_per_level=1, turn_deg=40)
    for layout in ("rgb", "yuv420"):
        ours = list(frames(stack, camera, (48, 32), layout=layout))
        monkeypatch.setattr(render, "resampler", lambda _: TorchResampler("cpu"))
        theirs = list(frames(stack, camera, (48, 32), layout=layout, device="cuda"))
        monkeypatch.undo()
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_frames_drawn_without_numba_are_the_same(monkeypatch):
    stack, camera = noise(), Camera(3, fps=4, seconds_per_level=1)
    ours = list(frames(stack, camera, (48, 32), layout="yuv420"))
    monkeypatch.setattr(render, "resampler", lambda _: PlainResampler())
    theirs = list(frames(stack, camera, (48, 32), layout="yuv420"))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_single_level_is_a_hold():
    film = list(frames(noise(levels=1), Camera(1, fps=3, seconds_per_level=1), (40, 40)))
    assert len(film) == 3
    assert all(np.array_equal(frame, film[0]) for frame in film)
