"""The Fréchet distance: closed forms, independent libraries, and covariances without full rank."""

import math

import numpy as np
import pytest
import torch
from cleanfid.fid import fid_from_feats
from torchmetrics.image.fid import FrechetInceptionDistance

from evaluation.sets.frechet import Gaussian, Weighted, fit, frechet_distance
from zoomlib.errors import InvalidInputError


def features(count, dims, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dims, dims, generator=generator, dtype=torch.float64) / dims**0.5
    return torch.randn(count, dims, generator=generator, dtype=torch.float64) @ mixing * scale + shift


def diagonal(mean, variances):
    return Gaussian(torch.tensor(mean, dtype=torch.float64), torch.tensor(variances, dtype=torch.float64).sqrt().diag())


def test_two_gaussians_with_one_basis_have_the_closed_form():
    one, other = diagonal([0.0, 1.0, -2.0], [1.0, 4.0, 0.25]), diagonal([3.0, 1.0, 2.0], [9.0, 1.0, 0.0])
    expected = 3**2 + 4**2 + (1 - 3) ** 2 + (2 - 1) ** 2 + 0.5**2
    assert frechet_distance(one, other) == pytest.approx(expected, abs=1e-12)


def test_two_gaussians_of_two_dimensions_have_the_closed_form():
    """For 2 x 2 matrices tr(M^(1/2)) = sqrt(tr M + 2 sqrt(det M)), with M = C1 C2."""
    C1, C2 = torch.tensor([[2.0, 0.6], [0.6, 1.0]]).double(), torch.tensor([[1.0, -0.3], [-0.3, 3.0]]).double()
    M = C1 @ C2
    expected = C1.trace() + C2.trace() - 2 * (M.trace() + 2 * torch.linalg.det(M).sqrt()).sqrt()
    zero = torch.zeros(2, dtype=torch.float64)
    roots = [Gaussian(zero, torch.linalg.cholesky(C).T) for C in (C1, C2)]
    assert frechet_distance(*roots) == pytest.approx(float(expected), abs=1e-12)


def test_what_is_fitted_has_the_mean_and_covariance_of_the_rows():
    for count in (5, 400):  # below and above the number of dimensions
        X = features(count, 12, seed=1)
        fitted = fit(X)
        assert fitted.root.shape == (min(count, 12), 12)
        torch.testing.assert_close(fitted.mean, X.mean(0))
        torch.testing.assert_close(fitted.root.T @ fitted.root, torch.cov(X.T), rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [3, 40, 300])
def test_a_set_is_no_distance_from_itself(count):
    X = features(count, 64, seed=2)
    assert frechet_distance(fit(X), fit(X)) == pytest.approx(0, abs=1e-9)


def test_constant_sets_are_as_far_apart_as_their_means():
    X, Y = torch.full((4, 7), 2.0), torch.full((9, 7), 5.0)
    assert frechet_distance(fit(X), fit(Y)) == pytest.approx(7 * 9, abs=1e-9)
    assert frechet_distance(fit(X), fit(X)) == 0


def test_moving_a_set_costs_the_square_of_the_way():
    X = features(30, 100, seed=3)  # far fewer pictures than features
    assert frechet_distance(fit(X), fit(X + 0.5)) == pytest.approx(100 * 0.25, rel=1e-9)


def test_it_agrees_with_clean_fid_where_covariances_have_full_rank():
    X, Y = features(500, 32, 4), features(700, 32, 5, scale=1.5, shift=0.2)
    assert frechet_distance(fit(X), fit(Y)) == pytest.approx(fid_from_feats(X.numpy(), Y.numpy()), abs=1e-4)


@pytest.mark.parametrize("count", [20, 500])
def test_it_agrees_with_torchmetrics_with_and_without_full_rank(count):
    X, Y = features(count, 64, 6), features(count + 7, 64, 7, scale=0.7)
    metric = FrechetInceptionDistance(feature=Given(X, Y), normalize=True, input_img_size=(3, 4, 4))
    metric.set_dtype(torch.float64)
    metric.update(torch.zeros(len(X), 3, 4, 4), real=True)
    metric.update(torch.ones(len(Y), 3, 4, 4), real=False)
    assert frechet_distance(fit(X), fit(Y)) == pytest.approx(float(metric.compute()), abs=1e-4)


class Given(torch.nn.Module):
    """An extractor that has been told what it will see: the real ones first."""

    num_features = 64

    def __init__(self, real, fake):
        super().__init__()
        self.sets = {False: real, True: fake}

    def forward(self, pictures):
        return self.sets[bool(pictures.any())]


def test_fewer_pictures_than_features_give_a_plain_number_where_square_roots_fail():
    X, Y = features(4, 300, 8) * 1e-3, features(5, 300, 9) * 1e3
    found = frechet_distance(fit(X), fit(Y))
    assert math.isfinite(found)
    assert found > 0


def test_weights_of_one_give_the_distance_itself():
    for count, dims in ((40, 64), (300, 20)):
        X, reference = features(count, dims, 10), fit(features(90, dims, 11, shift=0.3))
        plain = frechet_distance(fit(X), reference)
        assert Weighted.of(X, reference).distance(torch.ones(count)) == pytest.approx(plain, rel=1e-5)


def test_weights_are_as_good_as_repeating_rows():
    X, reference = features(30, 16, 12), fit(features(50, 16, 13, scale=2))
    counts = torch.from_numpy(np.random.default_rng(0).integers(0, 4, 30))
    repeated = fit(X.repeat_interleave(counts, 0))
    assert Weighted.of(X, reference).distance(counts) == pytest.approx(frechet_distance(repeated, reference), rel=1e-5)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InvalidInputError, match="two pictures or more"):
        fit(torch.zeros(1, 8))
    with pytest.raises(InvalidInputError, match="not numbers"):
        fit(torch.full((3, 8), math.nan))
    with pytest.raises(InvalidInputError, match="of 4 numbers"):
        frechet_distance(fit(features(9, 3, 0)), fit(features(9, 4, 0)))
