"""The Inception Score: closed forms, and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.image.inception import InceptionScore

from evaluation.sets.inception_score import Weighted, inception_score


def rng():
    return np.random.default_rng(0)


def test_sure_classes_evenly_shown_score_their_number():
    logits = 100 * torch.eye(5).repeat(8, 1)
    assert inception_score(logits, rng())[0] == pytest.approx(5, abs=1e-6)


def test_what_says_nothing_scores_one():
    assert inception_score(torch.zeros(20, 10), rng())[0] == pytest.approx(1, abs=1e-12)
    assert inception_score(torch.randn(1, 10).repeat(20, 1), rng())[0] == pytest.approx(1, abs=1e-12)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save:UserWarning")
@pytest.mark.filterwarnings("ignore:std:UserWarning")  # of its deviation, which one part has not
def test_it_agrees_with_torchmetrics_on_one_part():
    logits = torch.randn(70, 30, generator=torch.Generator().manual_seed(0)) * 2
    metric = InceptionScore(feature=Given(logits), splits=1, normalize=True)
    metric.update(torch.zeros(70, 3, 4, 4))
    assert inception_score(logits, rng())[0] == pytest.approx(float(metric.compute()[0]), abs=1e-4)


class Given(torch.nn.Module):
    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, pictures):
        return self.logits


def test_parts_are_as_many_as_asked_and_by_default_only_of_large_sets():
    logits = torch.randn(90, 12, generator=torch.Generator().manual_seed(1))
    assert math.isnan(inception_score(logits, rng())[1])
    mean, spread = inception_score(logits, rng(), splits=3)
    assert spread > 0
    assert mean != inception_score(logits, rng())[0]


def test_weights_are_as_good_as_repeating_rows():
    logits = torch.randn(25, 12, generator=torch.Generator().manual_seed(2))
    counts = torch.arange(25) % 4
    repeated = Weighted.of(logits.repeat_interleave(counts, 0)).score(torch.ones(int(counts.sum())))
    assert Weighted.of(logits).score(counts) == pytest.approx(repeated, rel=1e-12)
