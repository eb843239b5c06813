"""Frames and their planes: layouts, the conversions between RGB and video's YUV, where a chroma sample lies.

Video is BT.709, limited range (luma 16..235, chroma 16..240), 8 bits (ITU-R BT.709-6, section 3). Its 4:2:0 chroma is
left-sited, as MPEG-2 and H.264 take it unless told otherwise: in a row of luma it lies on the even columns, and
midway between two rows (ITU-T H.264, figure 6-4).

Values are rounded to the nearest of 256 and not dithered: a level has been drawn by a model of 8 bits or less, and
noise of half a grey level is what an encoder throws away first.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.compiled import compiled

Frame = NDArray[np.uint8]
Size = tuple[int, int]  # width, height in pixels
Layout = Literal["rgb", "yuv444", "yuv420"]
"""rgb: (H, W, 3). yuv444: (3, H, W). yuv420: (3H/2, W), Y above, then U and V of (H/2, W/2) one after the other."""

KR, KB = 0.2126, 0.0722
"""Shares of red and blue in luma (BT.709)."""

LUMA_RANGE, CHROMA_RANGE, LUMA_ZERO, CHROMA_ZERO = 219.0, 224.0, 16.0, 128.0


@dataclass(frozen=True)
class Grid:
    """Where the samples of a plane lie: sample (i, j) at pixel x = at_x + step_x j, y = at_y + step_y i.

    Pixel 0 is the centre of the frame's first pixel.
    """

    step_x: int = 1
    step_y: int = 1
    at_x: float = 0.0
    at_y: float = 0.0

    def shape(self, size: Size) -> tuple[int, int]:
        """Rows and columns of this plane of a picture of `size`; odd sides are rounded up."""
        return -(-size[1] // self.step_y), -(-size[0] // self.step_x)


FULL, LEFT_SITED = Grid(), Grid(2, 2, 0.0, 0.5)
GRIDS: dict[Layout, tuple[Grid, Grid, Grid]] = {
    "rgb": (FULL, FULL, FULL),
    "yuv444": (FULL, FULL, FULL),
    "yuv420": (FULL, LEFT_SITED, LEFT_SITED),
}


def shape_of(layout: Layout, size: Size) -> tuple[int, ...]:
    """The shape of a frame of `size` = (width, height). Raises InvalidInputError where there is no such frame."""
    width, height = size
    if layout not in GRIDS:
        raise InvalidInputError(f"A frame's layout is one of {', '.join(GRIDS)}; got {layout!r}.")
    if min(size) < 1:
        raise InvalidInputError(f"A frame's size is (width, height) in pixels, at least 1 each; got {size}.")
    if layout == "yuv420":
        if width % 2 or height % 2:
            raise InvalidInputError(f"A 4:2:0 frame has even sides; got {width}x{height}. Drop the odd row or column.")
        return height * 3 // 2, width
    return (height, width, 3) if layout == "rgb" else (3, height, width)


def size_of(frame: Frame, layout: Layout) -> Size:
    """(width, height) of a frame; inverse of `shape_of`."""
    if layout == "yuv420":
        return frame.shape[1], frame.shape[0] * 2 // 3
    return (frame.shape[1], frame.shape[0]) if layout == "rgb" else (frame.shape[2], frame.shape[1])


def plane_views(frame: Frame, layout: Layout) -> tuple[Frame, Frame, Frame]:
    """The three planes of a frame, as views of it: what is written to them is in the frame."""
    if layout == "rgb":
        return frame[..., 0], frame[..., 1], frame[..., 2]
    if layout == "yuv444":
        return frame[0], frame[1], frame[2]
    width, height = size_of(frame, layout)
    if not frame.flags.c_contiguous:
        raise InvalidInputError("A 4:2:0 frame is one whole buffer (C order); this is part of one. Copy it first.")
    chroma = frame[height:].reshape(2, height // 2, width // 2)
    return frame[:height], chroma[0], chroma[1]


def planes(picture: NDArray[Any], layout: Layout) -> tuple[Frame, Frame, Frame]:
    """The planes of an RGB picture (H, W, 3), uint8 or float in 0..255, any size: uint8, as `GRIDS[layout]` says.

    Floats outside the range are clamped, after the conversion: YUV holds some of what lies outside RGB's cube. Chroma
    is thinned by [1 2 1] / 4 along rows and [1 1] / 2 along columns; what lies outside is as its nearest sample.
    """
    red, green, blue = (np.asarray(picture[..., channel], np.float32) for channel in range(3))
    if layout == "rgb":
        return _rounded(red), _rounded(green), _rounded(blue)
    luma = KR * red + (1 - KR - KB) * green
    luma += KB * blue
    u, v = blue - luma, red - luma
    if layout == "yuv420":
        u, v = _thinned(u), _thinned(v)
    luma *= LUMA_RANGE / 255
    luma += LUMA_ZERO
    for chroma, share in ((u, KB), (v, KR)):
        chroma *= CHROMA_RANGE / 255 / (2 * (1 - share))
        chroma += CHROMA_ZERO
    return _rounded(luma), _rounded(u), _rounded(v)


def assemble(parts: tuple[Frame, Frame, Frame], layout: Layout) -> Frame:
    """The frame that has these planes, of even sides where the layout is 4:2:0; inverse of `plane_views`."""
    height, width = parts[0].shape
    frame = np.empty(shape_of(layout, (width, height)), np.uint8)
    for view, plane in zip(plane_views(frame, layout), parts, strict=True):
        view[:] = plane
    return frame


def weave(parts: tuple[Frame, Frame, Frame], out: Frame) -> Frame:
    """Fill the RGB frame `out` (H, W, 3) with three planes: ten times as quick as to write to its `plane_views`."""
    quick = compiled("weave") if all(array.flags.carray for array in (*parts, out)) else None
    (quick or _plain_weave)(*parts, out)
    return out


def _plain_weave(red: Frame, green: Frame, blue: Frame, out: Frame) -> None:
    np.stack((red, green, blue), -1, out=out)


def to_rgb(frame: Frame, layout: Layout) -> Frame:
    """A frame as RGB (H, W, 3); chroma of 4:2:0 is interpolated linearly between its sites."""
    if layout == "rgb":
        return frame
    y, u, v = (plane.astype(np.float32) for plane in plane_views(frame, layout))
    if layout == "yuv420":
        u, v = _filled(u), _filled(v)
    luma = (y - LUMA_ZERO) / LUMA_RANGE
    blue = luma + (u - CHROMA_ZERO) * (2 * (1 - KB) / CHROMA_RANGE)
    red = luma + (v - CHROMA_ZERO) * (2 * (1 - KR) / CHROMA_RANGE)
    green = (luma - KR * red - KB * blue) / (1 - KR - KB)
    return _rounded(np.stack([red, green, blue], -1) * 255)


def _thinned(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every second column (the even ones) and every second gap between rows of a full plane; not `plane` itself."""
    H, W = plane.shape
    rows = np.empty((-(-H // 2), W), np.float32)
    np.add(plane[: H - 1 : 2], plane[1::2], out=rows[: H // 2])
    if H % 2:
        np.multiply(plane[-1], 2, out=rows[-1])
    even, odd = rows[:, ::2] * np.float32(0.25), rows[:, 1::2] * np.float32(0.125)
    thinned = even
    thinned[:, : W // 2] += odd
    thinned[:, 1:] += odd[:, : (W - 1) // 2]
    # What lies outside is as its nearest sample: the first column on the left, for odd W the last one on the right.
    thinned[:, 0] += rows[:, 0] * np.float32(0.125)
    if W % 2:
        thinned[:, -1] += rows[:, -1] * np.float32(0.125)
    return thinned


def _filled(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Left-sited chroma (H/2, W/2) at every pixel (H, W)."""
    h, w = chroma.shape
    across = np.empty((h, 2 * w), np.float32)
    across[:, ::2] = chroma
    across[:, 1::2] = (chroma + chroma[:, np.minimum(np.arange(1, w + 1), w - 1)]) / 2
    above, below = across[np.maximum(np.arange(h) - 1, 0)], across[np.minimum(np.arange(1, h + 1), h - 1)]
    full = np.empty((2 * h, 2 * w), np.float32)
    full[::2] = (above + 3 * across) / 4
    full[1::2] = (3 * across + below) / 4
    return full


def _rounded(values: NDArray[np.float32]) -> Frame:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
