"""Property test 17 of the specification: losses and regularisers have the values and slopes that they should."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zoomlib.infinity.training.losses import (
    auxiliary_loss,
    average_into,
    diversity_loss,
    fake_loss,
    path_lengths,
    path_penalty,
    r1_penalty,
    real_loss,
    row_label,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_r1_of_a_linear_discriminator_is_the_square_of_its_weights() -> None:
    weight, pictures = normal(3, 5, 5).requires_grad_(True), normal(4, 3, 5, 5, seed=1).requires_grad_(True)
    penalty = r1_penalty((pictures * weight).sum((1, 2, 3)), pictures)
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-12)
    (slope,) = torch.autograd.grad(penalty, weight)  # R1 trains the discriminator: it can be differentiated again
    assert torch.allclose(slope, 2 * weight)


def test_r1_of_a_discriminator_of_another_scale_is_of_each_picture() -> None:
    pictures = torch.tensor([1.0, -2.0]).reshape(2, 1, 1, 1).requires_grad_(True)
    assert r1_penalty(pictures.square().sum((1, 2, 3)), pictures).item() == pytest.approx((4 + 16) / 2)


def test_path_lengths_are_those_of_a_linear_generator() -> None:
    matrix, styles = normal(48, 6), normal(5, 2, 3, seed=1).requires_grad_(True)
    pictures = (styles.flatten(1) @ matrix.t()).reshape(5, 3, 4, 4)
    noise = normal(5, 3, 4, 4, seed=2)
    expected = (noise.flatten(1) / 4 @ matrix).square().mean(1).sqrt()
    lengths = path_lengths(pictures, styles, noise)
    assert torch.allclose(lengths, expected)
    assert path_penalty(lengths[:1], lengths[0].item()).item() == pytest.approx(0, abs=1e-20)
    assert path_penalty(torch.tensor([1.0, 5.0]), 2.0).item() == pytest.approx((1 + 9) / 2)


def test_diversity_falls_as_features_part_and_is_finite_where_they_are_the_same() -> None:
    local, base, apart = normal(4, 2, 6, 6), normal(4, 3, 2, 2, seed=1), normal(4, 3, 2, 2, seed=2)
    base[1::2] = base[0::2]
    losses = [diversity_loss(local, base + far * apart).item() for far in (0, 0.1, 0.5, 1, 4)]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == len(losses)
    between = (local[0::2] - local[1::2]).abs().mean((1, 2, 3))
    assert losses[0] == pytest.approx((between / 1e-5).mean().item())
    same = base.clone().requires_grad_(True)
    diversity_loss(local, same).backward()
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_diversity_is_equation_2_of_pairs_that_lie_beside_each_other() -> None:
    local = torch.tensor([0.0, 3.0, 1.0, 2.0]).reshape(4, 1, 1, 1)
    features = torch.tensor([1.0, 3.0, 5.0, 1.0]).reshape(4, 1, 1, 1)
    assert diversity_loss(local, features).item() == pytest.approx((3 / 2 + 1 / 4) / 2, rel=1e-4)


def test_labels_run_from_minus_one_to_one() -> None:
    rows = torch.tensor([0.0, 48.0, 95.0, 96.0])
    assert row_label(rows, 96).tolist() == pytest.approx([-1, 0, 95 / 48 - 1, 1])
    assert row_label(torch.zeros(2), 0).tolist() == [0, 0]
    assert auxiliary_loss(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 0.5])).item() == pytest.approx(1)


def test_scores_are_pulled_apart() -> None:
    score = torch.tensor([0.0, 2.0], dtype=torch.float64)
    assert real_loss(score).item() == pytest.approx((math.log(2) + math.log1p(math.exp(-2))) / 2)
    assert fake_loss(score).item() == pytest.approx((math.log(2) + math.log1p(math.exp(2))) / 2)
    assert real_loss(torch.tensor([500.0, 500.0])).item() == 0
    assert fake_loss(torch.tensor([500.0])).item() == 500


def test_an_average_of_a_number_is_exact() -> None:
    mean = torch.tensor([1.0], dtype=torch.float64)
    for value in (3.0, -2.0, 0.5):
        average_into(mean, torch.tensor([value], requires_grad=True), 0.75)
    expected = 0.75 * (0.75 * (0.75 * 1 + 0.25 * 3) + 0.25 * -2) + 0.25 * 0.5
    assert mean.item() == pytest.approx(expected, rel=1e-15)
    assert not mean.requires_grad
