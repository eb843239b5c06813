"""Property 5 of the specification: each mistake one can make in a padding-free generator breaks composition, visibly.

A picture is composed of small patches and compared with the same made at once (property 4); right, they agree to
1e-5·σ, and with any of the mistakes they differ by more than 1e-2·σ.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.doubles.planes import random_networks
from zoomlib.infinity.config import TINY
from zoomlib.infinity.networks import modulation
from zoomlib.infinity.sizes import layer_sides, out_side, step_cells, unit

CELLS, TILE = 17, 9
STEP = step_cells(TILE, TINY.blocks)


@pytest.fixture(scope="module")
def scene():
    g = torch.Generator().manual_seed(4)
    m = CELLS + 2 * TINY.halo
    local = torch.randn(1, TINY.local, m, m, generator=g)
    rows = torch.arange(m, dtype=torch.float32).sub(m // 2).mul(0.2).tanh()
    coordinates = torch.stack((rows[:, None].expand(m, m), rows.expand(m, m), rows.flip(0).expand(m, m)))[None]
    noises = [torch.randn(1, 1, side, side, generator=g) for side in layer_sides(CELLS, TINY.blocks)]
    return random_networks(TINY), local, coordinates, noises, torch.randn(1, TINY.style, generator=g)


def painted(scene, y: int, x: int, cells: int, *, noise_slip: int = 0, coordinate_slip: int = 0) -> Tensor:
    """Cells [y, y + cells) of the scene; a slip moves where the noise or the coordinates are read."""
    networks, local, coordinates, noises, z = scene
    side, sy = cells + 2 * TINY.halo, y + coordinate_slip
    cut = [
        noise[..., unit(layer) * y + noise_slip :, unit(layer) * x :][..., :s, :s]
        for layer, (noise, s) in enumerate(zip(noises, layer_sides(cells, TINY.blocks), strict=True))
    ]
    place = coordinates[..., sy : sy + side, x : x + side]
    features = networks.structure(local[..., y : y + side, x : x + side], place, z)
    return networks.texture(features, networks.texture.mapping(z), cut)


def disagreement(scene, **slips: int) -> float:
    """Largest difference of composed patches from the direct picture, in parts of σ.

    Patches end one step before the last cells, so that what slips by one still lies inside.
    """
    whole = painted(scene, 0, 0, CELLS)
    worst = 0.0
    for y in range(0, CELLS - TILE, STEP):
        for x in range(0, CELLS - TILE, STEP):
            patch = painted(scene, y, x, TILE, **slips)
            side = out_side(TILE, TINY.blocks)
            crop = whole[..., 8 * y : 8 * y + side, 8 * x : 8 * x + side]
            worst = max(worst, float((patch - crop).abs().max() / whole.std()))
    return worst


def test_patches_compose_to_the_direct_picture(scene):
    assert disagreement(scene) <= 1e-5


def test_a_slip_of_the_noise_shows(scene):
    assert disagreement(scene, noise_slip=1) > 1e-2


def test_a_slip_of_the_coordinates_shows(scene):
    assert disagreement(scene, coordinate_slip=1) > 1e-2


def test_zero_padding_shows(scene, monkeypatch):
    plain = F.conv2d

    def padded(x: Tensor, weight: Tensor, *rest, groups: int = 1) -> Tensor:
        """A padded convolution of what lies within the ring: the same side, its border of zeros."""
        if weight.shape[-1] == 3 and groups == 1:
            x = F.pad(x[..., 1:-1, 1:-1], (1, 1, 1, 1))
        return plain(x, weight, *rest, groups=groups)

    monkeypatch.setattr(modulation.F, "conv2d", padded)
    assert disagreement(scene) > 1e-2


def test_a_blur_of_four_taps_shows(scene, monkeypatch):
    def four(x: Tensor) -> Tensor:
        """[1,3,3,1], which needs padding to keep the side."""
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(x, (1, 0, 1, 0)), kernel, groups=x.shape[1])

    monkeypatch.setattr(modulation, "blurred", four)
    assert disagreement(scene) > 1e-2
