"""Between tensors and pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.images import from_pil, from_uint8, read_picture, save_png, to_pil, to_uint8

pictures = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])))


@given(pictures)
def test_every_uint8_picture_survives_the_round_trip(picture):
    image = from_uint8(picture)
    assert image.shape == (picture.shape[2], *picture.shape[:2])
    assert image.dtype == torch.float32
    assert image.min() >= -1
    assert image.max() <= 1
    assert np.array_equal(to_uint8(image), picture)


def test_the_ends_of_the_range_are_black_and_white():
    image = torch.tensor([-1.0, 1.0, -7.0, 7.0]).reshape(1, 1, 4)
    assert to_uint8(image)[0, :, 0].tolist() == [0, 255, 0, 255]


def test_rounding_is_to_the_nearest_grey():
    image = torch.linspace(-1, 1, 3000).reshape(1, 1, 3000)
    assert (from_uint8(to_uint8(image)) - image).abs().max() <= 0.5 / 127.5 + 1e-6


def test_levels_become_a_batch_of_pictures():
    levels = torch.rand(5, 3, 4, 6) * 2 - 1
    batch = to_uint8(levels)
    assert batch.shape == (5, 4, 6, 3)
    assert np.array_equal(batch[2], to_uint8(levels[2]))


@pytest.mark.parametrize("shape", [(4,), (4, 4), (1, 1, 3, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InvalidInputError, match="shape"):
        to_uint8(torch.zeros(shape))


def test_not_a_number_is_refused():
    with pytest.raises(InvalidInputError, match="not numbers"):
        to_uint8(torch.full((3, 2, 2), torch.nan))


def test_other_channels_and_types_are_refused():
    with pytest.raises(InvalidInputError, match="channels"):
        to_pil(torch.zeros(4, 2, 2))
    with pytest.raises(InvalidInputError, match="uint8"):
        from_uint8(np.zeros((2, 2, 3), np.float32))  # type: ignore[arg-type]


def test_a_saved_picture_is_read_back_exactly_and_leaves_nothing_else(tmp_path):
    image = from_uint8(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))
    save_png(image, tmp_path / "a.png")
    assert torch.equal(read_picture(tmp_path / "a.png"), image)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_palettes_and_transparency_become_colours():
    assert torch.equal(from_pil(Image.new("RGBA", (4, 2), (255, 0, 0, 0))), torch.ones(3, 2, 4))
    palette = Image.new("P", (4, 2))
    palette.putpalette([10, 20, 30])
    assert to_uint8(from_pil(palette))[0, 0].tolist() == [10, 20, 30]


def test_what_is_no_whole_picture_is_refused(tmp_path):
    save_png(torch.zeros(3, 32, 32), tmp_path / "whole.png")
    for name, content in (("half.png", (tmp_path / "whole.png").read_bytes()[:60]), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInputError, match="cannot be read"):
            read_picture(tmp_path / name)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_picture(tmp_path / "none.png")
