"""Which pixels of a level are kept, which are made, and in what order: masks are bool (H, W), True where made."""

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Window, whole_pixels
from zoomlib.images import AGREE


def kept_windows(inside: tuple[Box, ...], height: int, width: int, factor: int) -> tuple[Window, ...]:
    """The kept pixels of every level but the deepest: those that lie wholly in the next level's box.

    Raises InvalidInputError where a level would not keep one whole cell of factor x factor pixels of the model's grid.
    """
    kept = tuple(whole_pixels(box, height, width) for box in inside)
    for level, window in enumerate(kept):
        rows = (window.top + window.height) // factor - -(-window.top // factor)
        columns = (window.left + window.width) // factor - -(-window.left // factor)
        if rows < 1 or columns < 1:
            cell = "pixel" if factor == 1 else f"cell of {factor} x {factor} pixels"
            raise InvalidInputError(
                f"Nothing is kept of level {level + 1}: its window in level {level}, {inside[level].height:.4g} x "
                f"{inside[level].width:.4g} of {height} x {width} pixels, holds no whole {cell}. "
                "Choose a smaller margin or zoom factor."
            )
    return kept


def border(kept: Window, height: int, width: int) -> Tensor:
    """The mask of everything around the kept window."""
    mask = torch.ones(height, width, dtype=torch.bool)
    mask[kept.slices] = False
    return mask


def sides(kept: Window, height: int, width: int) -> dict[str, Tensor]:
    """The border in parts, in the order in which they are made: left, top, right, bottom, without those that are empty.

    Each part lies along what is kept or made already: the upper corners belong to top and right, the lower to bottom.
    """
    bottom, right = kept.top + kept.height, kept.left + kept.width
    parts = {
        "left": Window(kept.top, 0, kept.height, kept.left),
        "top": Window(0, 0, kept.top, right),
        "right": Window(0, right, bottom, width - right),
        "bottom": Window(bottom, 0, height - bottom, width),
    }
    return {name: ~border(part, height, width) for name, part in parts.items() if part.height and part.width}


def band(kept: Window, height: int, width: int, width_px: float) -> Tensor:
    """The mask of a band around the kept window, `width_px` wide, at most half of what there is on that side.

    It is at least a pixel wide where there is one.
    """
    ends = ((kept.top, kept.top + kept.height, height), (kept.left, kept.left + kept.width, width))
    (top, bottom), (left, right) = (
        (start - _reach(start, width_px), end + _reach(size - end, width_px)) for start, end, size in ends
    )
    return border(kept, height, width) & ~border(Window(top, left, bottom - top, right - left), height, width)


def _reach(room: int, width_px: float) -> int:
    return min(max(round(width_px), 1), (room + 1) // 2)


def agree(given: Tensor, shown: Tensor, kept: Window) -> bool:
    """Whether two pictures (C, H, W) show the same in the outermost pixels of the kept window.

    Sides on the pictures' own edge are no border.
    """
    (top, left, h, w), (H, W) = (kept.top, kept.left, kept.height, kept.width), given.shape[-2:]
    apart = (given - shown)[:, *kept.slices].abs()
    rim = [
        (apart[:, :1], top > 0),
        (apart[:, -1:], top + h < H),
        (apart[:, :, :1], left > 0),
        (apart[:, :, -1:], left + w < W),
    ]
    return all(float(side.max()) <= AGREE for side, is_border in rim if is_border)


def agree_in_the_middle(given: Tensor, shown: Tensor, kept: Window) -> bool:
    """Whether two pictures (C, H, W) show the same in the middle half of the kept window, as they do where a method
    let it fade in softly."""
    h, w = kept.height // 4, kept.width // 4
    middle = Window(kept.top + h, kept.left + w, kept.height - 2 * h, kept.width - 2 * w)
    return float((given - shown)[:, *middle.slices].abs().max()) <= AGREE
