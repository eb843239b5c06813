"""Noise of latent models that agrees as that of pictures does."""

import pytest
import torch

from tests.doubles.blocks import Blocks
from tests.doubles.halving import Halving
from zoomlib.errors import UnsoundError
from zoomlib.grain import grain_of
from zoomlib.noise import zoom_noise

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Bent(Blocks):
    """A codec that is not linear: the same response to small changes about grey, up to scale and curvature."""

    def encode(self, images):
        return torch.tanh(super().encode(images)) * 3


@pytest.mark.parametrize(("f", "kept"), [(2, 4), (4, 16), (4, 10), (8, 33)])
@pytest.mark.parametrize(("kind", "off"), [(Blocks, 1e-4), (Bent, 2e-3)])
def test_through_an_orthonormal_block_codec_it_is_the_code_of_the_pictures_noise(f, kept, kind, off):
    grain = grain_of(kind(f, kept, scaling=0.4), 3 * kept, CPU)
    noise = grain.draw(4, (3 * kept, 64 // f, 64 // f), 2, generator())
    pictures = zoom_noise(4, (3, 64, 64), 2, generator())
    assert torch.allclose(noise, Blocks(f, kept).encode(pictures), atol=off)


@pytest.mark.parametrize("codec", [Blocks(8, 2), Halving(), Bent(4, 5)])
def test_it_is_white_whatever_the_codec(codec):
    """Rows are orthonormal, also of a codec with a channel that follows from others, and of one that only few parts of
    a block are needed for."""
    channels = codec.encode(torch.zeros(1, 3, 16, 16)).shape[1]
    grain = grain_of(codec, channels, CPU)
    rows = grain.rows.flatten(1)
    assert torch.allclose(rows @ rows.T, torch.eye(channels), atol=1e-5)
    noise = grain.draw(2, (channels, 64, 64), 2, generator())
    flat = noise.movedim(1, 0).flatten(1)
    assert (flat.cov() - torch.eye(channels)).abs().max() < 0.06


def test_few_channels_need_few_parts_of_a_block():
    assert grain_of(Blocks(8, 1), 3, CPU).rows.shape == (3, 3, 2, 2)
    assert grain_of(Blocks(8, 5), 15, CPU).rows.shape == (15, 3, 4, 4)
    assert grain_of(Blocks(2, 4), 13, CPU) is None


def test_focus_loop_and_seeds_are_those_of_the_pictures_noise():
    codec, shape = Blocks(4, 16), (48, 16, 16)
    grain = grain_of(codec, 48, CPU)
    focus = tuple((0.25 + 0.125 * k, 0.5) for k in range(7))
    for options in ({"focus": focus}, {"loop": True}, {"seeds": {1: 5}}):
        found = grain.draw(7, shape, 2, generator(), **options)
        wanted = codec.encode(zoom_noise(7, (3, 64, 64), 2, generator(), **options))
        assert torch.allclose(found, wanted, atol=1e-4)


def test_a_codec_that_makes_no_numbers_is_named():
    codec = Blocks(4, 16, scaling=float("nan"))
    with pytest.raises(UnsoundError, match=r"autoencoder.*float32"):
        grain_of(codec, 48, CPU)
