"""Pictures of strangers: what is converted and said, and what is refused."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from zoomlib import reading
from zoomlib.errors import InvalidInputError
from zoomlib.images import to_uint8
from zoomlib.reading import load_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def shown(path: Path) -> np.ndarray:
    return to_uint8(load_picture(path)[0])


def said(path: Path) -> str:
    return " ".join(load_picture(path)[1])


def test_a_plain_picture_comes_as_it_is_and_nothing_is_said(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(picture).save(tmp_path / "srgb.png", icc_profile=SRGB)
    for name in ("a.png", "srgb.png"):
        image, notes = load_picture(tmp_path / name)
        assert (image.shape, image.dtype, notes) == ((3, 20, 30), torch.float32, ())
        assert np.array_equal(to_uint8(image), picture)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_of_16_bits_keeps_its_shades(tmp_path, kind):
    """0, a half and 1 of 65535; Pillow's own conversion makes all above 255 white."""
    values = np.array([[0, 257, 32896, 65278, 65535]], dtype=np.uint16).repeat(4, 1).repeat(16, 0)
    Image.fromarray(values).save(tmp_path / f"deep.{kind}")
    assert shown(tmp_path / f"deep.{kind}")[0, ::4, 2].tolist() == [0, 1, 128, 254, 255]
    assert "16 bits" in said(tmp_path / f"deep.{kind}")


def test_colours_of_16_bits_become_8_within_a_shade(tmp_path):
    values = np.random.default_rng(1).integers(0, 65536, (16, 20, 3), dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(deep_png(values))
    assert np.abs(shown(tmp_path / "deep.png") - values / 257).max() <= 1
    assert "16 bits" in said(tmp_path / "deep.png")


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, which Pillow does not write (PNG specification, colour type 2)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("values", [np.float32([[0.5]]), np.int32([[70_000]]), np.int32([[-1]])])
def test_values_without_a_known_white_are_refused(tmp_path, values):
    Image.fromarray(values.repeat(16, 0).repeat(16, 1)).save(tmp_path / "deep.tiff")
    with pytest.raises(InvalidInputError, match="8 or 16 bits"):
        load_picture(tmp_path / "deep.tiff")


def test_cmyk_becomes_rgb_and_it_is_said(tmp_path):
    Image.new("CMYK", (20, 16), (0, 255, 255, 0)).save(tmp_path / "print.tiff")
    assert shown(tmp_path / "print.tiff")[0, 0].tolist() == [255, 0, 0]
    assert "CMYK became RGB" in said(tmp_path / "print.tiff")


def linear_profile() -> bytes:
    """A profile of sRGB's primaries with a gamma of 1, written by hand (ICC.1:2010, matrix and curves)."""
    numbers = {"wtpt": (0.9642, 1.0, 0.8249), "rXYZ": (0.4361, 0.2225, 0.0139)}
    numbers |= {"gXYZ": (0.3851, 0.7169, 0.0971), "bXYZ": (0.1431, 0.0606, 0.7141)}
    words = b"Linear light"
    desc = b"desc\0\0\0\0" + (len(words) + 1).to_bytes(4, "big") + words + b"\0" + bytes(78)
    tags = [("desc", desc + bytes(-len(desc) % 4))]
    for name, xyz in numbers.items():
        tags.append((name, b"XYZ \0\0\0\0" + b"".join(round(v * 65536).to_bytes(4, "big") for v in xyz)))
    tags += [(f"{c}TRC", b"curv\0\0\0\0\0\0\0\0") for c in "rgb"]
    table, data, offset = len(tags).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags:
        table += name.encode() + (offset + len(data)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        data += value
    size = 128 + len(table) + len(data)
    white = b"".join(round(v * 65536).to_bytes(4, "big") for v in numbers["wtpt"])
    head = size.to_bytes(4, "big") + b"none\x02\x10\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + white
    return head + bytes(128 - len(head)) + table + data


def test_colours_of_a_profile_become_srgb(tmp_path):
    """Half of the light is 188 in sRGB: 255 (1.055 * 0.5 ** (1 / 2.4) - 0.055)."""
    Image.new("RGB", (20, 16), (128, 128, 255)).save(tmp_path / "linear.png", icc_profile=linear_profile())
    assert np.abs(shown(tmp_path / "linear.png")[0, 0].astype(int) - [188, 188, 255]).max() <= 1
    assert "sRGB, by the profile in it (Linear light)" in said(tmp_path / "linear.png")


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_profile_and_transparency_together(tmp_path, mode):
    picture = Image.new("RGBA", (20, 16), (128, 128, 128, 255))
    picture.paste((0, 0, 0, 0), (10, 0, 20, 16))
    picture.convert(mode).save(tmp_path / "both.png", icc_profile=linear_profile())
    values = shown(tmp_path / "both.png")
    assert abs(int(values[0, 0, 0]) - 188) <= 1
    assert values[0, 15].tolist() == [255, 255, 255]
    assert "transparent in it became white" in said(tmp_path / "both.png")
    assert "Linear light" in said(tmp_path / "both.png")


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_profile_that_is_damaged_or_of_another_kind_is_left_out_and_that_is_said(tmp_path, mode):
    for name, profile in (("odd", b"\0" * 200), ("cut", linear_profile()[:150])):
        Image.new(mode, (20, 16)).save(tmp_path / f"{name}.tiff", icc_profile=profile)
        assert "was not used" in said(tmp_path / f"{name}.tiff")
    if mode != "RGB":
        Image.new(mode, (20, 16)).save(tmp_path / "other.tiff", icc_profile=SRGB)
        assert "was not used" in said(tmp_path / "other.tiff")


def test_an_opaque_alpha_channel_is_not_worth_a_word(tmp_path):
    Image.new("RGBA", (20, 16), (10, 20, 30, 255)).save(tmp_path / "opaque.png")
    assert (shown(tmp_path / "opaque.png")[0, 0].tolist(), said(tmp_path / "opaque.png")) == ([10, 20, 30], "")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_becomes_three_channels(tmp_path, mode):
    (Image.new(mode, (20, 17)) if mode == "I;16" else Image.new("RGB", (20, 17)).convert(mode)).save(
        tmp_path / "a.tiff"
    )
    assert load_picture(tmp_path / "a.tiff")[0].shape == (3, 17, 20)


def test_exif_turns_the_picture_upright_and_of_several_the_first_is_taken(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_picture(tmp_path / "turned.jpg")[0].shape == (3, 40, 20)
    assert "upright" in said(tmp_path / "turned.jpg")
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    first.save(tmp_path / "two.tiff", save_all=True, append_images=[second])
    assert shown(tmp_path / "two.tiff")[0, 0].tolist() == [255, 0, 0]
    assert "first of the 2 pictures" in said(tmp_path / "two.tiff")


def png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((32, 32), 50).save(buffer, format="PNG")
    return buffer.getvalue()


@given(st.binary(max_size=64))
def test_binary_data_is_no_picture(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("binary") / "x.png"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="cannot be read as a picture"):
        load_picture(path)


def test_a_truncated_or_missing_picture_is_refused(tmp_path):
    (tmp_path / "half.png").write_bytes(png()[:400])
    Image.effect_noise((64, 64), 50).save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:900])
    for name in ("half.png", "half.jpg"):
        with pytest.raises(InvalidInputError, match="cannot be read"):
            load_picture(tmp_path / name)
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InvalidInputError, match="is not a file"):
            load_picture(path)


@pytest.mark.parametrize(
    ("size", "words"),
    [((1, 1), r"too small: 1 x 1 .* at least 16"), ((15, 400), "too small"), ((40_000, 16), "too large: 40000 x 16")],
)
def test_a_picture_too_small_or_too_large_is_refused_with_the_limits(tmp_path, size, words):
    Image.new("L", size).save(tmp_path / "odd.png")
    with pytest.raises(InvalidInputError, match=words):
        load_picture(tmp_path / "odd.png")


def test_too_many_pixels_are_refused_from_the_header_alone(tmp_path, monkeypatch):
    (tmp_path / "whole.png").write_bytes(png())
    monkeypatch.setattr(reading, "MAX_PIXELS", 600)
    monkeypatch.setattr(Image.Image, "load", lambda _self: pytest.fail("decoded"))
    with pytest.raises(InvalidInputError, match="too large: 32 x 32"):
        load_picture(tmp_path / "whole.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InvalidInputError, match=r"too large: more than .* million pixels\. .* at most 16,384"):
        load_picture(tmp_path / "whole.png")
