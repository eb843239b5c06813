"""Joint sampling with a model whose answer is known, in every layout: rectangular, p = 2, 3, 4, off-centre, closed.

At eta 0 every octave of frequency stays within 1 dB of the prior's; means over levels and seeds, see
`benchmarks/layouts.py` for the table. The standard error of the lowest octave is about 0.25 dB.
"""

import numpy as np
import pytest
import torch

from evaluation.film_scores import follow
from evaluation.motion import planned
from tests.doubles.gaussian import GaussianDenoiser, band_errors_db
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames
from zoomlib.geometry import ring, snapped_focus
from zoomlib.methods import joint
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack

OFF = (0.3, 0.62)
LAYOUTS = [
    # p, (H, W), levels, focus of all, loop
    (3, (81, 81), 4, None, False),
    (3, (81, 54), 4, OFF, False),
    (4, (64, 96), 4, OFF, False),
    (2, (48, 64), 8, OFF, True),
    (2, (64, 64), 3, None, True),
    (2, (64, 96), 2, OFF, True),
    (3, (54, 81), 5, OFF, True),
    (3, (81, 81), 3, None, True),
    (4, (64, 64), 4, None, True),
    (4, (64, 128), 3, OFF, True),
]


def points(focus, levels: int):
    return None if focus is None else (focus,) * levels


def sampled(p, size, levels, focus, loop, seeds: int, steps: int = 50) -> list[torch.Tensor]:
    found = []
    for seed in range(seeds):
        *_, end = joint.sample(
            GaussianDenoiser((8, *size)),
            ["0"] * levels,
            p=p,
            steps=steps,
            eta=0.0,
            coarse_weight=1.0,
            feather=0.0,
            loop=loop,
            focus=points(focus, levels),
            generator=torch.Generator().manual_seed(seed),
        )
        found.append(end.clean)
    return found


@pytest.mark.parametrize(("p", "size", "levels", "focus", "loop"), LAYOUTS)
def test_every_octave_stays_within_a_decibel_and_windows_agree(p, size, levels, focus, loop):
    ends = sampled(p, size, levels, focus, loop, seeds=2 if levels > 3 else 3)
    assert band_errors_db(torch.cat(ends)).abs().max() < 1.0
    inside = ring(levels, *size, p, points(focus, levels))
    for x in ends:
        for i, window in enumerate(inside if loop else inside[:-1]):
            rows, columns = window.slices
            assert torch.allclose(x[i][:, rows, columns], down(x[(i + 1) % levels], p), atol=1e-5)


@pytest.mark.parametrize(
    ("p", "size", "levels", "focus"),
    [(2, (48, 64), 6, OFF), (2, (64, 64), 3, None), (3, (81, 54), 4, OFF), (4, (64, 128), 3, (0.7, 0.3))],
)
def test_the_film_closes_as_it_passes_any_other_level(p, size, levels, focus):
    """From the last frame to the first the picture changes as where it passes any level: not by more than by what the
    levels differ from each other."""
    (levels_of,) = sampled(p, size, levels, focus, True, seeds=1, steps=10)
    snapped = snapped_focus(levels, *size, p, points(focus, levels))
    stack = ZoomStack((levels_of[:, :3] / 4).clamp(-1, 1), p, snapped, True)
    camera = Camera(levels, fps=6, seconds_per_level=1, loop=True)
    plan = planned(stack, camera, size[::-1])
    steps = [step.difference for step in follow(frames(stack, camera, size[::-1]), plan.motions, loop=True)]
    others = np.array([steps[step] for step in plan.passes])
    assert len(steps) == 6 * levels
    assert len(others) == levels - 1
    assert steps[-1] < others.max() * 1.25
    assert steps[-1] < 2 * np.median(steps)


def test_a_film_that_is_not_closed_shows_it():
    """The test above can fail: without the loop's blending its end does not lead on to its beginning."""
    (line,) = sampled(2, (64, 64), 4, None, False, seeds=1, steps=10)
    stack = ZoomStack((line[:, :3] / 4).clamp(-1, 1), 2)
    camera = Camera(4, fps=6, seconds_per_level=1, direction="in")
    shown = list(frames(stack, camera, (64, 64)))
    closed = ZoomStack(stack.levels, 2, None, True)
    plan = planned(closed, Camera(4, fps=6, seconds_per_level=1, loop=True), (64, 64))
    motions = (*plan.motions[: len(shown) - 1], plan.motions[-1])
    steps = [step.difference for step in follow(iter(shown), motions, loop=True)]
    assert steps[-1] > 4 * np.median(steps)
