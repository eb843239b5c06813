"""Properties 2, 7 and 19 of the specification, and a smoke of the paper's own sizes.

Tolerances are parts of σ, the standard deviation of the picture. Noise strengths are 0.1 and biases N(0, 0.1).
"""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.doubles.planes import random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import TINY, GeneratorConfig
from zoomlib.infinity.networks.modulation import Layer, blurred, doubled, enlarged
from zoomlib.infinity.networks.prepared import Prepared
from zoomlib.infinity.sizes import layer_sides, out_side, unit

OFFSETS = ((0, 0), (1, 3), (6, 6), (-4, 7))
FIRST = -4
"""Where the large grid of latents begins, so that every offset lies inside."""


class Inputs(NamedTuple):
    """All that a generator reads, of cells [FIRST, FIRST + n)."""

    local: Tensor
    coordinates: Tensor
    noises: list[Tensor]

    def at(self, y: int, x: int, cells: int, config: GeneratorConfig) -> "Inputs":
        """The same of cells [y, y + cells) x [x, x + cells)."""
        y, x, side = y - FIRST, x - FIRST, cells + 2 * config.halo
        noises = [
            noise[..., unit(layer) * y :, unit(layer) * x :][..., :s, :s]
            for layer, (noise, s) in enumerate(zip(self.noises, layer_sides(cells, config.blocks), strict=True))
        ]
        return Inputs(
            self.local[..., y : y + side, x : x + side], self.coordinates[..., y : y + side, x : x + side], noises
        )

    def to(self, dtype: torch.dtype) -> "Inputs":
        return Inputs(self.local.to(dtype), self.coordinates.to(dtype), [noise.to(dtype) for noise in self.noises])


def drawn(config: GeneratorConfig, cells: int, seed: int = 1) -> tuple[Inputs, Tensor]:
    """Random inputs for `cells` cells a side, and a style."""
    g = torch.Generator().manual_seed(seed)
    m = cells + 2 * config.halo
    noises = [torch.randn(1, 1, side, side, generator=g) for side in layer_sides(cells, config.blocks)]
    local, coordinates = (torch.randn(1, c, m, m, generator=g) for c in (config.local, config.coordinates))
    return Inputs(local, coordinates.tanh(), noises), torch.randn(1, config.style, generator=g)


def plain(networks, inputs: Inputs, z: Tensor) -> Tensor:
    features = networks.structure(inputs.local, inputs.coordinates, z)
    return networks.texture(features, networks.texture.mapping(z), inputs.noises)


def ready(networks, z: Tensor, dtype: torch.dtype = torch.float32) -> Prepared:
    w = networks.texture.mapping(z)[0].expand(networks.config.layers + 1, -1)
    return Prepared(networks, z[0], w, dtype=dtype)


def shift_errors(networks, draw, inputs: Inputs, cells: int) -> list[Tensor]:
    """Differences of patches from the crops of a direct picture, in parts of its σ, for each offset."""
    config, scale = networks.config, 2**networks.config.blocks
    whole = draw(inputs)
    side = out_side(cells, config.blocks)
    errors = []
    for y, x in OFFSETS:
        patch = draw(inputs.at(y, x, cells, config))
        crop = whole[..., scale * (y - FIRST) :, scale * (x - FIRST) :][..., :side, :side]
        errors.append(((patch - crop) / whole.std()).abs())
    return errors


@pytest.fixture(scope="module")
def networks():
    return random_networks(TINY)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_a_patch_is_the_crop_of_a_larger_picture(networks, dtype, tolerance):
    inputs, z = drawn(TINY, TINY.cells + 12)
    moved = random_networks(TINY).to(dtype)
    errors = shift_errors(moved, lambda of: plain(moved, of, z.to(dtype)), inputs.to(dtype), TINY.cells)
    assert max(float(error.max()) for error in errors) <= tolerance


def test_a_ready_patch_is_the_crop_of_a_larger_picture(networks):
    inputs, z = drawn(TINY, TINY.cells + 12)
    painter = ready(networks, z)
    errors = shift_errors(
        networks, lambda of: painter.texture(painter.structure(*of[:2]), of.noises), inputs, TINY.cells
    )
    assert max(float(error.max()) for error in errors) <= 1e-5


def test_bfloat16_is_near_float32(networks):
    inputs, z = drawn(TINY, TINY.cells + 12)
    exact, coarse = ready(networks, z), ready(networks, z, torch.bfloat16)
    whole = exact.texture(exact.structure(*inputs[:2]), inputs.noises)
    for y, x in OFFSETS:
        of = inputs.at(y, x, TINY.cells, TINY)
        patch = coarse.texture(coarse.structure(*of[:2]), of.noises)
        crop = whole[..., 8 * (y - FIRST) :, 8 * (x - FIRST) :][..., :37, :37]
        error = ((patch - crop) / whole.std()).abs()
        assert patch.dtype == torch.float32
        assert error.max() <= 0.15
        assert error.mean() <= 0.02


def by_weights(layer: Layer, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
    """The other form, as StyleGAN2 states it: each sample has its own weights, blurred by a kernel."""
    rows = []
    for index in range(len(x)):
        s = F.linear(style[index], layer.conv.affine.weight * layer.conv.affine.scale, layer.conv.affine.bias)
        weight = layer.conv.gain * layer.conv.weight * s[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.kind == "up":
            taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype)
            kernel = (taps[:, None] * taps / 4).expand(len(weight), 1, 3, 3)
            y = F.conv_transpose2d(x[index : index + 1], weight.transpose(0, 1), stride=2)[..., 1:-1, 1:-1]
            y = F.conv2d(y, kernel, groups=len(weight))
        else:
            y = F.conv2d(x[index : index + 1], weight)
        if noise is not None:
            y = y + layer.noise_strength * noise[index : index + 1]
        rows.append(F.leaky_relu(y + layer.bias[:, None, None], 0.2) * math.sqrt(2))
    return torch.cat(rows)


@pytest.mark.parametrize("index", [0, 1, 5])
def test_scaled_inputs_equal_scaled_weights(networks, index):
    g = torch.Generator().manual_seed(index)
    layer = networks.texture.layers[index]
    x, style = torch.randn(3, layer.conv.weight.shape[1], 12, 14, generator=g), torch.randn(3, 64, generator=g)
    expected_shape = (3, 1, 21, 25) if layer.kind == "up" else (3, 1, 10, 12)
    noise = torch.randn(expected_shape, generator=g)
    expected = by_weights(layer, x, style, noise)
    assert (layer(x, style, noise) - expected).abs().max() <= 5e-6 * expected.std()


def test_a_generator_made_ready_equals_the_networks(networks):
    inputs, z = drawn(TINY, TINY.cells)
    # Other styles a layer, so that a mistaken index shows.
    w_plus = torch.randn(1, TINY.layers + 1, TINY.style, generator=torch.Generator().manual_seed(3))
    features = networks.structure(*inputs[:2], z)
    expected = networks.texture(features, w_plus, inputs.noises)
    painter = Prepared(networks, z[0], w_plus[0])
    made = painter.texture(painter.structure(*inputs[:2]), inputs.noises)
    assert (made - expected).abs().max() <= 1e-5 * expected.std()
    # The two forms alone, without the rounding of the features before them.
    assert (painter.texture(features, inputs.noises) - expected).abs().max() <= 5e-6 * expected.std()


def test_doubling_an_rgb_is_its_transposed_convolution(networks):
    rgb = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    taps = torch.tensor([1.0, 2.0, 1.0])
    kernel = (taps[:, None] * taps / 4).expand(3, 1, 3, 3)
    wide = F.conv_transpose2d(rgb, kernel, stride=2, groups=3)[..., 1:-1, 1:-1]
    assert torch.allclose(enlarged(rgb, (9, 13)), wide[..., 2:-2, 2:-2], atol=1e-6)


@pytest.mark.parametrize(("pixel", "cells"), [(0, (0, 16)), (4, (0, 16)), (5, (0, 17)), (40, (5, 21)), (47, (5, 22))])
def test_a_pixel_depends_on_its_cells_and_on_no_other(networks, pixel, cells):
    inputs, z = drawn(TINY, 17)
    inputs.local.requires_grad_()
    other = 50  # reads columns 6 to 22
    plain(networks, inputs, z)[0, :, pixel, other].sum().backward()
    slopes = inputs.local.grad.abs().sum((0, 1))
    for touched, at, expected in ((slopes.sum(1), pixel, cells), (slopes.sum(0), other, (6, 22))):
        assert touched.nonzero().flatten().tolist() == list(range(expected[0], expected[1] + 1))
        assert expected == (at // 8, -(-(at + 1 + 35) // 8) + 2 * TINY.halo - 1)


def test_second_derivatives_are_those_of_float64():
    config = replace(TINY, blocks=1, style=4, local=3, texture=(3,), structure_layers=1, radius=1, mapping_layers=1)
    small = random_networks(config).double().requires_grad_(True)
    inputs, z = drawn(config, 5)
    inputs, z = inputs.to(torch.float64), z.double().requires_grad_()
    features = small.structure(*inputs[:2], z.detach()).detach()

    def picture(w):
        return small.texture(features, w, inputs.noises).square().mean()

    w = small.texture.mapping(z).detach().requires_grad_()
    assert torch.autograd.gradgradcheck(picture, (w,), atol=1e-6)


def test_samples_of_a_batch_do_not_meet(networks):
    inputs, z = drawn(TINY, TINY.cells)
    two = Inputs(*(torch.cat((v, v.flip(-1))) for v in inputs[:2]), [torch.cat((v, v.flip(-1))) for v in inputs.noises])
    zs = torch.cat((z, -z))
    batch = plain(networks, two, zs)
    for index in range(2):
        alone = Inputs(*(v[index : index + 1] for v in two[:2]), [v[index : index + 1] for v in two.noises])
        assert (plain(networks, alone, zs[index : index + 1]) - batch[index]).abs().max() <= 1e-5 * batch.std()


def test_what_does_not_fit_is_refused(networks):
    inputs, z = drawn(TINY, TINY.cells)
    features = networks.structure(*inputs[:2], z)
    w = networks.texture.mapping(z)
    with pytest.raises(InvalidInputError, match="noise of 6 layers"):
        networks.texture(features, w, inputs.noises[:-1])
    with pytest.raises(InvalidInputError, match="noise of layer 2 is"):
        networks.texture(features, w, [*inputs.noises[:2], *inputs.noises[3:], inputs.noises[2]])
    with pytest.raises(InvalidInputError, match="at least 5x5"):
        networks.texture(features[..., :4], w, inputs.noises)
    with pytest.raises(InvalidInputError, match="Give at least 13"):
        networks.structure(inputs.local[..., :12], inputs.coordinates[..., :12], z)
    with pytest.raises(InvalidInputError, match="coordinates"):
        networks.structure(inputs.local, inputs.coordinates[:, :2], z)
    with pytest.raises(InvalidInputError, match="a style"):
        Prepared(networks, z, w)


def test_weights_come_from_their_generator_alone():
    before = torch.random.get_rng_state()
    first, second, other = (random_networks(TINY, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.texture.layers[0].conv.weight, other.texture.layers[0].conv.weight)


def test_a_blur_and_a_doubling_keep_what_is_constant():
    ones = torch.ones(1, 2, 9, 9)
    assert torch.equal(blurred(ones), torch.ones(1, 2, 7, 7))
    spread = doubled(ones[:, :, :5, :5], torch.eye(2)[:, :, None, None].expand(2, 2, 3, 3))
    assert spread.shape == (1, 2, 9, 9)


def test_the_sizes_of_the_paper_run():
    config = replace(GeneratorConfig(), cells=5)
    networks = random_networks(config)
    inputs, z = drawn(config, 5)
    expected = plain(networks, inputs, z)
    painter = ready(networks, z)
    made = painter.texture(painter.structure(*inputs[:2]), inputs.noises)
    assert expected.shape == (1, 3, 5, 5)
    assert expected.isfinite().all()
    assert (made - expected).abs().max() <= 2e-5 * expected.std()
