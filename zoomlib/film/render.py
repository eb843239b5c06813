"""Frames of a zoom stack, with exact geometry: boxes in fractions of a pixel, one kernel for every layer.

Before the first frame the levels are made into one static world: each level eases at its border into the wider one,
and carries all finer levels in its window. A frame then needs two layers, and neither a frame around the finer level
nor a jump where the camera passes a level can show.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.film.view import Part, Size, look, part
from zoomlib.images import to_pil
from zoomlib.stack import ZoomStack

Frame = NDArray[np.uint8]

KERNEL = Image.Resampling.LANCZOS  # the same for both layers: two kernels differ in sharpness, which pops at a level
SUPPORT_PX = 3.0  # Lanczos3 reaches this far; nearer to its border the finer level would be extrapolated
COLOUR_FEATHER = 1 / 8  # of a side: over this width low frequencies ease from the wider level to the finer
LOW_GRID = (16, 16)  # what this few cells can hold of a picture is its low frequencies
DETAIL_FEATHER = 1 / 32  # and over this one the rest: a wide blend of detail would show double contours
MIN_FEATHER_PX = 4.0  # however small the picture


class Renderer:
    """Draws any position of `stack` at `size` = (width, height) pixels; holds one 8-bit picture per level.

    The levels' pictures have the size of the frame, or their own where that is larger, so that each level shows all
    that the finer ones know. A frame of another shape than the levels shows their largest centred part.
    """

    def __init__(self, stack: ZoomStack, size: Size) -> None:
        if min(size) < 1:
            raise InvalidInputError(f"A frame's size is (width, height) in pixels, at least 1 each; got {size}.")
        H, W = stack.levels.shape[-2:]
        self.size, self.p, self.aspect = size, stack.p, W / H
        self.windows = [part(box, W, H) for box in stack.windows]
        self.worlds = composite(stack, _canvas((W, H), size))

    def frame(self, position: float) -> Frame:
        """The frame (H, W, 3) at `position` in [0, levels - 1]; at an integer that level fills it."""
        if not 0 <= position <= len(self.windows):
            raise InvalidInputError(f"Position {position} is outside the stack's levels 0 to {len(self.windows)}.")
        view = look(position, self.p, self.windows, self.size, self.aspect, SUPPORT_PX)
        picture = _crop(self.worlds[view.level], view.outer, self.size)
        if view.place is not None and view.inner is not None:
            x0, y0, x1, y1 = view.place
            picture.paste(_crop(self.worlds[view.level + 1], view.inner, (x1 - x0, y1 - y0)), (x0, y0))
        return np.asarray(picture)


def frames(stack: ZoomStack, camera: Camera, size: Size) -> Iterator[Frame]:
    """Every frame of `camera` over `stack`: uint8 (H, W, 3), `size` = (width, height).

    The pictures of the levels are made at the first frame; memory does not grow with the number of frames.
    Raises InvalidInputError, at once, for a camera made for another number of levels.
    """
    if camera.levels != len(stack.levels):
        raise InvalidInputError(f"The camera is made for {camera.levels} levels, the stack has {len(stack.levels)}.")

    def draw() -> Iterator[Frame]:
        renderer = Renderer(stack, size)
        yield from map(renderer.frame, camera.positions().tolist())

    return draw()


def even_size(size: Size) -> Size:
    """`size` with odd sides lessened by one pixel: 4:2:0 video has no odd sides."""
    return max(size[0] - size[0] % 2, 2), max(size[1] - size[1] % 2, 2)


def composite(stack: ZoomStack, size: Size) -> list[Image.Image]:
    """The static world: one picture of `size` per level, eased into the wider level and carrying all finer ones."""
    H, W = stack.levels.shape[-2:]
    windows = [part(box, W, H) for box in stack.windows]
    eased = [_picture(stack.levels[0], size)]
    for level, window in zip(stack.levels[1:], windows, strict=True):
        eased.append(_ease(_crop(eased[-1], window, size), _picture(level, size)))
    worlds = eased[-1:]
    for picture, window in zip(eased[-2::-1], windows[::-1], strict=True):
        worlds.append(_paste(picture, worlds[-1], window, stack.p))
    return worlds[::-1]


def _canvas(level: Size, frame: Size) -> Size:
    """The size at which a level covers the frame, in its own shape, and at least its own size."""
    scale = max(frame[0] / level[0], frame[1] / level[1], 1)
    return math.ceil(level[0] * scale), math.ceil(level[1] * scale)


def _picture(level: Tensor, size: Size) -> Image.Image:
    return to_pil(level).convert("RGB").resize(size, KERNEL)


def _crop(picture: Image.Image, box: Part, size: Size) -> Image.Image:
    """The part `box` (real fractions) of `picture`, resampled to `size`; the kernel sees beyond the box."""
    W, H = picture.size
    x0, y0, x1, y1 = box
    return picture.resize(size, KERNEL, box=(max(x0 * W, 0), max(y0 * H, 0), min(x1 * W, W), min(y1 * H, H)))


def _paste(wide: Image.Image, fine: Image.Image, window: Part, p: float) -> Image.Image:
    """`wide` with `fine` in its window, on the pixels that lie wholly inside."""
    view = look(0.0, p, [window], wide.size, wide.width / wide.height)
    if view.place is None or view.inner is None:
        return wide
    x0, y0, x1, y1 = view.place
    pasted = wide.copy()
    pasted.paste(_crop(fine, view.inner, (x1 - x0, y1 - y0)), (x0, y0))
    return pasted


def _ease(wide: Image.Image, fine: Image.Image) -> Image.Image:
    """`fine` that at its border is `wide` (of the same view): colour eases over 1/8 of the side, detail over 1/32."""
    below = torch.from_numpy(np.array(fine)).permute(2, 0, 1).float()
    change = torch.from_numpy(np.array(wide)).permute(2, 0, 1).float() - below
    side = min(fine.size)
    low = F.interpolate(F.interpolate(change[None], LOW_GRID, mode="area"), change.shape[-2:], mode="bicubic")[0]
    eased = below + (1 - _ramp(fine.size, side * COLOUR_FEATHER)) * low
    eased += (1 - _ramp(fine.size, max(side * DETAIL_FEATHER, MIN_FEATHER_PX))) * (change - low)
    return Image.fromarray(eased.round().clamp(0, 255).byte().permute(1, 2, 0).numpy())


def _ramp(size: Size, width_px: float) -> Tensor:
    """(H, W): 0 on the border, 1 from `width_px` inwards, a smooth step between."""
    across, down = (torch.arange(n) + 0.5 for n in size)
    x, y = (torch.minimum(d, n - d) / width_px for d, n in ((across, size[0]), (down, size[1])))
    d = torch.minimum(x, y[:, None]).clamp(max=1)
    return d * d * (3 - 2 * d)
