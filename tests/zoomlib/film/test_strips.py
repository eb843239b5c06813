"""Versions of a zoom below each other."""

import numpy as np
import pytest
import torch

from zoomlib.errors import InvalidInputError
from zoomlib.film.strips import Strip, strips

TILE = 64


def levels(*values: float, height: int = 8) -> torch.Tensor:
    """One flat grey level of width 16 for each value."""
    return torch.tensor(values)[:, None, None, None].expand(-1, 3, height, 16).contiguous()


def colours(picture) -> dict[tuple[int, int, int], int]:
    found, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(map(int, colour)): int(count) for colour, count in zip(found, counts, strict=True)}


def test_every_level_of_every_row_is_there_in_its_shape():
    rows = [Strip(levels(-1.0, 1.0), "one"), Strip(levels(-1.0, 1.0, -1.0), "two")]
    shown = colours(strips(rows, tile_px=TILE))
    # the pixels of a tile, with a few of letters' own white
    assert shown[0, 0, 0] == pytest.approx(3 * TILE * TILE / 2, rel=0.01)
    assert shown[255, 255, 255] == pytest.approx(2 * TILE * TILE / 2, rel=0.05)


def test_the_same_level_stands_in_one_column():
    rows = [Strip(levels(-1.0, 1.0), "one"), Strip(levels(-1.0, 1.0), "two", captions=("a long caption " * 5, "b"))]
    dark = (np.asarray(strips(rows, tile_px=TILE)) == 0).all(-1).sum(0)
    columns = np.flatnonzero(dark >= TILE)  # two tiles of half their width in height
    assert len(columns) == TILE


def test_captions_of_marked_levels_alone_have_the_accent():
    """The accent has much more red than blue; ink and levels are grey."""
    plain, marked = (
        np.asarray(strips([Strip(levels(0.0, 0.0), "", "", ("leaf", "vein"), which)], tile_px=TILE)).astype(int)
        for which in ((), (1,))
    )
    assert not (plain[..., 0] - plain[..., 2] > 60).any()
    columns = np.flatnonzero((marked[..., 0] - marked[..., 2] > 60).any(0))
    assert columns.min() > TILE
    assert plain.shape == marked.shape


@pytest.mark.parametrize("text", ["", "x" * 5000, "葉 🍂 \u202e\x1b[2J", "word " * 400])
def test_any_text_is_drawn_within_the_picture(text):
    picture = strips([Strip(levels(0.0), text, text, (text,))], text, tile_px=TILE)
    assert picture.mode == "RGB"
    assert picture.width < 2 * TILE
    assert picture.height < 10 * TILE


@pytest.mark.parametrize(("rows", "tile"), [([], TILE), ([Strip(levels(0.0), "")], 8)])
def test_what_cannot_be_drawn_is_refused(rows, tile):
    with pytest.raises(InvalidInputError, match="Expected one row"):
        strips(rows, tile_px=tile)
