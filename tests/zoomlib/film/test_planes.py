import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from hypothesis import given
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film.planes import GRIDS, assemble, plane_views, planes, shape_of, size_of, to_rgb, weave

LAYOUTS = sorted(GRIDS)
sides = st.integers(1, 40)


def noise(H, W, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (H, W, 3), np.uint8)


def smooth(H, W):
    """Every colour there is, changing slowly."""
    y, x = np.mgrid[:H, :W]
    waves = [np.sin(x / 37 + 1), np.sin(y / 41 + x / 90), np.cos((x - y) / 47)]
    return np.stack([127.5 + 127.5 * wave for wave in waves], -1).round().astype(np.uint8)


def difference(a, b):
    return abs(a.astype(float) - b.astype(float)).max()


@pytest.mark.parametrize("layout", LAYOUTS)
@given(sides, sides)
def test_frames_and_their_planes_are_each_others_inverse(layout, half_h, half_w):
    size = 2 * half_w, 2 * half_h
    frame = np.random.default_rng(0).integers(0, 256, shape_of(layout, size), np.uint8)
    parts = plane_views(frame, layout)
    assert size_of(frame, layout) == size
    assert [part.shape for part in parts] == [grid.shape(size) for grid in GRIDS[layout]]
    np.testing.assert_array_equal(assemble(parts, layout), frame)
    for part in parts:
        part[...] = 9
    assert (frame == 9).all()


@given(sides, sides)
def test_woven_planes_are_the_rgb_frame(H, W):
    picture = noise(H, W)
    np.testing.assert_array_equal(weave(planes(picture, "rgb"), np.empty_like(picture)), picture)
    np.testing.assert_array_equal(weave(plane_views(picture, "rgb"), np.empty_like(picture)), picture)


@given(st.integers(0, 9))
def test_every_colour_survives_full_chroma(seed):
    # A step of luma is 255/219, one of chroma up to 1.86 255/224 levels: rounding both moves a colour by at most 2.
    picture = noise(50, 60, seed)
    assert difference(to_rgb(assemble(planes(picture, "yuv444"), "yuv444"), "yuv444"), picture) <= 2


def test_colour_that_changes_slowly_survives_thinned_chroma():
    picture = smooth(120, 160)
    found = to_rgb(assemble(planes(picture, "yuv420"), "yuv420"), "yuv420")
    assert difference(found[1:-1, 1:-1], picture[1:-1, 1:-1]) <= 3  # at the border there is no chroma to go by


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_the_colours_of_bars_have_the_values_of_bt709(colour, expected):
    found = planes(np.full((4, 6, 3), colour, np.uint8), "yuv420")
    assert tuple(int(plane.flat[0]) for plane in found) == expected
    assert all((plane == plane.flat[0]).all() for plane in found)


def bt709(frame, pixel_format):
    """Another format of a frame of PyAV, by FFmpeg's own conversion."""
    return frame.reformat(
        format=pixel_format,
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG if frame.format.name.startswith("yuv") else ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG if pixel_format.startswith("yuv") else ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
    )


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p"])
def test_planes_are_those_of_ffmpeg(pixel_format):
    picture = smooth(128, 192)
    theirs = bt709(av.VideoFrame.from_ndarray(picture, "rgb24"), pixel_format).to_ndarray()
    layout = pixel_format.removesuffix("p")
    for own, their in zip(planes(picture, layout), plane_views(theirs, layout), strict=True):
        assert difference(own, their) <= 2  # FFmpeg reckons with 15 bits and rounds down


# FFmpeg's quick way to RGB repeats thinned chroma, where ours interpolates it.
@pytest.mark.parametrize(("layout", "most"), [("yuv444", 3), ("yuv420", 8)])
def test_ffmpeg_shows_the_frame_that_was_meant(layout, most):
    frame = assemble(planes(smooth(128, 192), layout), layout)
    theirs = bt709(av.VideoFrame.from_ndarray(frame, layout + "p"), "rgb24").to_ndarray()
    assert difference(to_rgb(frame, layout)[2:-2, 2:-2], theirs[2:-2, 2:-2]) <= most


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(3, 30), st.integers(3, 30))
def test_thinned_chroma_lies_on_even_columns_midway_between_rows(across, down, H, W):
    grid = GRIDS["yuv420"][1]

    def blue(x, y):
        return 128 + across * x + down * y

    y, x = np.mgrid[:H, :W]
    picture = np.zeros((H, W, 3), np.float32)
    picture[..., 2] = blue(x, y)
    u = planes(picture, "yuv420")[1]
    rows, columns = np.mgrid[: u.shape[0], : u.shape[1]]
    there = blue(grid.at_x + grid.step_x * columns, grid.at_y + grid.step_y * rows)
    expected = 128 + there * (1 - 0.0722) / 1.8556 * 224 / 255
    inside = (slice(0, H // 2), slice(1, (W - 1) // 2))  # the filter's ends lie within
    assert u.shape == grid.shape((W, H))
    assert abs(u - expected)[inside].max(initial=0) <= 0.51


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bytes_and_fractions_give_the_same_planes(layout):
    for own, same in zip(planes(noise(9, 7), layout), planes(noise(9, 7).astype(float), layout), strict=True):
        np.testing.assert_array_equal(own, same)


def test_values_outside_the_range_are_clamped_and_not_wrapped():
    picture = np.full((4, 4, 3), 300.0)
    assert all((plane == 255).all() for plane in planes(picture, "rgb"))
    assert (planes(picture, "yuv444")[0] == 255).all()
    assert (planes(-picture, "yuv444")[0] == 0).all()


def test_frames_that_there_are_not_are_refused():
    with pytest.raises(InvalidInputError, match="even"):
        shape_of("yuv420", (5, 4))
    with pytest.raises(InvalidInputError, match="at least 1"):
        shape_of("rgb", (0, 4))
    with pytest.raises(InvalidInputError, match="layout"):
        shape_of("bgr", (4, 4))
    with pytest.raises(InvalidInputError, match="buffer"):
        plane_views(np.zeros((12, 16), np.uint8)[:, ::2], "yuv420")
