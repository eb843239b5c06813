"""Properties 3, 4, 9 and 15 of all that a plane can have at once: styles that change, a period, overrides, a stretch.

σ is the standard deviation of the reference. Also property 14 on a plane of networks.
"""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from tests.doubles.planes import SMALL, random_networks
from zoomlib.geometry import Window
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.generator import Generator
from zoomlib.infinity.sizes import margins, unit
from zoomlib.infinity.zoom import Job, gather, views

PERIOD = 37  # cells; tiles of 6 do not divide it
AROUND = 8 * PERIOD


@pytest.fixture(scope="module")
def generator():
    return Generator(SMALL, random_networks(), {})


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def plane_of(generator, batch=1, **more):
    """Points, patches of z_l and of noise, some of them over the seam."""
    places = ((0, 0, 1), (20, 100, 2), (-60, 250, 3))
    points = tuple(StylePoint(y, x, *generator.styles(seed)) for y, x, seed in places)
    noise = {
        2: (Patch(-3, unit(2) * PERIOD - 5, drawn(1, 9, 12)),),
        5: (Patch(-8, -4, drawn(1, 20, 30, seed=1)),),
    }
    local = (Patch(-2, -3, drawn(8, 4, 6, seed=2)), Patch(1, 33, drawn(8, 3, 9, seed=3)))
    return generator.plane(
        9,
        fusion=Fusion(points, 41),
        overrides=Overrides(local, noise),
        period=PERIOD,
        stretch=1.7,
        cells=11,
        batch=batch,
        **more,
    )


@pytest.fixture(scope="module")
def whole(generator):
    return plane_of(generator).window(-40, -50, 70, AROUND + 99)


def test_it_closes_where_styles_and_overrides_cross_the_seam(whole):
    assert (whole[..., :99] - whole[..., AROUND:]).abs().max() <= 1e-5 * whole.std()


@pytest.mark.parametrize("batch", [1, 3])
def test_a_window_is_the_same_in_any_company(generator, whole, batch):
    plane = plane_of(generator, batch)
    part, again = plane.window(-13, -20, 30, 61), plane.window(-14, -21, 40, 99)[:, 1:31, 1:62]
    assert torch.equal(part, again)
    assert (part - whole[:, 27:57, 30:91]).abs().max() <= 1e-5 * whole.std()


def test_it_is_what_is_painted_at_once(generator, whole):
    direct = plane_of(generator).painter.paint([(-6, -8)], 12)[0]
    top, left = (8 * a + margins(3)[0] - first for a, first in ((-6, -40), (-8, -50)))
    crop = whole[:, top : top + direct.shape[1], left : left + direct.shape[2]]
    assert (crop - direct).abs().max() <= 1e-5 * direct.std()


def test_each_of_them_shows(generator, whole):
    plain = generator.plane(9, cells=11).window(-40, -50, 70, 99)
    assert (plain - whole[..., :99]).abs().max() > 0.1 * whole.std()
    place = -40, 10**9 * AROUND - 50, 70, 99
    assert (plane_of(generator).window(*place) - whole[..., :99]).abs().max() <= 1e-5 * whole.std()


def test_levels_of_a_zoom_are_means_of_this_plane(generator):
    """14: the middle of a level is the mean of 2x2 pixels of the next, and each is that of the plane, clamped."""
    plane, at, size = plane_of(generator), (-7, 13), (16, 24)
    seen, levels = views(3, size, 2.0), torch.zeros(3, 3, *size)
    around = seen[0].around()
    window = Window(at[0] + around.top, at[1] + around.left, around.height, around.width)
    job = Job(window, (0, 1, 2), plane.step)
    for first in reversed(range(job.tiles)):  # in any order
        gather(plane, job, first, first + 1, seen, at, levels)
    pixels = plane.window(at[0] - 32, at[1] - 48, 64, 96).clamp(-1, 1)
    for level, scale in zip(levels, (4, 2, 1), strict=True):
        rows, columns = (slice(side * 2 - side * scale // 2, side * 2 + side * scale // 2) for side in size)
        expected = F.avg_pool2d(pixels[:, rows, columns], scale)
        assert (level - expected).abs().max() <= 1e-5 * pixels.std()
    for wide, deep in pairwise(levels):
        assert (wide[:, 4:12, 6:18] - F.avg_pool2d(deep, 2)).abs().max() <= 1e-5 * pixels.std()
