"""Property 5 of the specification on a plane: each mistake in what a tile reads or does makes property 4 fail by more
than 1e-2·σ, so that property 4 is known to see it. (On the networks alone: test_infinity_mutations.py.)
"""

import pytest
import torch
from torch.nn import functional as F

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.networks import prepared
from zoomlib.infinity.painting import painter as painting
from zoomlib.infinity.painting.painter import PlainPainter
from zoomlib.infinity.painting.plane import Plane

PLACE = (-61, -70, 100, 130)


def composed(cells=9, painter=None):
    made = painter or PlainPainter(random_networks(), Latents(SMALL, 11))
    return Plane(made, cells=cells).window(*PLACE)


@pytest.fixture(scope="module")
def at_once():
    """The window out of one tile, which has no borders in it."""
    n = 40
    painter = PlainPainter(random_networks(), Latents(SMALL, 11))
    lo = 2 ** (SMALL.blocks + 1) - 2
    pixels = painter.paint([(-15, -15)], n)[0]
    top, left = PLACE[0] + 120 - lo, PLACE[1] + 120 - lo
    return pixels[:, top : top + PLACE[2], left : left + PLACE[3]]


def differ(at_once, **kwargs):
    return float((composed(**kwargs) - at_once).abs().max() / at_once.std())


def test_without_a_mistake_they_are_equal(at_once):
    assert differ(at_once) <= 1e-5


@pytest.mark.parametrize("layer", range(2 * SMALL.blocks))
def test_noise_a_feature_off_in_any_layer(at_once, monkeypatch, layer):
    right = Latents.noise

    def off(self, asked, y, x, h, w):
        return right(self, asked, y, x + (asked == layer), h, w)

    monkeypatch.setattr(Latents, "noise", off)
    assert differ(at_once) > 1e-2


def test_noise_of_a_tile_at_its_neighbours_place(at_once, monkeypatch):
    right = Latents.noise
    monkeypatch.setattr(Latents, "noise", lambda self, layer, y, x, h, w: right(self, layer, y, x % 64, h, w))
    assert differ(at_once) > 1e-2


def test_coordinates_a_cell_off(at_once, monkeypatch):
    right = painting.coordinates
    monkeypatch.setattr(
        painting, "coordinates", lambda config, y, x, h, w, **more: right(config, y + 1, x, h, w, **more)
    )
    assert differ(at_once) > 1e-2


def test_latents_a_cell_off(at_once, monkeypatch):
    right = Latents.local
    monkeypatch.setattr(Latents, "local", lambda self, y, x, h, w: right(self, y, x + 1, h, w))
    assert differ(at_once) > 1e-2


def test_zeros_around_features(at_once, monkeypatch):
    right = prepared.Prepared.texture

    def padded(self, features, noises):
        return right(self, F.pad(features[..., 1:-1, 1:-1], (1, 1, 1, 1)), noises)

    monkeypatch.setattr(prepared.Prepared, "texture", padded)
    assert differ(at_once) > 1e-2


def test_a_blur_of_four_taps(at_once, monkeypatch):
    def four(x):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
        return F.pad(F.conv2d(x, kernel, groups=x.shape[1]), (0, 1, 0, 1))

    monkeypatch.setattr(prepared, "blurred", four)
    assert differ(at_once) > 1e-2


def test_tiles_a_pixel_off(at_once, monkeypatch):
    from zoomlib.infinity.painting.tiles import Grid

    right = Grid.offset.fget
    monkeypatch.setattr(Grid, "offset", property(lambda self: right(self) - 1))
    assert differ(at_once) > 1e-2
