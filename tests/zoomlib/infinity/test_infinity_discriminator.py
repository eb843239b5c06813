"""Property 18 of the specification: sides, the spread of a group by hand, batches of any number."""

import math

import pytest
import torch

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import TINY_DISCRIMINATOR, DiscriminatorConfig
from zoomlib.infinity.networks.discriminator import Discriminator, filtered, spread

SLIM = DiscriminatorConfig(patch_px=101, channels=(4, 6, 6, 6, 6, 6), linear=8)


def made(config: DiscriminatorConfig) -> Discriminator:
    return Discriminator(config).init(torch.Generator().manual_seed(0))


def pictures(batch: int, side: int) -> torch.Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(batch)) * 2 - 1


def test_sides_halve_as_in_the_paper():
    maps = made(SLIM).features(pictures(1, 101))
    assert [m.shape[-1] for m in maps] == [101, 50, 25, 12, 6, 3]
    maps = made(TINY_DISCRIMINATOR).features(pictures(1, 37))
    assert [m.shape[-1] for m in maps] == [37, 18, 9, 4]


def test_parameters_of_the_paper():
    # 28,915,460 with two outputs of the head that nothing reads.
    with torch.device("meta"):
        assert sum(p.numel() for p in Discriminator(DiscriminatorConfig()).parameters()) == 28_915_460 - 2 * 513


def test_the_spread_of_a_group_of_four_in_sixteen_by_hand():
    x = torch.randn(16, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    found = spread(x, 4)
    for first in range(4):
        group = [x[first + 4 * k] for k in range(4)]
        total = 0.0
        for channel in range(2):
            for row in range(3):
                for column in range(3):
                    values = [float(member[channel, row, column]) for member in group]
                    mean = sum(values) / 4
                    total += math.sqrt(sum((value - mean) ** 2 for value in values) / 4 + 1e-8)
        for k in range(4):
            assert found[first + 4 * k].shape == (1, 3, 3)
            assert torch.allclose(found[first + 4 * k], torch.tensor(total / 18), atol=1e-6)


@pytest.mark.parametrize("config", [SLIM, TINY_DISCRIMINATOR])
@pytest.mark.parametrize("batch", [1, 2, 6])
def test_any_number_of_pictures(config, batch):
    score, row = made(config)(pictures(batch, config.patch_px))
    assert score.shape == row.shape == (batch,)
    assert score.isfinite().all()
    assert row.isfinite().all()


def test_a_constant_stays_constant_under_the_filter():
    assert torch.allclose(filtered(torch.ones(1, 2, 9, 9), 1)[..., 2:-2, 2:-2], torch.ones(1))
    assert filtered(torch.ones(1, 2, 9, 9), 2).shape == (1, 2, 10, 10)


def test_a_penalty_of_the_gradient_reaches_every_weight():
    network = made(SLIM)
    real = pictures(2, 101).requires_grad_()
    score, row = network(real)
    (gradient,) = torch.autograd.grad((score + row).sum(), real, create_graph=True)
    gradient.square().sum().backward()
    # Biases of the last layers have no part in the gradient of their sum.
    silent = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    assert all(name.endswith("bias") for name in silent)


def test_another_side_is_refused():
    with pytest.raises(InvalidInputError, match="101, 101"):
        made(SLIM)(pictures(1, 100))
