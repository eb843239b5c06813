"""Property test 11 of the specification: coordinates of cells; and where features lie on the plane."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.coordinates import coordinates
from zoomlib.infinity.field.places import feature_px, features_of_cells
from zoomlib.infinity.sizes import layer_sides, margins, out_side, unit

PAPER = GeneratorConfig()
MAP = replace(PAPER, axes="periodic")
FAR = 10**12


def test_the_vertical_rises_by_three_tenths_a_row_and_saturates_beyond_ten() -> None:
    rows = coordinates(PAPER, -40, 5, 81, 1)[0, :, 0].double()
    assert rows[40] == 0
    assert rows[41].item() == pytest.approx(math.tanh(0.3), abs=1e-7)
    assert rows[41].item() == pytest.approx(0.3, abs=0.009)
    assert torch.equal(rows, -rows.flip(0))
    assert (rows.diff() >= 0).all()
    assert (rows[50:] >= 0.995).all()
    assert coordinates(PAPER, FAR, 0, 1, 1)[0].item() == 1
    assert coordinates(PAPER, -FAR, 0, 1, 1)[0].item() == -1


@pytest.mark.parametrize("config", [PAPER, MAP])
def test_cosine_and_sine_lie_on_the_circle(config: GeneratorConfig) -> None:
    for y, x in ((-3, -5), (FAR, -FAR)):
        c = coordinates(config, y, x, 4, 300).double()
        pairs = [c[1:3]] if config is PAPER else [c[:2], c[2:]]
        for pair in pairs:
            assert (pair.square().sum(0) - 1).abs().max() <= 1e-6
        assert pairs[-1][1, 0].diff().ne(0).all()  # left and right differ: cosine and sine, not one of them twice


@pytest.mark.parametrize("period", [None, 1, 24, 1000])
def test_periods_are_exact_wherever_they_are(period: int | None) -> None:
    around = period or PAPER.period
    for x in (-FAR, -1, 0, FAR):
        one = coordinates(PAPER, 0, x, 2, 50, period=period)
        assert torch.equal(one, coordinates(PAPER, 0, x + around, 2, 50, period=period))
        angle = 2 * math.pi * (x % around) / around
        assert one[1:, 0, 0].tolist() == pytest.approx([math.cos(angle), math.sin(angle)], abs=1e-7)
    down = coordinates(MAP, FAR, 3, 5, 2, period=period)
    assert torch.equal(down, coordinates(MAP, FAR + MAP.period, 3, 5, 2, period=period))


@settings(max_examples=20, deadline=None)
@given(st.integers(-FAR, FAR), st.integers(-FAR, FAR), st.integers(0, 5), st.integers(0, 7), st.booleans())
def test_a_cell_has_the_same_coordinates_in_every_window(y: int, x: int, top: int, left: int, flat: bool) -> None:
    config = MAP if flat else PAPER
    whole = coordinates(config, y, x, 9, 12)
    assert torch.equal(whole[:, top : top + 3, left : left + 4], coordinates(config, y + top, x + left, 3, 4))


def test_a_shift_moves_cosine_and_sine_together() -> None:
    moved = coordinates(PAPER, 2, 7, 3, 5, shift=(0.25, -0.5)).double()
    assert (moved[1:].square().sum(0) - 1).abs().max() <= 1e-6
    assert moved[0, 0, 0].item() == pytest.approx(math.tanh(0.3 * 2.25), abs=1e-7)
    assert moved[2, 0, 0].item() == pytest.approx(math.sin(2 * math.pi * 6.5 / 139), abs=1e-7)
    assert torch.allclose(coordinates(PAPER, 2, 7, 3, 4, shift=(1.0, 1.0)), coordinates(PAPER, 3, 8, 3, 4), atol=1e-6)


def test_a_stretch_takes_so_many_rows_for_one() -> None:
    assert torch.equal(coordinates(PAPER, -8, 3, 17, 2, stretch=4.0)[:, ::4], coordinates(PAPER, -2, 3, 5, 2))
    wide = coordinates(MAP, 0, 3, 600, 1, stretch=2.0)
    assert torch.allclose(wide[:, ::2], coordinates(MAP, 0, 3, 300, 1), atol=1e-6)


@pytest.mark.parametrize("stretch", [2.0, 1.5])
def test_a_stretched_period_is_exact_wherever_it_is(stretch: float) -> None:
    around = int(2 * 139 * stretch)
    far = 2**60 // around * around + 1  # float64 does not hold it
    assert torch.equal(coordinates(MAP, far, 3, 5, 2, stretch=stretch), coordinates(MAP, 1, 3, 5, 2, stretch=stretch))


@pytest.mark.parametrize(
    "wrong", [{"h": 0}, {"w": -1}, {"period": 0}, {"stretch": 0.0}, {"stretch": math.nan}, {"stretch": math.inf}]
)
def test_what_has_no_coordinates_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        coordinates(PAPER, 0, 0, **{"h": 2, "w": 2, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(("blocks", "cells"), [(1, 6), (3, 9), (4, 11), (4, 21)])
def test_features_lie_about_the_centre_of_their_patch(blocks: int, cells: int) -> None:
    # The centre law (section 1.5): with no padding, every layer's middle is the middle of the cells.
    for layer, side in enumerate(layer_sides(cells, blocks)):
        step, first = feature_px(layer, blocks)
        assert step * unit(layer) == 2**blocks
        assert 2 * first + step * (side - 1) == 2**blocks * (cells - 1)
    lo = margins(blocks)[0]
    assert feature_px(2 * blocks - 1, blocks) == (1, lo)
    assert layer_sides(cells, blocks)[-1] == out_side(cells, blocks)


def test_the_features_of_cells_share_them_out() -> None:
    for layer in range(8):
        edges = [features_of_cells(layer, cell, cell + 1, 4) for cell in range(-3, 4)]
        step, first = feature_px(layer, 4)
        for (begin, stop), (after, _), cell in zip(edges, edges[1:], range(-3, 4), strict=False):
            assert stop - begin == unit(layer)
            assert stop == after
            assert all(abs(step * q + first - 16 * cell) <= 8 for q in range(begin, stop))
