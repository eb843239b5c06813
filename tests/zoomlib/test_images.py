"""Between tensors and pictures."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.images import from_pil, from_uint8, load_image, save_png, to_pil, to_uint8

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


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_of_16_bits_keeps_its_shades(tmp_path, kind):
    """0, a half and 1 of 65535; Pillow's own conversion makes all above 255 white."""
    values = np.array([[0, 257, 32896, 65278, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"deep.{kind}")
    assert to_uint8(load_image(tmp_path / f"deep.{kind}"))[0, :, 2].tolist() == [0, 1, 128, 254, 255]


@pytest.mark.parametrize("values", [np.float32([[0.5]]), np.int32([[70_000]]), np.int32([[-1]])])
def test_values_without_a_known_white_are_refused(tmp_path, values):
    Image.fromarray(values).save(tmp_path / "deep.tiff")
    with pytest.raises(InvalidInputError, match="8 or 16 bits"):
        load_image(tmp_path / "deep.tiff")


def test_other_channels_and_types_are_refused():
    with pytest.raises(InvalidInputError, match="channels"):
        to_pil(torch.zeros(4, 2, 2))
    with pytest.raises(InvalidInputError, match="uint8"):
        from_uint8(np.zeros((2, 2, 3), np.float32))  # type: ignore[arg-type]


def test_a_saved_picture_is_read_back_exactly_and_leaves_nothing_else(tmp_path):
    image = from_uint8(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))
    save_png(image, tmp_path / "a.png")
    assert torch.equal(load_image(tmp_path / "a.png"), image)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_grey_and_transparent_pictures_become_three_channels(tmp_path):
    Image.new("L", (4, 2), 51).save(tmp_path / "grey.png")
    assert torch.allclose(load_image(tmp_path / "grey.png"), torch.full((3, 2, 4), 51 / 127.5 - 1))
    Image.new("RGBA", (4, 2), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert torch.equal(load_image(tmp_path / "clear.png"), torch.ones(3, 2, 4))
    palette = Image.new("P", (4, 2))
    palette.putpalette([10, 20, 30])
    assert to_uint8(from_pil(palette))[0, 0].tolist() == [10, 20, 30]


def test_exif_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_image(tmp_path / "turned.jpg").shape == (3, 4, 2)


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((32, 32), 50).save(buffer, format="PNG")
    return buffer.getvalue()


@given(st.binary(max_size=64))
def test_binary_data_is_no_picture(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("binary") / "x.png"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="cannot be read as a picture"):
        load_image(path)


def test_a_truncated_missing_or_enormous_picture_is_refused(tmp_path, monkeypatch):
    (tmp_path / "half.png").write_bytes(_png()[:400])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_image(tmp_path / "half.png")
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InvalidInputError, match="is not a file"):
            load_image(path)
    (tmp_path / "whole.png").write_bytes(_png())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_image(tmp_path / "whole.png")
