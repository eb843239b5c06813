"""Property 18 of the specification: sides, the spread of a group by hand, batches of any number."""

import math

import pytest
import torch
from torch.nn import functional as F

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


def by_equations(network: Discriminator, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Specification, section 1.6, of two pictures, from the weights alone; float64."""
    state, blur = {name: value.double() for name, value in network.state_dict().items()}, network.config.blur
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8

    def layer(name: str, x: torch.Tensor, **more: int) -> torch.Tensor:
        weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
        y = F.conv2d(x, weight / math.sqrt(weight[0].numel()), **more)
        return y if bias is None else F.leaky_relu(y + bias[:, None, None], 0.2) * math.sqrt(2)

    def smaller(x: torch.Tensor, pad: int) -> torch.Tensor:
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(x, kernel, padding=pad, groups=x.shape[1]) if blur else F.avg_pool2d(x, 2)

    def head(name: str, flat: torch.Tensor) -> torch.Tensor:
        for place in (0, 1):
            weight, bias = state[f"{name}.{place}.weight"], state[f"{name}.{place}.bias"]
            flat = flat @ weight.T / math.sqrt(weight.shape[1]) + bias
            flat = flat if place else F.leaky_relu(flat, 0.2) * math.sqrt(2)
        return flat[:, 0]

    x = layer("first", x.double())
    for block in range(len(network.blocks)):
        name, stride = f"blocks.{block}", 2 if blur else 1
        y = smaller(layer(f"{name}.first", x, padding=1), 2)
        y = layer(f"{name}.second", y, stride=stride, padding=0 if blur else 1)
        x = (y + layer(f"{name}.skip", smaller(x, 1), stride=stride)) / math.sqrt(2)
    apart = (x.var(0, correction=0) + 1e-8).sqrt().mean().expand(2, 1, *x.shape[2:])
    flat = layer("last", torch.cat((x, apart), 1), padding=1).flatten(1)
    return head("score", flat), head("row", flat)


@pytest.mark.parametrize("config", [SLIM, TINY_DISCRIMINATOR])
def test_the_discriminator_is_that_of_its_equations(config):
    network, g = made(config), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value.copy_(0.1 * torch.randn(value.shape, generator=g))
        found = network(pictures(2, config.patch_px))
        for values, expected in zip(found, by_equations(network, pictures(2, config.patch_px)), strict=True):
            assert (values - expected).abs().max() <= 1e-5 * expected.abs().max()


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
