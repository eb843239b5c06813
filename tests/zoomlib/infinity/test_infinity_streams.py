"""Windows in files: the pixels of the plane to the last bit, whole or not at all, with what made them beside; refused
before work where they cannot be written."""

import json
import os
import shutil
import sys
from collections import namedtuple

import numpy as np
import pytest
import tifffile
import torch
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.images import to_uint8
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.painting.painter import PlainPainter
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.streams import png as png_stream
from zoomlib.infinity.streams.appended import Appended
from zoomlib.infinity.streams.rows import Regrouped
from zoomlib.infinity.streams.tiff import TiffPacker
from zoomlib.infinity.streams.writing import SUFFIXES, check_target, estimate, write_window

WINDOW = (-97, -131, 150, 211)


@pytest.fixture(scope="module")
def plane():
    return Plane(PlainPainter(random_networks(), Latents(SMALL, 11)), cells=15, more={"revision": "abc"})


@pytest.fixture(scope="module")
def picture(plane):
    return to_uint8(plane.window(*WINDOW))


def read(path):
    if path.suffix == ".zarr":
        return zarr.open_array(path, mode="r")[:]
    if path.suffix == ".png":
        with Image.open(path) as file:
            assert file.mode == "RGB"
            return np.asarray(file)
    return tifffile.imread(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_holds_the_window_and_beside_it_what_made_it(plane, picture, tmp_path, suffix):
    told = []
    path = write_window(
        plane, *WINDOW, tmp_path / f"new/x{suffix}", facts={"command": "c"}, on_tile=lambda *done: told.append(done)
    )
    assert np.array_equal(read(path), picture)
    beside = json.loads(path.with_name(f"x{suffix}.json").read_text())
    assert beside["format"] == "tenfold-window-1"
    assert {name: beside[name] for name in ("y0", "x0", "height", "width", "seed", "revision", "command")} == {
        **dict(zip(("y0", "x0", "height", "width"), WINDOW, strict=True)),
        "seed": 11,
        "revision": "abc",
        "command": "c",
    }
    assert sorted(p.name for p in path.parent.iterdir()) == [f"x{suffix}", f"x{suffix}.json"]
    assert told[-1] == (len(told), estimate(plane, *WINDOW, suffix).tiles)
    assert sum(p.stat().st_size for p in [path, *path.rglob("*")] if p.is_file()) <= check_target(path, *WINDOW[2:])


def test_a_tiff_is_tiled_and_a_zarr_says_its_axes(plane, tmp_path):
    with tifffile.TiffFile(write_window(plane, *WINDOW, tmp_path / "x.tif")) as file:
        assert file.is_bigtiff
        assert file.pages[0].is_tiled
        assert file.pages[0].predictor == 2
    array = zarr.open_array(write_window(plane, *WINDOW, tmp_path / "x.zarr"), mode="r")
    assert array.metadata.dimension_names == ("y", "x", "channel")
    assert array.attrs["seed"] == 11
    assert array.chunks == (plane.step, plane.step, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".zarr"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_file_leaves_what_was_there_and_nothing_else(plane, tmp_path, suffix, error):
    path = tmp_path / f"x{suffix}"
    path.mkdir() if suffix == ".zarr" else path.write_text("before")
    (tmp_path / f"{path.name}.json").write_text("before")

    def stop(done, total):
        if done == 3:
            raise error

    with pytest.raises(error):
        write_window(plane, *WINDOW, path, on_tile=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, f"{path.name}.json"]
    assert path.is_dir() or path.read_text() == "before"
    assert (tmp_path / f"{path.name}.json").read_text() == "before"


def test_an_old_result_is_replaced(plane, picture, tmp_path):
    for suffix in (".png", ".zarr"):
        write_window(plane, 0, 0, 20, 300, tmp_path / f"x{suffix}")
        assert np.array_equal(read(write_window(plane, *WINDOW, tmp_path / f"x{suffix}")), picture)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.png", "x.png.json", "x.zarr", "x.zarr.json"]


class Untouched:
    """A painter that must not be asked."""

    config, blocks, period, device = SMALL, SMALL.blocks, None, torch.device("cpu")

    def facts(self):
        return {}


def refused(path, size=(10, 10), words=""):
    before = sorted(path.parent.rglob("*")) if path.parent.exists() else None
    for look in (
        lambda: write_window(Plane(Untouched()), 0, 0, *size, path),
        lambda: check_target(path, *size),
    ):
        with pytest.raises(InvalidInputError, match=words):
            look()
    assert (sorted(path.parent.rglob("*")) if path.parent.exists() else None) == before


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.PNG.gz"])
def test_other_suffixes_are_refused(tmp_path, name):
    refused(tmp_path / "new" / name, words=r"written as \.png, \.tif, \.tiff, \.zarr, not as")


def test_a_full_disk_is_told_with_the_estimate(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(2**34, 2**33, 2**30))
    refused(tmp_path / "x.png", (30_000, 40_000), r"40000 x 30000 pixels take up to 3\.47 GiB .* has 1\.00 GiB free")
    assert check_target(tmp_path / "x.png", 10_000, 30_000) < 2**30


def test_sides_that_a_format_cannot_tell_are_refused(tmp_path):
    refused(tmp_path / "x.png", (1, 2**31), "at most 2147483647 pixels a side")
    refused(tmp_path / "x.tif", (2**32, 1), "at most 4294967295 pixels a side")


def test_places_where_nothing_can_be_written_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "x.png", words="Nothing can be written to")
    (tmp_path / "x.png").mkdir()
    refused(tmp_path / "x.png", words="is a folder")
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused(tmp_path / "y.png", words="Choose another folder, or permit it")


def test_without_zarr_its_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    refused(tmp_path / "x.zarr", words=r"tenfold\[zarr\]")


def test_an_estimate_counts_whole_tiles_and_groups(plane):
    stacked = Plane(plane.painter, cells=15, batch=4)
    for made, columns in ((plane, 2), (stacked, 4)):
        found = estimate(made, 0, 5, 81, 100)
        assert (found.pixels, found.tiles, found.painted_px) == (8100, 2 * columns, 2 * columns * 80**2)
        assert 0 < found.macs < 1e6 * found.painted_px


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 12))
def test_bands_regrouped_are_the_same_picture(heights, rows):
    whole = np.arange(sum(heights) * 6, dtype=np.uint8).reshape(-1, 2, 3)
    ends = np.cumsum(heights)[:-1]
    bands = Regrouped(rows, 2)
    out = [made.copy() for band in np.split(whole, ends) for made in bands.add(band)]
    assert np.array_equal(np.concatenate([*out, bands.left]), whole)
    assert {len(band) for band in out} <= {rows}
    assert len(bands.left) < rows


@pytest.mark.parametrize("packer", [png_stream.PngPacker, TiffPacker])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 90), st.integers(1, 300), st.integers(0, 2**32), st.sampled_from(["noise", "smooth", "flat"]))
def test_any_picture_can_be_read_again(tmp_path, packer, height, width, seed, kind):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    if kind == "smooth":
        pixels = (pixels % 5 + np.add.outer(np.arange(height), np.arange(width))[..., None]).astype(np.uint8)
    if kind == "flat":
        pixels[:] = pixels[0, 0]
    path = tmp_path / f"x.{packer.__name__[:3].lower()}"
    packed(path, packer(height, width), np.array_split(pixels, 1 + seed % min(height, 4)))
    assert np.array_equal(read(path), pixels)


def packed(path, packer, bands):
    file = Appended(path, packer.head)
    for band in bands:
        packer.pack(band, file)
    packer.end(file)
    file.close()


def test_each_filter_is_taken_where_it_is_the_best():
    ramp, zeros = np.arange(60, dtype=np.uint8).repeat(3), np.zeros(180, np.uint8)
    noise, dots = np.random.default_rng(0).integers(0, 256, 180, np.uint8), np.zeros(180, np.uint8)
    dots[::15] = 9
    lines, above = np.stack([ramp, dots, noise, zeros]), np.stack([zeros, noise, noise, zeros])
    assert png_stream.filtered(lines, above)[:, 0].tolist() == [1, 0, 2, 0]


def test_what_is_not_ours_is_not_replaced_and_addresses_are_no_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "letter.txt").write_text("dear")
    refused(tmp_path / "mine.zarr", words="none of ours")
    with pytest.raises(InvalidInputError, match="written to this machine"):
        check_target("s3://bucket/a.png", 10, 10)
    assert check_target(tmp_path / "A.PNG", 10, 10) == check_target(tmp_path / "a.png", 10, 10)
