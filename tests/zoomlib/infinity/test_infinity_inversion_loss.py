"""The schedule of an inversion, and what keeps it among the latents that the generator knows."""

import math

import pytest
import torch

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.inversion.loss import (
    autocorrelation,
    degaussianised,
    gaussianised,
    radius,
    renormalised,
    statistics_of,
    style_statistics,
)
from zoomlib.infinity.inversion.settings import InversionSettings


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_rate_rises_over_the_first_twentieth_and_falls_over_the_last_quarter():
    settings = InversionSettings(steps=1000)
    rates = [settings.rate(step) for step in range(1000)]
    assert rates[:50] == sorted(rates[:50])
    assert rates[0] == pytest.approx(0.5 / 50)
    assert all(rate == pytest.approx(1) for rate in rates[50:750])
    assert rates[750:] == sorted(rates[750:], reverse=True)
    assert rates[875] == pytest.approx(0.5, abs=0.004)  # half-way down a cosine
    assert 0 < rates[-1] < 1e-4


def test_the_perturbation_ends_after_three_quarters():
    settings = InversionSettings(steps=1000)
    assert settings.perturbation(0) == pytest.approx(1, abs=2e-3)
    assert settings.perturbation(375) == pytest.approx(0.25, abs=2e-3)
    assert settings.perturbation(749) > 0
    assert settings.perturbation(750) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"seed": -1}, {"seed": 2**64}, {"texture_rate": math.nan}, {"pixel": -1}, {"ramp_up": 1.5}],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        InversionSettings(**wrong)


def test_unknown_settings_are_refused_by_name():
    with pytest.raises(InvalidInputError, match="speed"):
        InversionSettings.from_json({"steps": 3, "speed": 2})


def test_gaussianising_has_an_inverse():
    w = normal(50, 8)
    torch.testing.assert_close(degaussianised(gaussianised(w)), w, rtol=1e-6, atol=1e-7)


def test_the_distance_of_styles_is_that_of_mahalanobis():
    w = degaussianised(normal(20_000, 5) @ normal(5, 5, seed=1) + 3).double()
    statistics = statistics_of(w)
    far = degaussianised(normal(7, 5, seed=2) * 3)
    delta = (gaussianised(far) - statistics.mean).double()
    covariance = torch.cov(gaussianised(w).T)
    ridge = 1e-3 * covariance.diagonal().mean() * torch.eye(5)
    expected = (delta @ torch.linalg.inv(covariance + ridge) * delta).sum(1).sqrt().mean()
    torch.testing.assert_close(statistics.distance(far).double(), expected, rtol=1e-4, atol=0)
    # In five dimensions a style lies about sqrt(5) from the middle.
    assert float(statistics.distance(w.float())) == pytest.approx(5**0.5, rel=0.1)


def test_the_distance_at_the_mean_is_0_with_the_slope_0():
    statistics = statistics_of(normal(500, 4).double())
    w = statistics.style.expand(3, -1).clone().requires_grad_()
    distance = statistics.distance(w)
    distance.backward()
    assert float(distance.detach()) < 1e-5
    assert bool(w.grad.isfinite().all())


def test_a_covariance_without_rank_is_no_fault():
    """Numpy's inverse of one such consists of rounding."""
    line = normal(1000, 1) @ normal(1, 6, seed=1)
    statistics = statistics_of(line.double())
    assert bool(statistics.whiten.isfinite().all())
    assert float(statistics.distance(line)) < 3
    constant = statistics_of(torch.ones(100, 3, dtype=torch.float64))
    assert bool(constant.whiten.isfinite().all())


def test_statistics_of_a_mapping_are_always_the_same():
    one = style_statistics(lambda z: 2 * z + 1, 3, samples=2500)
    two = style_statistics(lambda z: 2 * z + 1, 3, samples=2500)
    assert torch.equal(one.whiten, two.whiten)
    assert one.deviation == pytest.approx(2, rel=0.05)
    assert style_statistics(lambda z: z, 3, samples=1000).mean.shape == (3,)


def test_white_noise_has_little_autocorrelation_and_smooth_noise_much():
    white = normal(1, 64, 64)
    smooth = torch.nn.functional.avg_pool2d(normal(1, 66, 66), 3, 1) * 3
    stripes = normal(1, 64, 1).expand(1, 64, 64)
    low = float(autocorrelation([white]))
    assert low < 0.01
    assert float(autocorrelation([smooth])) > 0.5
    assert float(autocorrelation([stripes])) > 0.5
    assert float(autocorrelation([white, smooth])) > low


def test_the_autocorrelation_by_hand():
    """Sides below 16 are not halved."""
    noise = torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
    across = (1 * -2 + -2 * 3 + 0.5 * 4 + 4 * -1) / 4
    down = (1 * 0.5 + -2 * 4 + 3 * -1) / 3
    assert float(autocorrelation([noise[None]])) == pytest.approx(across**2 + down**2)
    assert float(autocorrelation([torch.ones(1, 1, 1)])) == 0
    one, two = normal(1, 15, 40), normal(1, 16, 40)
    halved = torch.nn.functional.avg_pool2d(two, 2)
    unhalved = sum(((a * b).mean() ** 2) for a, b in [(two[..., 1:], two[..., :-1]), (two[:, 1:], two[:, :-1])])
    torch.testing.assert_close(autocorrelation([two]), unhalved + autocorrelation([halved]))
    assert float(autocorrelation([one])) > 0


def test_the_radius_is_drawn_to_that_of_normal_values():
    z = normal(10_000)
    assert float(radius(z)) < 1e-3
    assert float(radius(0.5 * z)) == pytest.approx(0.75**2, rel=0.05)
    assert float(radius(torch.zeros(5))) == 1


def test_noise_becomes_normal_once_and_stays_bitwise():
    noise = renormalised(3 * normal(1, 19, 17) + 2)
    assert abs(float(noise.mean())) < 1e-5
    assert float(noise.std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert renormalised(noise) is noise
    assert bool(renormalised(torch.ones(1, 3, 3)).isfinite().all())
