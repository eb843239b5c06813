"""Seams and colour steps across the border of a window."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from evaluation.border import colour_scores, colour_step, seam
from evaluation.colour import lab
from tests.evaluation.pictures import noise, smooth
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Window
from zoomlib.stack import ZoomStack

WINDOW = Window(16, 16, 32, 32)


def test_no_seam_in_noise_and_in_smooth_pictures():
    for picture in (noise(60, 3, 64, 64), smooth(60, 3, 64, 64)):
        ratios = [seam(image, WINDOW) for image in picture]
        assert np.mean([r["seam"] for r in ratios]) == pytest.approx(1, abs=0.05)
        for side in ("top", "bottom", "left", "right"):
            assert np.mean([r[f"seam_{side}"] for r in ratios]) == pytest.approx(1, abs=0.1)


def test_a_flat_picture_has_exactly_no_seam():
    assert set(seam(torch.full((3, 64, 64), 0.3), WINDOW).values()) == {1.0}


def test_a_pasted_square_shows_by_its_step():
    """0.5 across the border and nothing beside it, over half a grey level: (0.5 + g) / g with g = 1 / 255."""
    image = torch.zeros(3, 64, 64)
    image[:, 16:48, 16:48] = 0.5
    found = seam(image, WINDOW)
    assert all(value == pytest.approx(0.5 * 255 + 1) for value in found.values())


def test_a_seam_on_one_side_is_found_there():
    image = smooth(3, 64, 64, power=2)
    image[:, :, 48:] += 0.4  # right of the window only
    found = seam(image, WINDOW)
    sides = {side: found[f"seam_{side}"] for side in ("top", "bottom", "left")}
    assert found["seam_right"] == found["seam_worst"] > 4
    assert max(sides.values()) < 2
    assert 1.5 < found["seam"] < found["seam_worst"]


def test_a_soft_border_shows_less_than_a_hard_one():
    wide, fine = smooth(3, 64, 64, seed=1, power=2), smooth(3, 32, 32, seed=2, power=2)
    hard = wide.clone()
    hard[:, 16:48, 16:48] = fine
    ramp = ((torch.arange(32) + 0.5).minimum(31.5 - torch.arange(32)) / 8).clamp(max=1)
    soft = wide.clone()
    soft[:, 16:48, 16:48] += (fine - wide[:, 16:48, 16:48]) * torch.minimum(ramp, ramp[:, None])
    assert seam(soft, WINDOW)["seam"] < 2 < seam(hard, WINDOW)["seam"]


def test_sides_on_the_edge_of_the_image_have_no_seam():
    found = seam(noise(3, 64, 64), Window(0, 0, 32, 32))
    assert math.isnan(found["seam_top"])
    assert math.isnan(found["seam_left"])
    assert 0.5 < found["seam_right"] < 2
    assert found["seam_worst"] == max(found["seam_right"], found["seam_bottom"])
    with pytest.raises(InvalidInputError, match="border"):
        seam(noise(3, 64, 64), Window(0, 0, 64, 64))


def test_a_window_between_pixels_is_measured_at_the_nearest():
    image = noise(3, 64, 64)
    near = seam(image, Box(16.3, 15.8, 31.6, 32.4))
    assert near == seam(image, WINDOW)


def framed(inside: torch.Tensor, outside: torch.Tensor) -> torch.Tensor:
    """A picture (3, 64, 64) of one colour (3,) with another in the window."""
    image = outside.view(3, 1, 1).repeat(1, 64, 64)
    image[:, *WINDOW.slices] = inside.view(3, 1, 1)
    return image


def test_a_colour_step_is_the_difference_of_the_two_colours():
    a, b = torch.tensor([0.2, -0.4, 0.1]), torch.tensor([0.5, 0.0, -0.3])
    expected = lab(b.view(3, 1, 1)) - lab(a.view(3, 1, 1))
    assert torch.allclose(colour_step(framed(a, b), WINDOW), expected.flatten(), atol=1e-9)
    assert colour_step(framed(a, a), WINDOW).norm() < 1e-9


def test_colour_far_from_the_border_does_not_count():
    image = framed(torch.zeros(3), torch.zeros(3))
    image[:, :11], image[:, 22:42, 22:42] = 1, -1
    assert colour_step(image, WINDOW).norm() < 1e-9


def test_a_window_at_the_edge_has_steps_at_its_borders_only():
    corner = Window(0, 0, 32, 32)
    image = torch.zeros(3, 64, 64)
    image[:, :28, :28] = 0.7  # inside, and far from the two borders
    assert colour_step(image, corner).norm() < 1e-9
    image[:, :32, 31] = 0.7
    assert colour_step(image, corner)[0] < 0
    with pytest.raises(InvalidInputError, match="border"):
        colour_step(image, Window(0, 0, 64, 64))


def test_a_shift_that_every_level_repeats_adds_up_and_one_that_alternates_does_not():
    """Levels of one colour each, the window in the colour of the next: lightness falls outward by the same step."""
    greys = torch.tensor([-0.3, -0.1, 0.1, 0.3]).view(4, 1).expand(4, 3)

    def stack(colours: torch.Tensor) -> ZoomStack:
        levels = [framed(inner, outer) for outer, inner in pairwise(colours)]
        return ZoomStack(torch.stack([*levels, framed(colours[-1], colours[-1])]), 2)

    drifting = colour_scores(stack(greys))
    whole = (lab(greys[0].view(3, 1, 1)) - lab(greys[3].view(3, 1, 1))).norm().item()
    assert drifting["colour_drift"][0] == pytest.approx(whole)
    assert drifting["colour_drift"][0] == pytest.approx(sum(drifting["colour_step"].values()), abs=1e-2)
    alternating = colour_scores(stack(greys[[0, 3, 0, 0]]))
    assert alternating["colour_step"][0] > 10
    assert alternating["colour_drift"][0] == pytest.approx(0, abs=1e-9)
