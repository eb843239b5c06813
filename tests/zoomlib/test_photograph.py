"""The photograph start."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser, draw_field
from zoomlib.errors import InvalidInputError
from zoomlib.methods import joint
from zoomlib.photograph import Photograph
from zoomlib.pyramid import down
from zoomlib.sightings import sightings
from zoomlib.stack import consolidate, render_levels

OFF_CENTRE = (0.31, 0.67)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / (a - b).square().mean()))


@pytest.mark.parametrize("point", [None, (0.25, 0.5)])
@pytest.mark.parametrize(("p", "size"), [(2, (32, 48)), (3, (27, 27)), (4, (64, 64))])
def test_projected_levels_show_the_window_of_the_photograph(p, size, point):
    """D^i(x_i) = window_i(xi), wherever that window lies on whole pixels."""
    xi, focus = randn(3, *size), [point] * 5
    x = Photograph(xi, 5, p, focus).project(randn(5, 3, *size, seed=1))
    assert torch.allclose(x[0], xi, atol=1e-5)
    seen = 0
    for runs in sightings(5, *size, p, focus):
        for run in runs:
            if run.source == 0:
                rows, columns = run.window.slices
                image = x[run.first]
                for _ in range(run.depth):
                    image = down(image, p)
                assert torch.allclose(image, xi[:, rows, columns], atol=1e-5)
                seen += 1
    assert seen


def test_projection_is_the_nearest_point_and_leaves_detail_alone():
    """A second time changes nothing, and the change is orthogonal to all that the photograph cannot see."""
    photo, x = Photograph(randn(3, 32, 32), 4, 2, [OFF_CENTRE] * 4), randn(4, 3, 32, 32, seed=1)
    moved = photo.project(x)
    assert torch.allclose(photo.project(moved), moved, atol=1e-5)
    unseen = photo.project(randn(4, 3, 32, 32, seed=2)) - photo.project(randn(4, 3, 32, 32, seed=3))
    assert abs(float(((moved - x) * unseen).sum())) < 1e-3 * float((moved - x).norm() * unseen.norm())


@pytest.mark.parametrize("point", [None, OFF_CENTRE])
@pytest.mark.parametrize("levels", [1, 4, 10])
def test_rendering_projected_levels_gives_back_the_photograph(levels, point):
    """At any depth and focus, also where windows fall between the photograph's pixels."""
    xi, focus = randn(3, 64, 64), [point] * levels
    x = Photograph(xi, levels, 2, focus).project(randn(levels, 3, 64, 64, seed=1))
    assert torch.allclose(render_levels(x, 2, focus)[0], xi, atol=1e-5)


def test_adam_is_five_of_its_steps_on_the_papers_loss():
    xi, x = randn(3, 16, 16), randn(3, 3, 16, 16, seed=1)
    mine = x.clone().requires_grad_()
    optimizer = torch.optim.Adam([mine], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        loss = (mine[0] - xi).square().sum() + (down(mine[1], 2) - xi[:, 4:12, 4:12]).square().sum()
        loss = loss + (down(down(mine[2], 2), 2) - xi[:, 6:10, 6:10]).square().sum()
        loss.backward()
        optimizer.step()
    photo = Photograph(xi, 3, 2)
    with torch.no_grad():
        assert torch.allclose(photo.apply(x, "adam"), mine, atol=1e-5)
    assert not photo.apply(x, "adam").requires_grad


@pytest.mark.parametrize("feather", [0.0, 0.12])
def test_consolidated_levels_show_the_photograph_and_without_feather_agree(feather):
    xi, focus = randn(3, 64, 64), [OFF_CENTRE] * 7
    photo = Photograph(xi, 7, 2, focus)
    x = consolidate(randn(7, 3, 64, 64, seed=1), 2, coarse_weight=0.25, feather=feather, focus=focus, photo=photo)
    assert torch.allclose(x[0], xi, atol=1e-5)
    assert torch.allclose(photo.project(x), x, atol=1e-5)
    if not feather:
        assert torch.allclose(render_levels(x, 2, focus), x, atol=1e-5)


@pytest.mark.parametrize("feather", [0.0, 0.12])
@pytest.mark.parametrize("levels", [6, 9])
@pytest.mark.parametrize("point", [None, OFF_CENTRE])
def test_sampling_from_a_photograph_ends_with_it_as_level_0(levels, feather, point):
    xi = draw_field(1, (3, 64, 64), torch.Generator().manual_seed(5))[0] * 0.3
    *_, end = joint.sample(
        GaussianDenoiser((3, 64, 64)),
        ["0"] * levels,
        p=2,
        steps=12,
        feather=feather,
        photo=xi,
        focus=[point] * levels,
        generator=torch.Generator().manual_seed(0),
    )
    assert psnr(end.clean[0], xi) >= 50
    assert psnr(end.estimate[0], xi) < 45


def test_adam_brings_the_photograph_nearer_than_nothing():
    xi = draw_field(1, (3, 64, 64), torch.Generator().manual_seed(5))[0] * 0.3

    def distance(**photo) -> float:
        generator = torch.Generator().manual_seed(0)
        *_, end = joint.sample(GaussianDenoiser((3, 64, 64)), ["0"] * 4, p=2, steps=30, generator=generator, **photo)
        return float((end.clean[0] - xi).square().mean().sqrt())

    assert distance(photo=xi, photo_mode="adam") < 0.25 * distance()


def test_other_shapes_modes_and_values_are_refused():
    with pytest.raises(InvalidInputError, match="Resize it"):
        joint.sample(GaussianDenoiser((3, 64, 64)), ["0"], p=2, photo=randn(3, 32, 32), generator=torch.Generator())
    with pytest.raises(InvalidInputError, match="projection, adam"):
        Photograph(randn(3, 8, 8), 2, 2).apply(randn(2, 3, 8, 8), "sgd")  # type: ignore[arg-type]
    for xi in (randn(8, 8), torch.full((3, 8, 8), torch.nan)):
        with pytest.raises(InvalidInputError, match="finite"):
            Photograph(xi, 2, 2)
