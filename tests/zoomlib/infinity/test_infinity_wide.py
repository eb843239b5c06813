"""Properties 2, 3, 6, 8, 9 and 15 where layers are wide enough to go in strips, and (slow) at the paper's widths.

σ is the standard deviation of the reference; tolerances are those of the specification.
"""

from functools import cache

import pytest
import torch
from torch import Tensor

from tests.doubles.planes import random_networks
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.generator import Generator
from zoomlib.infinity.painting.painter import PlainPainter, inputs
from zoomlib.infinity.sizes import cell_reach, out_side

WIDE = GeneratorConfig(
    blocks=2, style=16, local=256, structure_layers=1, radius=1, texture=(256, 256), mapping_layers=1, cells=7
)
PAPER = GeneratorConfig()
OFFSETS = ((0, 0), (1, 3), (6, 6), (-4, 7))
PLACE = (-13, -21, 30, 40)
"""Four tiles of 13 cells."""


@cache
def generator() -> Generator:
    return Generator(WIDE, random_networks(WIDE), {})


def errors(painter: PlainPainter, whole: Tensor, n: int, first: int) -> list[Tensor]:
    """Differences of patches from crops of a picture whose cells begin at `first`, in parts of its σ."""
    scale, side = 2**painter.blocks, out_side(n, painter.blocks)
    found = []
    for y, x in OFFSETS:
        top, left = scale * (y - first), scale * (x - first)
        crop = whole[:, top : top + side, left : left + side]
        found.append(((painter.paint([(y, x)], n)[0] - crop) / whole.std()).abs())
    return found


def test_a_patch_in_strips_is_the_crop_of_a_larger_picture():
    painter = PlainPainter(generator().networks, Latents(WIDE, 4))
    whole = painter.paint([(-4, -4)], 19)[0]
    assert max(float(error.max()) for error in errors(painter, whole, 8, -4)) <= 1e-5


@pytest.mark.parametrize("fused", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_windows_batches_and_threads_in_strips(fused):
    """Bitwise on one grid, and with any number of threads; 1e-5·σ in other company."""
    fusion = fusion_of(generator()) if fused else None
    plane, stacked = (generator().plane(5, fusion=fusion, cells=13, batch=batch) for batch in (1, 2))
    pixels = plane.window(*PLACE)
    assert (pixels - stacked.window(*PLACE)).abs().max() <= 1e-5 * pixels.std()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(plane.window(-2, -20, 17, 15), pixels[:, 11:28, 1:16])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    with torch.autocast("cpu", torch.bfloat16):  # of a caller who has a model of their own at work
        assert torch.equal(plane.window(-2, -20, 17, 15), pixels[:, 11:28, 1:16])


def test_an_override_changes_nothing_beyond_its_reach_in_strips():
    edit = Overrides((Patch(1, -1, torch.ones(WIDE.local, 1, 2)),))
    before, after = (generator().plane(5, overrides=some, cells=13).window(*PLACE) for some in (None, edit))
    changed = (before != after).any(0)
    (top, bottom), (left, right) = cell_reach(1, 1, WIDE), cell_reach(-1, 0, WIDE)
    inside = slice(top + 13, bottom + 13), slice(left + 21, right + 21)
    assert bool(changed[inside].any())
    changed[inside] = False
    assert not bool(changed.any())


def fusion_of(made: Generator):
    from zoomlib.infinity.fusion.styles import Fusion, StylePoint

    points = ((0, 0, 1), (9, 25, 2), (-20, 40, 3))
    return Fusion(tuple(StylePoint(y, x, *made.styles(seed)) for y, x, seed in points), 15)


@pytest.mark.slow  # a minute of one core
def test_the_paper_s_widths_in_float32_and_bfloat16():
    """Property 2: 1e-5·σ; in bfloat16 0.15·σ at most and 0.02·σ in the mean, against float32."""
    networks, latents = random_networks(PAPER), Latents(PAPER, 4)
    exact = PlainPainter(networks, latents)
    whole = exact.paint([(-4, -4)], PAPER.cells + 11)[0]
    assert max(float(error.max()) for error in errors(exact, whole, PAPER.cells, -4)) <= 1e-5
    coarse = PlainPainter(networks, latents, dtype=torch.bfloat16)
    for error in errors(coarse, whole, PAPER.cells, -4):
        assert error.max() <= 0.15
        assert error.mean() <= 0.02
    # By the networks themselves: the bar of 1e-5 is kept by the strips, too.
    local, place, noises = inputs(PAPER, latents, [(0, 0)], PAPER.cells)
    features = networks.structure(local, place, exact.style[None])
    plain = networks.texture(features, exact.w_plus[None], noises)
    assert (exact.paint([(0, 0)], PAPER.cells) - plain).abs().max() <= 1e-5 * plain.std()
