"""Masks, against the plain rule: a pixel is kept if all of it lies in the next level's window."""

from fractions import Fraction

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Window, boxes, margin_factor, snapped_focus, windows
from zoomlib.outpainting.canvas import agree, band, border, kept_windows, sides

sizes = st.integers(4, 90)


@st.composite
def kept_parts(draw):
    """A kept window somewhere in a picture, on its edges too."""
    H, W = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    top, left = draw(st.integers(0, H - 1)), draw(st.integers(0, W - 1))
    return Window(top, left, draw(st.integers(1, H - top)), draw(st.integers(1, W - left))), H, W


@given(
    sizes, sizes, st.integers(1, 200), st.fractions(0, 1, max_denominator=97), st.fractions(0, 1, max_denominator=89)
)
def test_masks_are_exact_for_every_size_margin_and_focus(H, W, margin, x, y):
    """In whole numbers: no tolerance, no rounding. Twice the margin may be odd, the window may touch the edge."""
    p = Fraction(W + margin, W)  # a margin of half as many pixels
    inside = boxes(2, H, W, margin_factor(margin / 2, W), [(float(x), float(y)), None])
    h, w = H / p, W / p
    top, left = min(max(y * H - h / 2, 0), H - h), min(max(x * W - w / 2, 0), W - w)
    kept = torch.tensor(
        [[top <= i and i + 1 <= top + h and left <= j and j + 1 <= left + w for j in range(W)] for i in range(H)]
    )
    # Edges nearer to a pixel's than a millionth, but not on it, are the rounding of p and the focus.
    for edge in (top, top + h, left, left + w):
        assume(edge == round(edge) or abs(edge - round(edge)) > Fraction(2, 10**6))
    if not kept.any():
        with pytest.raises(InvalidInputError, match="smaller margin"):
            kept_windows(inside, H, W, 1)
        return
    (window,) = kept_windows(inside, H, W, 1)
    assert torch.equal(~border(window, H, W), kept)


@given(st.integers(2, 5), st.integers(1, 20), st.integers(1, 20), st.floats(0, 1), st.floats(0, 1))
def test_on_the_grid_the_kept_pixels_are_the_window(p, h, w, x, y):
    H, W, focus = p * h, p * w, [(x, y), None]
    inside = boxes(2, H, W, p, snapped_focus(2, H, W, p, focus))
    assert kept_windows(inside, H, W, 1) == windows(2, H, W, p, focus)


def test_the_last_line_before_right_and_bottom_is_made():
    """512 and a margin of 128: 341.3 pixels from 85.3 on. The program that this mends keeps a line too much there."""
    (kept,) = kept_windows(boxes(2, 512, 512, margin_factor(128, 512)), 512, 512, 1)
    assert kept == Window(86, 86, 340, 340)
    assert int(border(kept, 512, 512).sum()) == 512**2 - 340**2


@given(kept_parts())
def test_sides_make_every_pixel_of_the_border_once(part):
    kept, H, W = part
    masks = sides(kept, H, W)
    total = sum((mask.int() for mask in masks.values()), torch.zeros(H, W, dtype=torch.int))
    assert torch.equal(total, border(kept, H, W).int())
    assert all(mask.any() for mask in masks.values())


@given(kept_parts())
def test_every_side_lies_along_what_is_there_already(part):
    """Left, top, right, bottom; together with what is there each makes a rectangle, but for corners still to come."""
    kept, H, W = part
    there = ~border(kept, H, W)
    masks = sides(kept, H, W)
    assert list(masks) == [name for name in ("left", "top", "right", "bottom") if name in masks]
    for mask in masks.values():
        grown = torch.nn.functional.max_pool2d(there[None, None].float(), 3, 1, 1)[0, 0] > 0
        assert (mask & grown).any()
        there |= mask
    assert there.all()


@given(kept_parts(), st.floats(0.01, 40))
def test_a_band_hugs_the_window_and_leaves_half_of_what_is_around(part, width_px):
    kept, H, W = part
    mask = band(kept, H, W, width_px)
    assert not mask[kept.slices].any()
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    for found, start, length, size in ((rows, kept.top, kept.height, H), (columns, kept.left, kept.width, W)):
        if not mask.any():
            continue
        before, after = start - int(found.min()), int(found.max()) + 1 - start - length
        for reach, room in ((before, start), (after, size - start - length)):
            assert max(reach, 0) == min(max(round(width_px), 1), (room + 1) // 2)


def test_pictures_agree_by_the_window_s_rim_alone():
    a = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    kept = Window(8, 8, 16, 16)
    assert agree(a, a + 1.9 / 255, kept)
    assert not agree(a, a + 2.2 / 255, kept)
    within, without, rim = a.clone(), a.clone(), a.clone()
    within[:, 9:23, 9:23] = 0.9
    without[:, :8] = 0.9
    rim[1, 23, 15] = 0.9
    assert agree(a, within, kept)
    assert agree(a, without, kept)
    assert not agree(a, rim, kept)
    on_edge = Window(8, 0, 16, 16)
    edge = a.clone()
    edge[:, 10:22, :3] = 0.9  # the left side is no border there
    assert agree(a, edge, on_edge)


@pytest.mark.parametrize(("p", "factor"), [(70, 1), (9, 8), (1e6, 1)])
def test_a_window_without_a_whole_cell_is_refused(p, factor):
    with pytest.raises(InvalidInputError, match="Nothing is kept of level 1"):
        kept_windows(boxes(2, 64, 64, p), 64, 64, factor)


@pytest.mark.parametrize("margin", [0, -3, float("nan"), float("inf"), "8", None, True])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(InvalidInputError, match=r"above 0, .* Half of a picture.s width doubles"):
        margin_factor(margin, 64)


@given(st.integers(2, 12), st.integers(2, 12), st.floats(1.01, 12), st.floats(0, 1), st.floats(0, 1))
def test_a_whole_cell_of_a_latent_model_is_kept_or_the_window_refused(rows, columns, p, x, y):
    cell, H, W = 4, rows * 4, columns * 4
    inside = boxes(2, H, W, p, [(x, y), None])
    try:
        (window,) = kept_windows(inside, H, W, 1)
    except InvalidInputError:
        return
    kept = ~border(window, H, W)
    if kept.view(rows, cell, columns, cell).all(3).all(1).any():
        assert kept_windows(inside, H, W, cell) == (window,)
    else:
        with pytest.raises(InvalidInputError, match="cell of 4 x 4"):
            kept_windows(inside, H, W, cell)
