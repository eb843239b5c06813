"""Properties 3, 4, 6 (in one process) and 9 of the specification, on a plane with random weights: the same pixels for
any query, tiles compose to what is painted at once, a batch changes nothing, a panorama closes.

σ is the standard deviation of the reference. Tolerances: 1e-5·σ in float32, and bitwise on one grid.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.painting.painter import PlainPainter, inputs, texture_styles
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.sizes import cover, margins

SEED = 11
WINDOW = (-121, -333, 300, 500)


@pytest.fixture(scope="module")
def networks():
    return random_networks()


@pytest.fixture(scope="module")
def painter(networks):
    return PlainPainter(networks, Latents(SMALL, SEED))


@pytest.fixture(scope="module")
def direct(networks):
    """The window as the networks themselves make it of all its cells at once, by no code of the plane's."""
    return painted_at_once(networks, Latents(SMALL, SEED), *WINDOW)


@pytest.fixture(scope="module")
def whole(painter):
    """A plane in tiles of 48 px, and the window of it in which others lie."""
    plane = Plane(painter, cells=11)
    return plane, plane.window(*WINDOW)


def painted_at_once(networks, latents, y0, x0, h, w):
    (top, bottom), (left, right) = cover(y0, y0 + h, SMALL.blocks), cover(x0, x0 + w, SMALL.blocks)
    n = max(bottom - top, right - left)
    local, place, noises = inputs(SMALL, latents, [(top, left)], n)
    style = latents.style()
    features = networks.structure(local, place, style[None])
    pixels = networks.texture(features, texture_styles(networks, style)[None], noises)[0]
    y, x = (p - 2**SMALL.blocks * a - margins(SMALL.blocks)[0] for p, a in ((y0, top), (x0, left)))
    return pixels[:, y : y + h, x : x + w]


def cut(pixels, y0, x0, h, w):
    top, left = y0 - WINDOW[0], x0 - WINDOW[1]
    return pixels[:, top : top + h, left : left + w]


def far(a, b, reference):
    return float((a - b).abs().max() / reference.std())


@pytest.mark.parametrize("place", [(0, 0, 1, 1), (-121, -333, 1, 97), (-87, -301, 7, 333), (-33, -17, 97, 1)])
def test_a_window_is_bitwise_the_same_inside_a_larger_one(whole, place):
    plane, pixels = whole
    assert torch.equal(plane.window(*place), cut(pixels, *place))


@settings(max_examples=12)
@given(st.data())
def test_so_is_any_window(whole, data):
    plane, pixels = whole
    y0, x0 = data.draw(st.integers(-121, 170)), data.draw(st.integers(-333, 150))
    h, w = data.draw(st.integers(1, min(60, 179 - y0))), data.draw(st.integers(1, min(60, 167 - x0)))
    assert torch.equal(plane.window(y0, x0, h, w), cut(pixels, y0, x0, h, w))


@pytest.mark.parametrize("cells", [9, 11, 15, 21])
def test_tiles_compose_to_what_is_painted_at_once_and_show_no_seam(painter, direct, cells):
    plane = Plane(painter, cells=cells)
    composed = plane.window(*WINDOW)
    assert far(composed, direct, direct) <= 1e-5
    # Steps of the picture across borders of the grid, against those across the other lines of the same phase in a
    # cell: within 5 % of their ratio in the picture that knows no borders.
    for axis in (1, 2):
        assert seam_ratio(composed, plane.step, axis) == pytest.approx(seam_ratio(direct, plane.step, axis), rel=0.05)


def seam_ratio(pixels, step, axis):
    steps = pixels.diff(dim=axis).abs().mean((0, 3 - axis))
    lines = torch.arange(len(steps)) + 1 + WINDOW[axis - 1]  # the line before which a difference lies
    seams = lines % step == 0
    return float(steps[seams].mean() / steps[~seams & (lines % 2**SMALL.blocks == 0)].mean())


def test_the_seam_ratio_sees_a_seam(direct):
    tile = (torch.arange(WINDOW[3]) + WINDOW[1]) // 32
    shifted = direct + 0.2 * direct.std() * (tile % 2)
    assert seam_ratio(shifted, 32, 2) > 1.05 * seam_ratio(direct, 32, 2)


def test_rows_of_tiles_come_in_order_and_once(whole):
    plane, pixels = whole
    told = []
    tiles = list(plane.tiles(*WINDOW, on_tile=lambda done, total: told.append((done, total))))
    assert [(tile.y0, tile.x0) for tile in tiles] == sorted({(tile.y0, tile.x0) for tile in tiles})
    assert told == [(k + 1, len(tiles)) for k in range(len(tiles))]
    assert sum(tile.pixels[0].numel() for tile in tiles) == WINDOW[2] * WINDOW[3]
    for tile in tiles:
        assert torch.equal(tile.pixels, cut(pixels, tile.y0, tile.x0, *tile.pixels.shape[1:]))


def test_tiles_asked_for_in_another_order_are_bitwise_the_same(painter, whole):
    plane = Plane(painter, cells=11)
    for tile in sorted(whole[0].tiles(*WINDOW), key=lambda tile: hash((tile.x0, tile.y0)))[::7]:
        assert torch.equal(plane.window(tile.y0, tile.x0, *tile.pixels.shape[1:]), tile.pixels)


@pytest.mark.parametrize("batch", [2, 3, 8])
def test_a_batch_of_tiles_equals_one_at_a_time(painter, whole, batch):
    stacked, place = Plane(painter, cells=11, batch=batch), (-60, -333, 90, 400)
    pixels = stacked.window(*place)
    assert far(pixels, cut(whole[1], *place), whole[1]) <= 1e-5
    part = stacked.window(-50, -301, 40, 130)  # of whose groups some tiles lie outside
    assert torch.equal(part, pixels[:, 10:50, 32:162])


def test_a_batch_is_always_the_same_neighbours(painter):
    class Watched:
        config, blocks, period, device = painter.config, painter.blocks, None, painter.device
        asked = set()  # noqa: RUF012 - gathers over both planes, and is emptied between them

        def paint(self, origins, n):
            self.asked.add(tuple(origins))
            return painter.paint(origins, n)

    first, second = Plane(Watched(), cells=11, batch=3), Plane(Watched(), cells=11, batch=3)
    first.window(0, 0, 10, 400)
    all_groups = set(Watched.asked)
    Watched.asked.clear()
    second.window(3, 200, 4, 60)
    assert set(Watched.asked) <= all_groups
    assert all(len(group) == 3 for group in all_groups)


@pytest.mark.parametrize("period", [42, 36])  # 7 and 6 tiles of 6 cells: a grid that divides the period
def test_a_panorama_closes_bitwise_where_tiles_divide_it(networks, period):
    plane = Plane(PlainPainter(networks, Latents(SMALL, SEED, period=period)), cells=11)
    around = plane.period_px
    assert around == 8 * period
    pixels = plane.window(-20, -around - 50, 40, 2 * around + 9)
    assert torch.equal(pixels[..., : around + 9], pixels[..., around:])


def test_a_panorama_of_any_period_closes(networks):
    plane = Plane(PlainPainter(networks, Latents(SMALL, SEED, period=41)), cells=11)
    pixels = plane.window(-20, -300, 40, 900)
    assert far(pixels[..., :572], pixels[..., 328:], pixels) <= 1e-5


def test_a_panorama_rolls(networks):
    plane = Plane(PlainPainter(networks, Latents(SMALL, SEED, period=41)), cells=11)
    one, other = plane.window(0, 0, 30, 328), plane.window(0, 117, 30, 328)
    assert far(one.roll(-117, 2), other, one) <= 1e-5


def test_a_plane_does_not_close(painter, whole):
    pixels = whole[1]
    assert far(pixels[..., :172], pixels[..., 328:], pixels) > 0.1


def test_far_from_the_origin_it_is_the_same_plane(networks, painter):
    plane, place = Plane(painter, cells=11), (3 * 10**12 + 5, -(10**12) - 3, 60, 70)
    pixels = plane.window(*place)
    assert far(pixels, painted_at_once(networks, painter.latents, *place), pixels) <= 1e-5
    assert pixels.std() > 0.1


@pytest.mark.parametrize(
    ("place", "words"),
    [((0, 0, 0, 5), "at least 1 pixel"), ((0, 0, 5, -2), "at least 1 pixel"), ((2**63, 0, 5, 5), "64 bits")],
)
def test_a_window_is_refused_before_anything_is_painted(place, words):
    plane = Plane(Untouched())
    for look in (plane.window, plane.tiles):
        with pytest.raises(InvalidInputError, match=words):
            look(*place)


def test_a_window_beyond_memory_is_refused_with_what_it_takes():
    with pytest.raises(InvalidInputError, match=r"10000000 x 10000000 pixels takes 1,117,587.1 GiB of memory"):
        Plane(Untouched()).window(0, 0, 10**7, 10**7)


@pytest.mark.parametrize(("batch", "workers", "words"), [(0, 1, "at a time, not 0"), (1, 0, "1 worker or more")])
def test_no_tile_at_a_time_and_no_worker_are_refused(batch, workers, words):
    with pytest.raises(InvalidInputError, match=words):
        Plane(Untouched(), batch=batch).tiles(0, 0, 5, 5, workers=workers)


class Untouched:
    """A painter that must not be asked."""

    config, blocks, period, device = SMALL, SMALL.blocks, None, torch.device("cpu")
