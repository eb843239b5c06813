"""Padding, against numpy.pad."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoomlib.geometry import Window
from zoomlib.outpainting.padding import pad, source_index

around = st.integers(0, 20)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.sampled_from(["reflect", "symmetric", "edge"]), around, st.integers(1, 7), around)
def test_pixels_are_taken_from_where_numpy_takes_them(padding, before, kept, after):
    """Also where the border is many times wider than what is kept."""
    found = source_index(before, kept, before + kept + after, padding)
    wanted = np.pad(np.arange(kept), (before, after), mode=padding) + before
    assert found.tolist() == wanted.tolist()


@given(st.sampled_from(["reflect", "symmetric", "edge"]), around, around, st.integers(1, 6), st.integers(1, 6))
def test_a_picture_is_padded_as_numpy_pads_it(padding, top, left, height, width):
    size = (2, top + height + 3, left + width + 5)
    picture = torch.rand(size, generator=generator())
    inside = picture[:, top : top + height, left : left + width]
    found = pad(picture, Window(top, left, height, width), padding, generator())
    wanted = np.pad(inside.numpy(), ((0, 0), (top, 3), (left, 5)), mode=padding)
    assert np.array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("padding", ["reflect", "symmetric", "edge", "noise", "black"])
def test_what_is_kept_stays_bit_for_bit_and_nothing_else_of_the_picture_is_seen(padding):
    picture = torch.rand(3, 16, 12, generator=generator(1)) - 0.5
    kept = Window(5, 3, 6, 5)
    found = pad(picture, kept, padding, generator())
    elsewhere = torch.full_like(picture, 7.0)
    elsewhere[:, *kept.slices] = picture[:, *kept.slices]
    assert torch.equal(found[:, *kept.slices], picture[:, *kept.slices])
    assert torch.equal(found, pad(elsewhere, kept, padding, generator()))
    assert found.abs().max() <= 1


def test_black_is_black_and_noise_comes_from_the_generator_with_the_colours_of_what_is_kept():
    picture = torch.zeros(3, 64, 64)
    picture[:, 24:40, 24:40] = torch.randn(3, 16, 16, generator=generator()) * 0.1
    picture[0, 24:40, 24:40] += 0.5
    kept = Window(24, 24, 16, 16)
    assert (pad(picture, kept, "black", generator())[:, :24] == -1).all()
    noise = pad(picture, kept, "noise", generator(1))
    assert torch.equal(noise, pad(picture, kept, "noise", generator(1)))
    assert not torch.equal(noise, pad(picture, kept, "noise", generator(2)))
    outside = torch.cat([noise[:, :24].flatten(1), noise[:, 40:].flatten(1)], 1)
    inside = picture[:, 24:40, 24:40]
    # 3072 draws around the mean of 256: both means are known to 0.1 / sqrt(3072) = 0.002
    assert (outside.mean(1) - inside.mean((1, 2))).abs().max() < 0.008
    assert (outside.std(1) - inside.std((1, 2))).abs().max() < 0.01
