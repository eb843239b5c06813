import hashlib
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.film import kernels, taps
from zoomlib.film.compiled import compiled
from zoomlib.film.resample import PlainResampler, QuickResampler, lanczos, resampler
from zoomlib.film.torch_resample import TorchResampler

steps = st.one_of(st.sampled_from([0.5, 1.0, 2.0]), st.floats(0.01, 5))
any_steps = st.one_of(steps, st.floats(1e-9, 1e-2), st.floats(5, 200))
starts = st.one_of(st.integers(-5, 60).map(float), st.floats(-50, 100))
counts = st.integers(1, 90)
IMPLEMENTATIONS = [PlainResampler(), QuickResampler(), TorchResampler("cpu")]


def noise(H, W, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (H, W), np.uint8)


def drawn(resampler, plane, columns, rows):
    out = np.empty((len(rows.first), len(columns.first)), np.uint8)
    canvas = resampler.canvas(out.shape, over=out)
    resampler.draw(resampler.load(plane), columns, rows, canvas)
    return resampler.fetch(canvas, out)


def matrix(n_out, start, step, n_in):
    """Lanczos3 as its definition has it: the share of each sample in each output, (n_out, n_in), in float64."""
    stretch = max(step, 1)
    centres, samples = start + np.arange(n_out) * step, np.arange(-500, n_in + 500)
    x = (samples - centres[:, None]) / stretch
    shares = np.where(abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    folded = np.zeros((n_out, n_in))
    np.add.at(folded.T, np.clip(samples, 0, n_in - 1), (shares / shares.sum(1, keepdims=True)).T)
    return folded


@given(counts, starts, steps, counts)
def test_taps_are_lanczos3_by_its_definition(n_out, start, step, n_in):
    found = lanczos(n_out, start, step, n_in)
    K = found.weights.shape[1]
    assert found.first.dtype == np.int32
    assert found.weights.dtype == np.int16
    assert found.first.min() >= 0
    assert found.first.max() + K <= n_in
    assert (np.diff(found.first) >= 0).all()
    assert (found.weights.sum(1, dtype=int) == taps.UNIT).all()
    dense = np.zeros((n_out, n_in))
    np.put_along_axis(dense, found.first[:, None] + np.arange(K), found.weights / taps.UNIT, 1)
    # Rounding takes half a unit from each tap that was folded into one, the rest of it is at the nearest sample.
    assert abs(dense - matrix(n_out, start, step, n_in)).max() < (6 * max(step, 1) + 2) / taps.UNIT


@given(counts, starts, any_steps, counts)
def test_compiled_taps_equal_those_of_numpy(n_out, start, step, n_in):
    found = lanczos(n_out, start, step, n_in)
    first, weights = np.empty_like(found.first), np.empty_like(found.weights)
    taps.plain_fill(start, step, int(np.ceil(6 * max(step, 1))), n_in, first, weights)
    np.testing.assert_array_equal(first, found.first)
    np.testing.assert_array_equal(weights, found.weights)


@given(counts, counts, counts, counts, starts, starts, any_steps, any_steps, st.integers(0, 9), st.booleans())
def test_all_implementations_draw_the_same_picture(H, W, h, w, x, y, step_x, step_y, seed, stark):
    plane, columns, rows = noise(H, W, seed), lanczos(w, x, step_x, W), lanczos(h, y, step_y, H)
    plane = plane // 128 * 255 if stark else plane
    plain, quick, torch = (drawn(each, plane, columns, rows) for each in IMPLEMENTATIONS)
    np.testing.assert_array_equal(quick, plain)
    np.testing.assert_array_equal(torch, plain)


@settings(max_examples=30)
@given(st.floats(0.1, 3.5), st.floats(0.1, 3.5), st.floats(0, 9), st.floats(0, 9), st.integers(0, 99))
def test_pictures_are_those_of_exact_arithmetic(step_x, step_y, x, y, seed):
    plane = noise(int(70 * step_y) + 20, int(80 * step_x) + 20, seed)
    H, W = plane.shape
    exact = (matrix(70, y, step_y, H) @ plane @ matrix(80, x, step_x, W).T).clip(0, 255)
    found = drawn(resampler(), plane, lanczos(80, x, step_x, W), lanczos(70, y, step_y, H))
    assert abs(found - exact).max() < 0.75  # half a level is the rounding to 8 bits
    assert np.sqrt(np.square(found - exact).mean()) < 0.31  # that alone gives 0.289


@pytest.mark.parametrize("size", [(90, 75), (150, 120), (41, 33)])
def test_pictures_are_those_of_pillow(size):
    plane = noise(150, 170) // 2 + 64  # Pillow clamps between its passes too
    box = 21.3, 30.7, 21.3 + 97.2, 30.7 + 81.0
    step_x, step_y = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    # Pillow cuts the kernel at the border of the box; away from it both see the same samples.
    pillow = np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS, box))
    columns = lanczos(size[0], box[0] + step_x / 2 - 0.5, step_x, 170)
    found = drawn(resampler(), plane, columns, lanczos(size[1], box[1] + step_y / 2 - 0.5, step_y, 150))
    inside = (slice(8, -8), slice(8, -8))
    assert abs(found[inside].astype(int) - pillow[inside]).max() <= 1


@given(counts, counts, st.integers(0, 80), st.integers(0, 80))
def test_whole_pixels_are_copied(h, w, x, y):
    plane = noise(h + y, w + x)
    found = drawn(resampler(), plane, lanczos(w, x, 1, w + x), lanczos(h, y, 1, h + y))
    np.testing.assert_array_equal(found, plane[y:, x:])


@given(st.integers(0, 255), st.floats(0.01, 3.5), st.floats(0.01, 3.5), st.floats(-5, 5))
def test_an_even_area_stays_as_it_is(value, step_x, step_y, start):
    plane = np.full((40, 50), value, np.uint8)
    assert (drawn(resampler(), plane, lanczos(30, start, step_x, 50), lanczos(20, start, step_y, 40)) == value).all()


@pytest.mark.parametrize("each", IMPLEMENTATIONS, ids=lambda each: type(each).__name__)
def test_planes_are_taken_however_they_lie_in_memory(each):
    plane, columns, rows = noise(45, 61), lanczos(33, 2.2, 1.3, 61), lanczos(27, -1.1, 0.8, 45)
    written = np.frombuffer(plane.tobytes(), np.uint8).reshape(plane.shape)
    for same in (plane.T.copy().T, np.stack([plane] * 3, -1)[..., 1], np.pad(plane, 3)[3:-3, 3:-3], written):
        np.testing.assert_array_equal(drawn(each, same, columns, rows), drawn(each, plane, columns, rows))


def test_extremes_do_not_wrap():
    plane = np.where(np.add.outer(np.arange(64) // 3, np.arange(64) // 3) % 2, 255, 0).astype(np.uint8)
    for step in (0.1, 0.37, 1.0, 1.9):
        found = drawn(resampler(), plane, lanczos(64, 2.5, step, 64), lanczos(64, 2.5, step, 64))
        exact = matrix(64, 2.5, step, 64) @ plane @ matrix(64, 2.5, step, 64).T
        assert abs(found - exact.clip(0, 255)).max() < 1


@pytest.mark.parametrize("step", [0.3, 1.0, 1.5, 4.0, 30.0, 150.0])
@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.9])
def test_sums_stay_within_16_bits_where_every_product_has_one_sign(step, phase):
    """The picture that a kernel answers most: white where its weights are above 0 in both directions, else black."""
    n = math.ceil(6 * step) + 2
    line = lanczos(1, n / 2 + phase, step, n)
    signs = np.zeros(n)
    signs[line.first[0] + np.arange(line.weights.shape[1])] = np.sign(line.weights[0])
    for plane in (np.outer(signs, signs) > 0, np.outer(signs, signs) < 0):
        plane, exact = plane.astype(np.uint8) * 255, matrix(1, n / 2 + phase, step, n)
        found = [drawn(each, plane, line, line) for each in IMPLEMENTATIONS]
        assert abs(found[0] - (exact @ plane @ exact.T).clip(0, 255)).max() <= 1 + step / 10
        assert found[0] == found[1] == found[2]


def test_part_of_a_canvas_is_drawn_and_nothing_beside_it():
    for each in IMPLEMENTATIONS:
        frame = np.full((50, 140), 7, np.uint8)
        canvas = each.canvas(frame.shape, over=frame)
        whole = lanczos(140, 0.3, 0.9, 130), lanczos(50, 0.2, 0.8, 45)
        handle = each.load(noise(45, 130))
        expected = drawn(each, noise(45, 130), *whole)
        each.fetch(canvas, frame)
        if each is IMPLEMENTATIONS[2]:
            canvas[:] = 7
        columns, rows = (taps.Taps(t.first[5:-9], t.weights[5:-9]) for t in whole)
        each.draw(handle, columns, rows, canvas[5:-9, 5:-9])
        each.fetch(canvas, frame)
        np.testing.assert_array_equal(frame[5:-9, 5:-9], expected[5:-9, 5:-9])
        frame[5:-9, 5:-9] = 7
        assert (frame == 7).all()


@pytest.mark.parametrize("each", IMPLEMENTATIONS, ids=lambda each: type(each).__name__)
def test_nothing_is_drawn_on_an_empty_part(each):
    columns, rows = lanczos(30, 0, 1, 50), lanczos(20, 0, 1, 40)
    none = taps.Taps(rows.first[:0], rows.weights[:0])
    each.draw(each.load(noise(40, 50)), columns, none, each.canvas((0, 30)))


def test_threads_draw_at_once():
    plane, one = noise(300, 300), resampler()
    handle, jobs = one.load(plane), [(0.5 + i / 16, i / 3) for i in range(16)]

    def draw(job):
        out = np.empty((280, 290), np.uint8)
        one.draw(handle, lanczos(290, job[1], job[0], 300), lanczos(280, job[1], job[0], 300), out)
        return out

    with ThreadPoolExecutor(4) as pool:
        for threaded, job in zip(pool.map(draw, jobs), jobs, strict=True):
            np.testing.assert_array_equal(threaded, draw(job))


WITHOUT = {
    "no numba": "import sys; sys.modules['numba'] = None",
    "numba that is told not to compile": "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'",
    "numba that cannot compile": "import numba, warnings; warnings.simplefilter('ignore'); numba.njit = None",
}
PLAIN = """
import hashlib, numpy as np
from zoomlib.film.planes import weave
from zoomlib.film.resample import PlainResampler, lanczos, resampler
from zoomlib.film.rotation import rotated
assert isinstance(resampler(), PlainResampler)
plane = np.random.default_rng(0).integers(0, 256, (120, 130), np.uint8)
out = np.empty((100, 110), np.uint8)
resampler().draw(resampler().load(plane), lanczos(110, 3.3, 1.07, 130), lanczos(100, -2.1, 0.9, 120), out)
turned = rotated(weave((out, out, out), np.empty((100, 110, 3), np.uint8)), "rgb", 0.7, (80, 70))
print(hashlib.sha256(out.tobytes() + turned.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("what", WITHOUT)
def test_without_compiled_functions_all_is_drawn_alike(what):
    done = subprocess.run([sys.executable, "-c", WITHOUT[what] + PLAIN], capture_output=True, text=True, check=True)
    from zoomlib.film.planes import weave
    from zoomlib.film.rotation import rotated

    out = drawn(QuickResampler(), noise(120, 130), lanczos(110, 3.3, 1.07, 130), lanczos(100, -2.1, 0.9, 120))
    turned = rotated(weave((out, out, out), np.empty((100, 110, 3), np.uint8)), "rgb", 0.7, (80, 70))
    assert done.stdout.strip() == hashlib.sha256(out.tobytes() + turned.tobytes()).hexdigest()


def test_numba_that_cannot_compile_is_told(monkeypatch):
    def broken():
        raise AttributeError("llvmlite has no such thing")

    monkeypatch.setattr(kernels, "weave", broken)
    with pytest.warns(RuntimeWarning, match="slowly.*no such thing"):
        assert compiled.__wrapped__("weave") is None


WITHOUT_ROOM = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from zoomlib.film.resample import QuickResampler, resampler
assert isinstance(resampler(), QuickResampler)
"""


def test_a_full_disk_does_not_keep_from_compiling(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", WITHOUT_ROOM], check=True, env=environment)


@pytest.mark.parametrize("wrong", [(0, 0.0, 1.0, 9), (9, 0.0, 1.0, 0), (9, float("nan"), 1.0, 9), (9, 0.0, 0.0, 9)])
def test_taps_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InvalidInputError, match="step"):
        lanczos(*wrong)


@pytest.mark.parametrize("each", IMPLEMENTATIONS, ids=lambda each: type(each).__name__)
def test_taps_of_another_plane_or_canvas_are_refused(each):
    handle, canvas = each.load(noise(40, 50)), each.canvas((20, 30))
    good_x, good_y = lanczos(30, 0, 1, 50), lanczos(20, 0, 1, 40)
    with pytest.raises(InvalidInputError, match="reach"):
        each.draw(handle, lanczos(30, 30, 1, 60), good_y, canvas)
    with pytest.raises(InvalidInputError, match="reach"):
        each.draw(handle, good_x, lanczos(20, 30, 1, 60), canvas)
    with pytest.raises(InvalidInputError, match="canvas"):
        each.draw(handle, good_x, good_x, canvas)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InvalidInputError, match="device='cpu'"):
        resampler("cuda:99")
