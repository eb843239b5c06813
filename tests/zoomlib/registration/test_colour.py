"""Levels out of placed pictures: kept where nothing need change, upright where they were turned, alike in colour."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoomlib.registration.scenes import World, base, recoloured, zoom
from zoomlib.images import to_uint8
from zoomlib.registration.assemble import stack_of
from zoomlib.registration.colour import REACH, Fit, balanced, fit
from zoomlib.registration.placement import Placement, then
from zoomlib.registration.sampling import view_of

SIZE = (200, 150)
STEPS = [Placement(1.6, 0.45, 0.5), Placement(2.2, 0.5, 0.55), Placement(1.4)]


@pytest.fixture(scope="module")
def world():
    return zoom(World(5), [SIZE] * 4, STEPS)


def levels_of(stack):
    return list(to_uint8(stack.levels))


def matrices():
    return [step.matrix(SIZE, SIZE) for step in STEPS]


def steps_of_colour(pictures):
    """How far the mean colours of neighbours are apart where both show the same, (steps, 3), of 255."""
    fits = [fit(b, a, m) for a, b, m in zip(pictures, pictures[1:], matrices(), strict=False)]
    return np.array([one.gain * one.middle + one.offset - one.middle for one in fits])


def test_pictures_that_fit_are_kept_bit_for_bit(world):
    stack = stack_of(world, STEPS, colour=False)
    assert stack.p == pytest.approx((1.6, 2.2, 1.4))
    for level, picture in zip(levels_of(stack), world, strict=True):
        np.testing.assert_array_equal(level, picture)


def test_recoloured_pictures_agree_with_their_neighbours_again(world):
    random = np.random.default_rng(1)
    others = [recoloured(picture, random) for picture in world]
    before, after = (np.abs(steps_of_colour(pictures)) for pictures in (others, levels_of(stack_of(others, STEPS))))
    assert before.mean() > 8
    assert after.max() < 1.5
    assert after.mean() < before.mean() / 15


def test_a_gain_and_an_offset_are_found_as_they_are(world):
    gain, offset = np.array([0.8, 1.1, 0.95]), np.array([20.0, -10, 3])
    changed = np.clip(world[1] * gain + offset, 0, 255).round().astype(np.uint8)
    true, found = (fit(picture, world[0], matrices()[0]) for picture in (world[1], changed))
    assert found.gain * gain == pytest.approx(true.gain, rel=0.02)
    assert found.gain * (true.middle * gain + offset) + found.offset == pytest.approx(
        true.gain * true.middle + true.offset, abs=1
    )


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_changes_are_the_least_that_make_neighbours_agree(count, seed):
    """Pictures that someone has recoloured at random, each measured without error: no drift, small steps left."""
    random = np.random.default_rng(seed)
    gains, offsets = np.exp(random.uniform(-0.2, 0.2, (count, 3))), random.uniform(-15, 15, (count, 3))
    middle = random.uniform(80, 170, (count, 3))  # of the world, at each level
    shown = gains * middle + offsets
    ratio = gains[:-1] / gains[1:]
    fits = [Fit(ratio[i], offsets[i] - ratio[i] * offsets[i + 1], shown[i + 1]) for i in range(count - 1)]
    changes = balanced(fits, list(shown))
    total = np.array([np.log(change.gain) for change in changes]) + np.log(gains)
    assert np.abs(np.diff(total, axis=0)).max() < 0.2 * 2 / REACH  # what is left of steps of up to 0.4
    assert np.abs(np.mean([np.log(change.gain) for change in changes], 0)).max() < 0.02  # as much up as down


def test_a_generator_that_hardens_contrast_each_time_does_not_end_in_grey():
    fits = [Fit(np.full(3, 1.05), np.full(3, -6.0), np.full(3, 120.0))] * 60
    gains = [change.gain[0] for change in balanced(fits, [np.full(3, 120.0)] * 61)]
    assert 1.05**60 > 18
    assert max(gains) / min(gains) < 1.05 ** (2.2 * REACH)
    assert all(b / a == pytest.approx(1.05, rel=0.05) for a, b in pairwise(gains))


def test_a_turned_picture_stands_upright_as_the_world_does():
    step = Placement(2, 0.52, 0.5, 20)
    pictures = zoom(World(6), [SIZE] * 2, [step])
    stack = stack_of(pictures, [step], colour=False)
    (x, y), p = stack.focus[0], stack.factors[0]
    upright = then(Placement(p, x, y).matrix(SIZE, SIZE), base(SIZE))
    truth = World(6).view(upright, SIZE)
    error = np.square(levels_of(stack)[1].astype(float) - truth)[4:-4, 4:-4].mean()
    assert 10 * np.log10(255**2 / error) > 26  # of a world with edges at every scale
    for off in (0.4, -0.4):
        moved = World(6).view(then(np.array([[1, 0, off], [0, 1, 0]]), upright), SIZE)
        assert np.square(levels_of(stack)[1].astype(float) - moved)[4:-4, 4:-4].mean() > error


def test_a_large_picture_is_averaged_down_not_thinned_out():
    rows, columns = np.indices((400, 400))
    board = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, 2)
    small = view_of(board, np.array([[4, 0, 1.5], [0, 4, 1.5]]), (100, 100))
    assert np.abs(small[4:-4, 4:-4].astype(int) - 127).max() <= 2
