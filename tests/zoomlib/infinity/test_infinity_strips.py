"""Property 7 for the strips: fewer multiplications give what plain convolutions give, for every shape of a map."""

import platform
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.networks import strips
from zoomlib.infinity.networks.modulation import blurred, doubled
from zoomlib.infinity.networks.strips import StripConv, StripUp, packed_work, quick
from zoomlib.infinity.painting.painter import PlainPainter

packed = pytest.mark.skipif(
    not quick(torch.zeros(256, 256, 3, 3), torch.float32), reason="this processor or torch has no packed convolutions"
)


def drawn(height: int, width: int, inputs: int = 6, outputs: int = 5) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(height * 100 + width)
    x = torch.randn(1, inputs, height, width, generator=g)
    return x, torch.randn(outputs, inputs, 3, 3, generator=g) / 7, torch.randn(outputs, generator=g)


def rows_of(x: torch.Tensor) -> torch.Tensor:
    return x[0].permute(1, 2, 0).contiguous()


@packed
@given(height=st.integers(3, 23), width=st.integers(3, 23), tiles=st.sampled_from([1, 7, 192]))
@settings(max_examples=25)
def test_strips_equal_plain_layers(height, width, tiles):
    x, weight, bias = drawn(height, width)
    conv = F.conv2d(x.double(), weight.double(), bias.double())
    up = blurred(doubled(x.double(), weight.double())) + bias[:, None, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "TILES", tiles)
        for kind, expected in ((StripConv, conv), (StripUp, up)):
            noise = torch.randn(*expected.shape[2:], 1, generator=torch.Generator().manual_seed(5))
            out = torch.full((*expected.shape[2:], expected.shape[1]), float("nan"))
            kind(weight, bias)(rows_of(x), noise, out)
            plain = F.leaky_relu(rows_of(expected) + noise, 0.2)
            assert (out - plain).abs().max() <= 5e-6 * expected.std()


@packed
def test_without_noise_and_a_second_time_the_same():
    x, weight, bias = drawn(11, 9)
    layer = StripConv(weight, bias)
    first, second = (torch.empty(9, 7, 5) for _ in range(2))
    layer(rows_of(x), None, first)
    layer(rows_of(x), None, second)
    assert torch.equal(first, second)
    plain = F.leaky_relu(rows_of(F.conv2d(x, weight, bias)), 0.2)
    assert torch.allclose(first, plain, atol=1e-5)


@packed
def test_narrow_layers_and_coarse_numbers_stay_plain():
    wide = torch.zeros(256, 256, 3, 3)
    assert quick(wide, torch.float32)
    assert not quick(wide[:64], torch.float32)
    assert not quick(wide, torch.bfloat16)


def cannot(*_given, **_named):
    raise RuntimeError("another signature")


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        (torch._C._nn, "mkldnn_reorder_conv2d_weight", None),
        (torch._C._nn, "mkldnn_reorder_conv2d_weight", cannot),
        (torch._C._nn, "mkldnn_reorder_conv2d_weight", lambda weight, *_: weight * 2),
        (torch.backends.mkldnn, "is_available", lambda: False),
        (platform, "machine", lambda: "arm64"),
    ],
)
def test_without_the_operators_layers_are_plain_and_pixels_the_same(monkeypatch, where, name, instead):
    """Operators that are not there, that take something else, or that compute something else; another processor."""
    wide = replace(SMALL, blocks=1, local=256, structure_layers=1, radius=1, texture=(256,))
    networks, latents = random_networks(wide), Latents(wide, 1)
    expected = PlainPainter(networks, latents).paint([(2, 3)], 9)
    if instead is None:
        monkeypatch.delattr(where, name, raising=False)
    else:
        monkeypatch.setattr(where, name, instead, raising=False)
    packed_work.cache_clear()
    try:
        assert not quick(torch.zeros(256, 256, 3, 3), torch.float32)
        found = PlainPainter(networks, latents).paint([(2, 3)], 9)
    finally:
        packed_work.cache_clear()
    assert (found - expected).abs().max() <= 1e-5 * expected.std()
