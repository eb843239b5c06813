"""One painter for all: the newest view first, its tiles in their order, and nothing that nobody waits for."""

import time

import pytest

from evaluation.explorer.pyramid import Tile
from evaluation.explorer.studio import Studio
from tests.evaluation.explorer.formula import FormulaTiles


def tile(column, level=0):
    return Tile(0, 0, level, 0, column)


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def source():
    return FormulaTiles()


@pytest.fixture
def studio(source):
    with Studio(source) as studio:
        yield studio
        source.open.set()


def test_the_newest_view_comes_first_and_who_has_gone_is_not_painted_for(source, studio):
    source.open.clear()
    with studio.wished(tile(0), 1), studio.wished(tile(1), 2, turn=1), studio.wished(tile(2), 2, turn=0):
        until(source.begun.is_set)
        with studio.wished(tile(3), 9):
            pass
        with studio.wished(tile(4), 3):
            source.open.set()
            until(lambda: studio.painted == 4)
        first, *others = [column for _, _, column in source.asked]
    assert first in (0, 1, 2)  # whichever wish was there when the painter looked
    assert others == [column for column in (4, 2, 1, 0) if column != first]
    assert studio.waiting == 0


def test_a_far_tile_is_left_in_the_middle_and_gone_on_with_later(source, studio):
    source.open.clear()
    with studio.wished(tile(0, level=2)):
        until(source.begun.is_set)
    source.open.set()
    until(lambda: studio.painted == 1)
    time.sleep(0.02)
    assert len(source.asked) == 1
    with studio.wished(tile(0, level=2)):
        until(lambda: studio.whole(tile(0, level=2)) is not None)
    assert len(source.asked) == 16  # the first one was kept


def test_what_cannot_be_painted_is_told_and_stops_nobody_else(source, studio):
    source.broken = {(0, 1)}
    with studio.wished(tile(1), 5) as broken, studio.wished(tile(2), 1) as other:
        until(lambda: broken.error is not None and studio.whole(tile(2)) is not None)
    assert "hole" in str(broken.error)
    assert other.error is None
