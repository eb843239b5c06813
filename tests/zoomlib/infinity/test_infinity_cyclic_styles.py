"""Property tests 8 and 9 of the specification where a box of styles holds more than a turn of a cyclic plane."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.fusion import map as fusion_map
from zoomlib.infinity.fusion.map import Ruler
from zoomlib.infinity.fusion.styles import FusedPainter, Fusion, StylePoint
from zoomlib.infinity.generator import Generator

PLACES = ((-3, 1), (2, 2), (4, 0))
ROWS, COLUMNS = Ruler(-9, 4, 5), Ruler(-6, 1, 11)


def fusion(blur: int, period: int, places: tuple[tuple[int, int], ...] = PLACES) -> Fusion:
    return Fusion(tuple(StylePoint(y, x, torch.zeros(16), torch.zeros(7, 16)) for y, x in places), blur, period)


def owner(y: int, x: int, period: int) -> int:
    """Who is nearest, of all repetitions that may be; of two, the upper one, then the left one."""
    shown = [(b, a + k * period, number) for number, (b, a) in enumerate(PLACES) for k in range(-20, 21)]
    return min(shown, key=lambda p: ((p[0] - y) ** 2 + (p[1] - x) ** 2, p[0], p[1]))[2]


@pytest.mark.parametrize("period", [3, 5, 8])
@pytest.mark.parametrize("blur", [2, 5, 8, 13, 16])
def test_weights_are_means_over_boxes_of_several_turns(blur: int, period: int) -> None:
    numbers, weights = fusion(blur, period).weights(ROWS, COLUMNS)
    first = -(blur // 2)
    nearest = {
        (y, x): owner(y, x, period)
        for y in range(ROWS.first + first, ROWS.last + first + blur)
        for x in range(COLUMNS.first + first, COLUMNS.last + first + blur)
    }
    expected = np.zeros((len(PLACES), ROWS.places, COLUMNS.places))
    for i, row in enumerate(range(ROWS.first, ROWS.last + 1, ROWS.step)):
        for j, column in enumerate(range(COLUMNS.first, COLUMNS.last + 1, COLUMNS.step)):
            for dy in range(first, first + blur):
                for dx in range(first, first + blur):
                    expected[nearest[row + dy, column + dx], i, j] += 1 / blur**2
    for number in range(len(PLACES)):
        found = weights[numbers.index(number)].numpy() if number in numbers else 0.0
        assert np.abs(found - expected[number]).max() <= 1e-6
    everywhere = fusion(blur, period).present((ROWS.first, ROWS.last), (COLUMNS.first, COLUMNS.last))
    assert everywhere == tuple(sorted(set(nearest.values())))


def test_a_box_of_many_turns_costs_what_one_of_a_few_does(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, right = [], fusion_map._interval
    monkeypatch.setattr(fusion_map, "_interval", lambda *given: looked.append(len(given[0])) or right(*given))
    _, weights = fusion(512, 8).weights(ROWS, COLUMNS)
    assert len(looked) < 50
    assert (weights.sum(0) - 1).abs().max() <= 1e-6
    assert torch.equal(weights, weights[:, :, :1].expand_as(weights))  # whole turns: the same in every column
    fusion(512, 8).present((0, 3), (0, 3))
    assert max(looked) < 20


def test_all_styles_of_a_turn_are_present_in_a_box_of_two() -> None:
    """Columns from 13 on, half a turn of which knows the first and the third point only."""
    points = fusion(129, 64, ((0, 0), (0, 8), (0, 16)))
    assert points.present((0, 0), (13, 13)) == (0, 1, 2)
    assert fusion(33, 64, ((0, 0), (0, 8), (0, 16))).present((0, 0), (29, 29)) == (0, 2)


def test_a_narrow_panorama_of_wide_borders_closes() -> None:
    generator = Generator(SMALL, random_networks(), {})
    points = tuple(StylePoint(y, x, *generator.styles(x)) for y, x in ((0, 0), (9, 11)))
    pixels = generator.plane(5, cells=9, period=2, fusion=Fusion(points, 135)).window(-9, -20, 20, 60)
    assert (pixels[..., 16:] - pixels[..., :-16]).abs().max() <= 1e-5 * pixels.std()


def test_painting_leaves_no_trace_in_what_other_processes_get() -> None:
    networks = random_networks()
    generator = Generator(SMALL, networks, {})
    points = tuple(StylePoint(0, x, *generator.styles(x)) for x in (0, 90))
    painter = FusedPainter(networks, Latents(SMALL, 1), Fusion(points, 9))
    before = pickle.dumps(painter)
    for column in (-90, 4):  # one style alone, then both
        painter.paint([(0, column)], 9)
    assert pickle.dumps(painter) == before


def test_the_noise_of_a_panorama_is_the_planes_own_within_its_first_turn() -> None:
    plane, panorama = Latents(SMALL, 4), Latents(SMALL, 4, period=5)
    for layer in range(6):
        around = 5 * 2 ** (layer // 2 + 1)
        once = plane.noise(layer, -5, 0, 6, around)
        assert torch.equal(panorama.noise(layer, -5, 0, 6, around), once)
        assert torch.equal(panorama.noise(layer, -5, -around, 6, 3 * around), once.repeat(1, 1, 3))
