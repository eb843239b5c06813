"""The kernel distance: independent libraries, no bias, and the weighted form that intervals come from."""

import math

import numpy as np
import pytest
import torch
from cleanfid.fid import kernel_distance as clean_fid
from torchmetrics.image.kid import poly_mmd

from evaluation.sets.kernel import Weighted, kernel, kernel_distance
from zoomlib.errors import InvalidInputError


def features(count, dims=24, seed=0, shift=0.0):
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed)) + shift


def rng(seed=0):
    return np.random.default_rng(seed)


def test_it_agrees_with_torchmetrics_on_whole_sets():
    X, Y = features(60, seed=1), features(60, seed=2, shift=0.4)
    expected = float(poly_mmd(Y.double(), X.double()))
    found, spread = kernel_distance(X, Y, rng())
    assert found == pytest.approx(expected, abs=1e-9)
    assert math.isnan(spread)


def test_it_agrees_with_clean_fid_on_the_same_subsets():
    X, Y = features(90, seed=3), features(130, seed=4, shift=0.3)
    np.random.seed(5)  # noqa: NPY002 (clean-fid draws from the global generator)
    expected = clean_fid(X.double().numpy(), Y.double().numpy(), num_subsets=20, max_subset_size=50)
    found, spread = kernel_distance(X, Y, np.random.RandomState(5), subsets=20, size=50)
    assert found == pytest.approx(expected, abs=1e-4)
    assert spread > 0


def test_two_samples_of_one_kind_scatter_around_nothing():
    """Unbiased: the mean over 200 pairs of small samples lies within four of its standard errors of 0."""
    found = torch.tensor(
        [kernel_distance(features(20, 8, 2 * k), features(20, 8, 2 * k + 1), rng())[0] for k in range(200)]
    )
    assert abs(float(found.mean())) < 4 * float(found.std()) / 200**0.5
    assert bool((found < 0).any())
    assert bool((found > 0).any())


def test_constant_sets_have_the_closed_form():
    X, Y = torch.full((5, 4), 1.0), torch.full((7, 4), 3.0)
    expected = (1 + 1) ** 3 + (9 + 1) ** 3 - 2 * (3 + 1) ** 3
    assert kernel_distance(X, Y, rng())[0] == pytest.approx(expected)
    assert kernel_distance(X, X, rng())[0] == pytest.approx(0, abs=1e-9)


def test_equal_seeds_draw_equal_subsets_and_others_do_not():
    X, Y = features(50), features(70, seed=9)
    assert kernel_distance(X, Y, rng(1), size=20) == kernel_distance(X, Y, rng(1), size=20)
    assert kernel_distance(X, Y, rng(1), size=20) != kernel_distance(X, Y, rng(2), size=20)


def test_groups_that_each_count_once_give_the_distance_less_the_references_part():
    X, Y = features(37, seed=6), features(37, seed=7, shift=0.2)
    own = kernel(Y.double(), Y.double())
    reference = float(own.sum() - own.diagonal().sum()) / (37 * 36)
    groups = torch.arange(37) // 5
    found = Weighted.of(X, Y, groups).distance(torch.ones(8)) + reference
    assert found == pytest.approx(kernel_distance(X, Y, rng())[0], abs=1e-9)


def test_a_group_that_is_drawn_twice_makes_no_pairs_of_a_picture_with_its_copy():
    X, Y = features(6, seed=8).double(), features(9, seed=9).double()
    groups = torch.tensor([0, 0, 1, 1, 2, 2])
    counts = torch.tensor([2, 0, 1])
    w = counts[groups].double()
    k = kernel(X, X)
    pairs = sum(w[i] * w[j] * k[i, j] for i in range(6) for j in range(6) if i != j)
    weight = sum(w[i] * w[j] for i in range(6) for j in range(6) if i != j)
    expected = pairs / weight - 2 * (w @ kernel(X, Y).mean(1)) / w.sum()
    assert Weighted.of(X, Y, groups).distance(counts) == pytest.approx(float(expected), abs=1e-12)


def test_sums_in_blocks_are_the_same_as_at_once(monkeypatch):
    X, Y, groups = features(50), features(33, seed=1), torch.arange(50) % 7
    whole = Weighted.of(X, Y, groups)
    monkeypatch.setattr("evaluation.sets.kernel._ROWS", 4)
    parts = Weighted.of(X, Y, groups)
    for name in ("pairs", "own", "across", "sizes"):
        torch.testing.assert_close(getattr(whole, name), getattr(parts, name), rtol=1e-12, atol=1e-12)


def test_one_picture_is_refused():
    with pytest.raises(InvalidInputError, match="two pictures or more"):
        kernel_distance(features(1), features(5), rng())
