"""The grid of tiles: every window is covered once, by tiles that lie where they always do; refusals of windows."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.doubles.planes import SMALL
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.painting.plane import usual_cells
from zoomlib.infinity.painting.tiles import (
    COORDINATES,
    Grid,
    Window,
    checked_window,
    group_count,
    groups,
    met,
    smallest_cells,
    tile_counts,
)
from zoomlib.infinity.sizes import margins

places = st.integers(-(10**6), 10**6) | st.sampled_from([10**12, -(10**12) - 3, 2**40 + 1])
sizes = st.integers(1, 700)


@given(st.integers(1, 6), st.integers(0, 40), st.integers(-(10**12), 10**12))
def test_what_is_painted_for_a_tile_holds_it_wherever_it_lies(blocks, more, tile):
    grid = Grid(blocks, smallest_cells(blocks) + more)
    begins = 2**blocks * grid.first_cell(tile) + margins(blocks)[0]
    assert begins + grid.offset == tile * grid.step
    assert grid.offset >= 0
    assert grid.offset + grid.step <= grid.side


def test_the_steps_of_the_specification():
    assert [(Grid(4, n).step, Grid(4, n).side) for n in (11, 15, 21, 27, 35)] == [
        (96, 101),
        (160, 165),
        (256, 261),
        (352, 357),
        (480, 485),
    ]
    assert [Grid(blocks, usual_cells(blocks)).step for blocks in (2, 3, 4)] == [256] * 3


def test_a_tile_of_too_few_cells_is_refused():
    assert [smallest_cells(blocks) for blocks in range(1, 6)] == [4, 6, 6, 6, 6]
    with pytest.raises(InvalidInputError, match="5 cells a side is too small: it takes 6"):
        Grid(4, 5)


@settings(max_examples=40)
@given(places, places, sizes, sizes, st.integers(1, 5))
def test_a_window_is_covered_once_by_the_fewest_tiles(y0, x0, height, width, batch):
    window, grid = Window(y0, x0, height, width), Grid(3, 11)
    work = list(groups(window, grid, batch))
    parts = [met(window, g.row, column, grid.step) for g in work for column in range(g.begin, g.end)]
    assert sum(part.pixels for part in parts) == window.pixels
    assert group_count(window, grid, batch) == len(work)
    assert (
        len({(part.y0, part.x0) for part in parts})
        == len(parts)
        == tile_counts(window, grid)[0] * tile_counts(window, grid)[1]
    )
    for part in parts:
        assert y0 <= part.y0 < part.y0 + part.height <= y0 + height
        assert x0 <= part.x0 < part.x0 + part.width <= x0 + width
        assert part.y0 // grid.step == (part.y0 + part.height - 1) // grid.step  # not across a border of the grid
        assert part.x0 // grid.step == (part.x0 + part.width - 1) // grid.step
    assert [(part.y0, part.x0) for part in parts] == sorted((part.y0, part.x0) for part in parts)
    assert all(g.first % batch == 0 and g.count == batch for g in work)  # the same company, whoever asks


def test_groups_of_an_endless_window_are_not_counted_beforehand():
    first = next(groups(Window(-(10**15), 5, 10**16, 10**16), Grid(4, 21)))
    assert (first.row, first.begin) == (-(10**15) // 256, 0)


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (-1, 5), (5, -(2**70))])
def test_a_window_without_a_pixel_is_refused(height, width):
    with pytest.raises(InvalidInputError, match="at least 1 pixel a side"):
        checked_window(0, 0, height, width, SMALL, 50)


@pytest.mark.parametrize("value", [1.5, True, "3", None])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(InvalidInputError, match="a whole number is expected"):
        checked_window(0, value, 5, 5, SMALL, 50)


@settings(max_examples=40)
@given(st.integers(-(2**66), 2**66), sizes, st.booleans(), st.integers(1, 60))
@example(2**63 - 401, 1, True, 50)
@example(2**63 - 402, 1, True, 50)
@example(-(2**63) + 399, 1, False, 50)
@example(-(2**63) + 400, 1, False, 50)
def test_coordinates_beyond_64_bits_are_refused_and_no_others(first, size, rows, reach):
    place = (first, 0, size, 1) if rows else (0, first, 1, size)
    fits = first - 8 * reach >= -COORDINATES and first + size + 8 * reach < COORDINATES
    if fits:
        assert checked_window(*place, SMALL, reach) == Window(*place)
    else:
        with pytest.raises(InvalidInputError, match="beyond coordinates of signed 64 bits"):
            checked_window(*place, SMALL, reach)
