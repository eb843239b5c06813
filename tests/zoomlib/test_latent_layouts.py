"""Latent models in every layout: in each space, what comes out are pictures whose windows agree on whole pixels."""

import pytest
import torch

from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.geometry import ring, snapped_focus
from zoomlib.methods import joint
from zoomlib.models import load_denoiser
from zoomlib.pyramid import down

FOCI = [(0.3, 0.62), None, (0.9, 0.1), (0.5, 0.2)]
FACTOR = 2
LAYOUTS = [
    # p, (H, W) in pixels, levels, loop
    (2, (32, 48), 4, False),
    (2, (48, 32), 3, True),
    (3, (36, 72), 4, True),
    (4, (32, 64), 2, True),
    (4, (64, 32), 3, False),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model with a codec of factor 2."""
    return latent_pipeline(tmp_path_factory.mktemp("latent"), 4)[0]


@pytest.mark.parametrize("space", ["pixels", "latents", "mixed"])
@pytest.mark.parametrize(("p", "size", "levels", "loop"), LAYOUTS)
def test_windows_of_pictures_agree_and_lie_on_whole_places(folder, space, p, size, levels, loop):
    denoiser = load_denoiser(folder, size=size)
    stack = joint.sample_stack(
        denoiser,
        ["a", "b", "c", "d"][:levels],
        p=p,
        steps=3,
        eta=1.0,
        feather=0.0,
        space=space,
        loop=loop,
        focus=FOCI[:levels],
        generator=torch.Generator().manual_seed(0),
    )
    assert tuple(stack.levels.shape) == (levels, 3, *size)
    assert stack.loop is loop
    H, W = (side // FACTOR for side in size)
    places = ring(levels, H, W, p, FOCI[:levels])[: levels if loop else levels - 1]
    assert [(b.top, b.left) for b in stack.ring] == [
        pytest.approx((FACTOR * w.top, FACTOR * w.left), abs=1e-6) for w in places
    ]
    inside = ring(levels, *size, p, snapped_focus(levels, H, W, p, FOCI[:levels]))
    for i in range(len(places)):
        rows, columns = inside[i].slices
        shown = down(stack.levels[(i + 1) % levels], p)
        assert torch.allclose(stack.levels[i][:, rows, columns], shown, atol=1e-6)
