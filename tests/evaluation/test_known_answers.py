"""Faults that are put into a perfect zoom: which score tells of which, and which do not."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, pad

from evaluation.film_scores import follow, score_film
from evaluation.motion import planned
from evaluation.scoring import score_stack
from tests.evaluation.pictures import smooth
from tests.zoomlib.film.worlds import Fractal, Scene
from zoomlib.area import mean
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames
from zoomlib.geometry import Box
from zoomlib.stack import ZoomStack

LEVELS, SIDE, FAULTY = 4, 128, 2
QUARTER = SIDE // 4  # the window of a level lies between SIDE / 4 and 3 SIDE / 4
WHOLE = SIDE * 2 ** (LEVELS - 1)


def consistent(seed: int = 3) -> torch.Tensor:
    """Levels (4, 3, 128, 128) of one picture of 1024 px, all of them its exact means over areas."""
    picture = 0.6 * smooth(3, WHOLE, WHOLE, seed=seed)
    sides = [WHOLE // 2**level for level in range(LEVELS)]
    boxes = [Box((WHOLE - side) / 2, (WHOLE - side) / 2, side, side) for side in sides]
    return torch.stack([mean(picture, box, SIDE, SIDE) for box in boxes]).float()


def scored(levels: torch.Tensor, estimates: torch.Tensor) -> dict[tuple[str, int], float]:
    found = score_stack(ZoomStack(levels, 2.0), ["a"] * LEVELS, estimates=estimates)
    return {(score.score, score.level): score.value for score in found}


@pytest.fixture(scope="module")
def perfect() -> torch.Tensor:
    return consistent()


@pytest.fixture(scope="module")
def sound(perfect) -> dict[tuple[str, int], float]:
    return scored(perfect, perfect)


def test_a_consistent_stack_agrees_and_has_no_seam(sound):
    assert all(value > 60 for (name, _), value in sound.items() if name in ("window_psnr", "estimate_psnr"))
    assert all(value > 0.9999 for (name, _), value in sound.items() if name == "window_ssim")
    assert all(value < 1e-3 for (name, _), value in sound.items() if name in ("delta_e", "delta_e_sum"))
    stacks = [sound, *(scored(levels, levels) for levels in map(consistent, (4, 5)))]
    seams = [found["seam", level] for found in stacks for level in range(LEVELS - 1)]
    assert np.mean(seams) == pytest.approx(1, abs=0.05)
    assert max(abs(seam - 1) for seam in seams) < 0.15  # of 256 pixels of texture, which chance moves by so much


def shifted(level: torch.Tensor) -> torch.Tensor:
    return torch.roll(level, 1, -1)


def darker(level: torch.Tensor) -> torch.Tensor:
    return (level + 1) * 0.95 - 1


def blurred(level: torch.Tensor) -> torch.Tensor:
    kernel = torch.exp(-0.5 * torch.arange(-4.0, 5.0) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = pad(level[:, None], (4, 4, 4, 4), mode="reflect")
    return conv2d(conv2d(padded, kernel), kernel.mT)[:, 0]


def framed(level: torch.Tensor) -> torch.Tensor:
    """A dark line of a pixel around the window."""
    drawn, inner = level.clone(), slice(QUARTER, SIDE - QUARTER)
    drawn[:, QUARTER - 1 : SIDE - QUARTER + 1, QUARTER - 1 : SIDE - QUARTER + 1] -= 0.3
    drawn[:, inner, inner] = level[:, inner, inner]
    return drawn


def pasted(level: torch.Tensor) -> torch.Tensor:
    """The window a little darker than what is around it."""
    drawn, inner = level.clone(), slice(QUARTER, SIDE - QUARTER)
    drawn[:, inner, inner] -= 0.1
    return drawn


@dataclass(frozen=True)
class Fault:
    """`moves`: by how much at least, at the level at fault or its pairs. `also`: what sees it by the way, at most by so
    much. All others stay within STAYS."""

    make: Callable[[torch.Tensor], torch.Tensor]
    moves: dict[str, float]
    also: dict[str, float] = field(default_factory=dict)


SIDES = ("seam_top", "seam_bottom", "seam_left", "seam_right", "seam_worst")
STAYS = {"window_ssim": 0.005, "spectrum_slope": 0.02, "blur": 0.002, "seam": 0.02, "colour_step": 0.15}
STAYS |= {"colour_drift": 0.15, "window_psnr": 0.0, "delta_e": 0.0, "delta_e_sum": 0.0, "estimate_psnr": 0.0}
STAYS |= dict.fromkeys(SIDES, 0.15)  # a side alone is 64 px long, and texture moves with the picture
ANY = math.inf
FAULTS = {
    "shifted by a pixel": Fault(shifted, {"window_psnr": -50, "window_ssim": -0.1}, {"delta_e": 8, "delta_e_sum": 13}),
    "darker by 5 %": Fault(darker, {"delta_e": 2, "delta_e_sum": 2, "window_psnr": -50}),
    "blurred": Fault(
        blurred,
        {"blur": 0.1, "spectrum_slope": -0.5, "window_psnr": -50, "window_ssim": -0.05},
        {"delta_e": 5, "delta_e_sum": 8},
    ),
    "a drawn frame": Fault(
        framed,
        {"seam": 3, **dict.fromkeys(SIDES, 3)},
        {"colour_step": 2.5, "colour_drift": 2.5, "spectrum_slope": 0.3, "blur": 0.02}
        | {"window_psnr": ANY, "window_ssim": 0.1, "delta_e": 0.5, "delta_e_sum": 0.5},
    ),
    "a window of another brightness": Fault(
        pasted,
        {"seam": 0.5, **dict.fromkeys(SIDES, 0.5), "colour_step": 2, "colour_drift": 2, "window_psnr": -50},
        {"spectrum_slope": 0.2, "blur": 0.02, "window_ssim": 0.05, "delta_e": 6, "delta_e_sum": 8},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_one_level_moves_the_scores_that_are_meant_to_see_it(perfect, sound, name):
    fault, levels = FAULTS[name], perfect.clone()
    levels[FAULTY] = fault.make(levels[FAULTY])
    found = scored(levels, perfect)
    assert found.keys() == sound.keys()
    changes = {key: found[key] - sound[key] for key in sound}
    for score, least in fault.moves.items():
        change = max(
            (changes[score, level] for level in (FAULTY - 1, FAULTY) if (score, level) in changes),
            key=lambda value: math.copysign(1, least) * value,
        )
        assert change / least >= 1, (score, change)
    for (score, level), change in changes.items():
        if score not in fault.moves:
            assert abs(change) <= {**STAYS, **fault.also}[score] + 1e-6, (score, level, change)
        if level < FAULTY - 1 and score != "colour_drift":  # the drift of wider levels starts from the deepest
            assert change == 0, (score, level, change)


def test_estimates_that_disagree_are_seen_though_the_finished_stack_agrees(perfect, sound):
    """As of methods that paste windows, which agree by construction."""
    estimates = perfect.clone()
    estimates[FAULTY] = shifted(estimates[FAULTY])
    found = scored(perfect, estimates)
    moved = {key for key in sound if found[key] != sound[key]}
    assert moved == {("estimate_psnr", FAULTY - 1), ("estimate_psnr", FAULTY)}
    assert found["estimate_psnr", FAULTY] < 50


SIZE, PER_LEVEL = (128, 128), 20


@pytest.fixture(scope="module")
def world() -> ZoomStack:
    stack = Scene(Fractal(), SIZE, (2.0,) * 3).stack()
    return ZoomStack(stack.levels.repeat(1, 3, 1, 1), 2.0)


def film(stack: ZoomStack, **camera):
    """Its frames (T, H, W, 3) as they were drawn, and its plan."""
    track = Camera(len(stack), fps=PER_LEVEL, seconds_per_level=1, **camera)
    return np.stack(list(frames(stack, track, SIZE))), planned(stack, track, SIZE)


def film_scores(shown, plan) -> dict[str, float]:
    return {score.score: score.value for score in score_film(shown, plan)}


@pytest.fixture(scope="module")
def even(world):
    return film(world)


@pytest.mark.parametrize(
    "camera",
    [{}, {"direction": "out"}, {"direction": "in-out", "easing": "in-out"}, {"turn_deg": 30, "pan_to": (0.1, 0)}],
)
def test_a_film_of_one_world_is_even_and_does_not_flicker(world, camera):
    """Whichever way it goes, turns and pans included; half of its flicker is the rounding to 8 bits."""
    found = film_scores(*film(world, **camera))
    assert found["log_speed_sd_measured"] < 0.01
    assert found["flicker"] < 1.2
    assert 0.8 < found["keyframe_pop"] < 1.5


def test_frames_that_stand_do_not_count(world, even):
    shown, plan = film(world, hold_start_s=1, hold_end_s=0.5)
    assert len(shown) == len(even[0]) + 30
    for score, value in film_scores(*even).items():
        assert film_scores(shown, plan)[score] == pytest.approx(value, abs=1e-3)


def repeated(shown):
    return np.concatenate([shown[:30], shown[29:-1]])


def dropped(shown):
    return np.concatenate([shown[:30], shown[31:], shown[-1:]])


def brighter(shown):
    """The second level, as a tool shows it that draws one level at a time."""
    return np.where((np.arange(len(shown)) // PER_LEVEL == 1)[:, None, None, None], shown * 1.1, shown).astype(np.uint8)


def noisy(shown):
    return (shown + np.random.default_rng(0).normal(0, 6, shown.shape)).round().clip(0, 255).astype(np.uint8)


def slower(shown):
    """Half the speed in its first half, the way that is left in the second."""
    index = np.interp(np.arange(len(shown)), [0, 30, 59], [0, 15, 59])
    return shown[index.round().astype(int)]


@pytest.mark.parametrize(
    ("fault", "moves", "stays"),
    [
        (repeated, {"log_speed_sd_measured": 0.12}, {"keyframe_pop": 0.1, "flicker": 0.3}),
        (dropped, {"log_speed_sd_measured": 0.17}, {"keyframe_pop": 0.1, "flicker": 0.3}),
        (slower, {"log_speed_sd_measured": 0.4}, {}),  # off its plan everywhere, which the others see
        (brighter, {"keyframe_pop": 10}, {"log_speed_sd_measured": 0.02, "flicker": 0.6}),
        (noisy, {"flicker": 3}, {"log_speed_sd_measured": 0.02, "keyframe_pop": 0.3}),
    ],
)
def test_a_fault_in_a_film_moves_the_score_that_is_meant_to_see_it(even, fault, moves, stays):
    """Least changes of those that move, largest ones of those that stay. Of n steps one of 0 is a deviation of
    1 / sqrt(n) from the mean, 0.13; one of 2 and the 0 that fills up at the end are sqrt(2 / n), 0.18."""
    shown, plan = even
    before, after = film_scores(shown, plan), film_scores(fault(shown), plan)
    for score, least in moves.items():
        assert after[score] - before[score] > least, (score, before[score], after[score])
    for score, most in stays.items():
        assert abs(after[score] - before[score]) < most, (score, before[score], after[score])


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_closed_loop_ends_as_any_level_does_and_an_open_film_does_not(world, direction):
    """Its last step passes a level too: to 10 % of what the others change by, which are 5 % apart among themselves."""
    shown, plan = film(world, loop=True, direction=direction)
    differences = [step.difference for step in follow(shown, plan.motions, loop=True)]
    found = film_scores(shown, plan)
    assert len(differences) == len(shown)
    assert len(plan.passes) == len(world) - 1
    assert found["loop_error"] == differences[-1]
    assert found["loop_error"] == pytest.approx(np.mean([differences[step] for step in plan.passes]), rel=0.1)
    open_film, _ = film(world, direction=direction)
    ended = np.concatenate([open_film, open_film[-1:].repeat(len(shown) - len(open_film), 0)])
    assert film_scores(ended, plan)["loop_error"] > 10 * found["loop_error"]
