"""Tiles from far away are exact means of those from near by, and memory for them is bounded."""

import numpy as np
import torch

from evaluation.explorer.pyramid import FEWEST, Pyramid, Tile
from tests.evaluation.explorer.formula import STEP, FormulaTiles, pixels


def fill(pyramid, tile, most=None):
    """Paint what a tile needs, or the first `most` of it, and tell what that was."""
    source, painted = FormulaTiles(), []
    while (wanted := pyramid.missing(tile)) is not None and len(painted) != most:
        painted.append(wanted)
        pyramid.put(wanted, source.paint(*wanted[:2], *wanted[3:]))
    return painted


def mean_of(tile):
    """Area means of a tile's pixels, (3, STEP, STEP), by NumPy from the plane itself."""
    factor = 2**tile.level
    side = STEP * factor
    plane = pixels(tile.seed, tile.row * side, tile.column * side, side, side) / 127.5 - 1.0
    return plane.reshape(STEP, factor, STEP, factor, 3).mean((1, 3)).transpose(2, 0, 1)


def test_a_far_tile_is_the_mean_of_all_its_pixels_each_painted_once():
    tile, pyramid = Tile(0, 5, 3, -2, 7), Pyramid(2**30)
    painted = fill(pyramid, tile)
    assert len(painted) == len(set(painted)) == tile.area == 64
    assert {(one.row // 8, one.column // 8, one.level) for one in painted} == {(-2, 7, 0)}
    assert np.abs(pyramid.get(tile).numpy() - mean_of(tile)).max() < 1e-6
    for child in tile.children():
        assert np.abs(pyramid.get(child).numpy() - mean_of(child)).max() < 1e-6


def test_what_is_there_of_a_tile_is_shown_and_counted():
    tile, pyramid = Tile(0, 5, 2, 0, -1), Pyramid(2**30)
    painted = fill(pyramid, tile, most=5)
    view = pyramid.seen(tile, STEP)
    assert view.painted == len(painted) == 5
    assert int(view.there.sum()) == 5 * (STEP // 4) ** 2
    expected = torch.from_numpy(mean_of(tile)).float() * view.there
    assert (view.pixels - expected).abs().max() < 1e-6


def test_memory_is_bounded_and_far_tiles_come_all_the_same():
    bytes_of_one = 12 * STEP**2
    tile, pyramid = Tile(0, 1, 3, 0, 0), Pyramid(40 * bytes_of_one)
    assert len(fill(pyramid, tile)) == 64
    assert FEWEST <= len(pyramid) == 40
    assert pyramid.bytes == 40 * bytes_of_one
    assert np.abs(pyramid.get(tile).numpy() - mean_of(tile)).max() < 1e-6
    assert len(fill(Pyramid(0), tile)) == 64  # the fewest that are kept are enough
