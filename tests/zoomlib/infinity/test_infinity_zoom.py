"""What levels show of a plane (property 14): exact area means, level by level, in any order."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.doubles.formula_planes import FormulaPlane, FormulaPlanes
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Window
from zoomlib.infinity.zoom import Job, check_place, gather, portion, views
from zoomlib.methods import infinity
from zoomlib.stack import ZoomStack
from zoomlib.walk import last

CLOSE = 1e-5  # of the standard deviation, which is about 0.5 here


def words(levels):
    return [""] * levels


def gen(seed=3):
    return torch.Generator().manual_seed(seed)


@given(
    levels=st.integers(1, 4),
    p=st.sampled_from([2.0, 3.0, 1.5, 2.37]),
    size=st.tuples(st.integers(5, 13), st.integers(5, 13)),
    at=st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)),
    step=st.sampled_from([7, 24, 200]),
    x=st.floats(0, 1),
    scale=st.sampled_from([1.0, 2.0, 1.7]),
)
@settings(max_examples=25, deadline=None)
def test_every_pixel_is_the_mean_of_the_plane_over_its_area(levels, p, size, at, step, x, scale):
    plane, focus = FormulaPlane(1, step), [(x, 0.3)] * levels
    seen = views(levels, size, p, focus, scale)
    z = torch.zeros(levels, 3, *size)
    window = seen[0].around()
    job = Job(Window(at[0] + window.top, at[1] + window.left, window.height, window.width), tuple(range(levels)), step)
    gather(plane, job, 0, job.tiles, seen, at, z)
    for level, view in zip(z, seen, strict=True):
        expected = plane.means(at[0] + view.top, at[1] + view.left, view.scale, *size)
        assert np.abs(level.numpy() - expected).max() <= 0.5 * CLOSE


def test_the_middle_of_a_level_is_the_mean_of_squares_of_the_next():
    *_, state = infinity.sample(FormulaPlanes((16, 24)), words(4), p=2, steps=3, generator=gen())
    for wide, deep in zip(state.clean, state.clean[1:], strict=False):
        middle = wide[:, 4:12, 6:18]
        assert (middle - F.avg_pool2d(deep, 2)).abs().max() <= CLOSE * deep.std()


def test_a_frame_of_the_finished_stack_is_that_of_the_plane():
    """Property 14: frames from the pyramid equal those made anew. Level 0 of p = 4 is level 0 of p = 2, twice."""
    fine = infinity.sample_stack(FormulaPlanes((16, 24)), words(5), p=2, generator=gen())
    coarse = infinity.sample_stack(FormulaPlanes((16, 24)), words(3), p=4, generator=gen())
    assert isinstance(fine, ZoomStack)
    assert (fine.levels[::2] - coarse.levels).abs().max() <= CLOSE * 0.5
    assert (fine.image(0) - fine.levels[0]).abs().max() <= CLOSE * 0.5


def test_more_levels_are_the_same_levels_and_wider_ones():
    few = infinity.sample_stack(FormulaPlanes(), words(2), p=2, generator=gen())
    more = infinity.sample_stack(FormulaPlanes(), words(4), p=2, generator=gen())
    assert (more.levels[2:] - few.levels).abs().max() <= CLOSE * 0.5


def test_given_levels_are_kept_and_nothing_is_painted_for_them_alone():
    planes, kept = FormulaPlanes(), torch.full((3, 12, 16), 0.25)
    *_, state = infinity.sample(planes, words(3), p=2, images={0: kept, 1: kept}, generator=gen())
    assert torch.equal(state.clean[0], kept)
    assert sum(h * w for _, _, h, w in planes.painted) == 12 * 16
    *_, same = infinity.sample(planes, words(1), p=2, images={0: kept}, generator=gen())
    assert torch.equal(same.clean[0], kept)
    assert same.index == 40


@given(parts=st.integers(1, 60), height=st.integers(1, 90), width=st.integers(1, 90), top=st.integers(-50, 50))
@settings(max_examples=25, deadline=None)
def test_portions_cover_every_pixel_of_every_job_once(parts, height, width, top):
    jobs = [Job(Window(top, -13, height, width), (0,), 10), Job(Window(3, top, width, 7), (1,), 10)]
    counts = [np.zeros((height, width), int), np.zeros((width, 7), int)]
    taken = []
    for index in range(parts):
        taken.append(sum(b - a for _, a, b in portion(jobs, index, parts)))
        for job, first, end in portion(jobs, index, parts):
            own, count = job.window, counts[job.targets[0]]
            for part in job.parts(first, end):
                y, x = part.top - own.top, part.left - own.left
                count[y : y + part.height, x : x + part.width] += 1
    assert all((count == 1).all() for count in counts)
    assert sum(taken) == sum(job.tiles for job in jobs)
    assert max(taken) - min(taken) <= 1


def test_a_run_goes_on_bit_for_bit_from_every_state():
    def sample(**more):
        return infinity.sample(FormulaPlanes(), words(4), p=1.7, steps=5, generator=gen(), **more)

    states = list(sample())
    assert [state.index for state in states] == [1, 2, 3, 4, 5]
    for state in states:
        again = last(sample(state=state), state)
        assert torch.equal(again.clean, states[-1].clean)
        assert torch.equal(again.z, states[-1].z)


def test_no_pixel_of_the_plane_is_painted_twice_and_only_seen_ones():
    planes = FormulaPlanes((12, 16))
    last(infinity.sample(planes, words(4), p=2, steps=7, generator=gen()))
    assert sum(h * w for _, _, h, w in planes.painted) == 12 * 8 * 16 * 8
    config = infinity.Config()
    assert infinity.tiles(config, 4, (12, 16), 2.0, None, planes.tile_px) == len(planes.painted)


def test_pixels_are_clamped_before_they_are_averaged():
    plane, seen = FormulaPlane(height=3.0), views(2, (8, 8), 2.0)
    z = torch.zeros(2, 3, 8, 8)
    job = Job(seen[0].around(), (0, 1), plane.step)
    gather(plane, job, 0, job.tiles, seen, (0, 0), z)
    exact = F.avg_pool2d(plane.pixels(-8, -8, 16, 16).clamp(-1, 1), 2)
    assert (z[0] - exact).abs().max() <= 1e-6
    assert z.abs().max() <= 1


def test_scaled_levels_have_planes_of_their_own_and_fade_into_each_other():
    planes = FormulaPlanes((16, 16))
    *_, soft = infinity.sample(planes, words(3), p=2, vertical="scaled", steps=4, generator=gen())
    assert set(planes.stretches) == {4.0, 2.0, 1.0}
    for level, stretch in enumerate((4.0, 2.0, 1.0)):
        own = FormulaPlane(3, 24, stretch).means(-8 * stretch, -8 * stretch, stretch, 16, 16)
        assert np.abs(soft.z[level].numpy() - own).max() <= 1e-5
    hard = last(infinity.sample(planes, words(3), p=2, vertical="scaled", fade=0.0, steps=4, generator=gen()))
    assert (hard.clean[0][:, 4:12, 4:12] - F.avg_pool2d(hard.clean[1], 2)).abs().max() <= CLOSE
    assert torch.equal(soft.clean[2], soft.z[2])
    assert (soft.clean[0] - hard.clean[0]).abs().max() > 0.01
    assert torch.equal(soft.clean[0][:, :4], soft.z[0][:, :4])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"most_mpx": 0.001}, r"most_mpx=\d+"),
        ({"at": (2**63 - 5, 0)}, "64 bits"),
        ({"at": (0, -(2**63) + 7)}, "64 bits"),
        ({"at": (0.5, 0)}, "whole numbers"),
        ({"at": (2**70, 0)}, "64 bits"),
        ({"scale": 0.5}, "at least 1"),
        ({"vertical": "true"}, "plane, scaled"),
        ({"fade": 0.1}, "vertical=scaled"),
        ({"vertical": "scaled", "fade": 0.6}, "0.5"),
        ({"most_mpx": 0}, "above 0"),
        ({"p": 1.0}, "above 1"),
        ({"photo": torch.zeros(3, 12, 16)}, "no use for photo"),
        ({"seeds": {0: 1}}, "no use for seeds"),
        ({"images": {0: torch.zeros(3, 12, 16)}, "open": frozenset({0})}, "no use for open"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_painted(settings, said):
    planes = FormulaPlanes()
    with pytest.raises(InvalidInputError, match=said):
        infinity.sample(planes, words(8), generator=gen(), **{"p": 2, **settings})
    assert not planes.painted


def test_planes_without_a_horizon_have_none_to_scale():
    with pytest.raises(InvalidInputError, match="no horizon"):
        infinity.sample(FormulaPlanes(axes="periodic"), words(2), p=2, vertical="scaled", generator=gen())


def test_a_denoiser_is_no_generator_of_planes():
    with pytest.raises(InvalidInputError, match="generator of planes"):
        infinity.sample(object(), words(2), p=2, generator=gen())


def test_levels_beyond_what_64_bits_count_are_refused():
    with pytest.raises(InvalidInputError, match="64 bits"):
        views(70, (64, 64), 2.0)
    check_place(views(3, (64, 64), 2.0), (0, 2**62))


@pytest.mark.parametrize("size", [(5, 7), (6, 8)])
def test_the_pixel_in_the_middle_of_the_deepest_level_is_the_one_asked_for(size):
    *_, state = infinity.sample(FormulaPlanes(size), words(2), p=2, at=(-9, 40), steps=1, generator=gen())
    asked = FormulaPlane(3).pixels(-9, 40, 1, 1)[:, 0, 0]
    assert (state.clean[1][:, size[0] // 2, size[1] // 2] - asked).abs().max() <= CLOSE
