"""Whether the border of a window shows in the level around it: steps of detail and of colour across it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from evaluation.colour import lab
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Window
from zoomlib.stack import ZoomStack

BESIDE_PX = (-4, -3, -2, 2, 3, 4)  # next to the border itself, resampling leaves traces of it
GREY_LEVEL = 2 / 255  # a step of one in 8 bits
BAND_PX = 4  # wide enough to average texture, narrow enough to be the same place


def seam(image: Tensor, window: Box | Window) -> dict[str, float]:
    """How visible the border of `window` is in `image` (C, H, W): mean step across it over the mean step beside it.

    1 is invisible. Keys: "seam" over all sides, "seam_top", "seam_bottom", "seam_left", "seam_right", and "seam_worst"
    of these. "Beside" are the parallel lines 2 to 4 pixels off, within the window's extent. Half a grey level is added
    to both, so that flat areas give 1. A side on the image's own edge has no seam and is NaN.
    """
    image = image.detach().cpu()
    across = {
        "left": (image, window.left, window.top, window.height),
        "right": (image, window.left + window.width, window.top, window.height),
        "top": (image.mT, window.top, window.left, window.width),
        "bottom": (image.mT, window.top + window.height, window.left, window.width),
    }
    steps = {side: _steps(*line) for side, line in across.items()}
    seen = [step for step in steps.values() if step is not None]
    if not seen:
        raise InvalidInputError(f"A window that fills the image has no border to measure: {window}.")
    sides = {f"seam_{side}": _ratio([step] if step else []) for side, step in steps.items()}
    return {"seam": _ratio(seen), **sides, "seam_worst": max(_ratio([step]) for step in seen)}


def colour_step(image: Tensor, window: Box | Window) -> Tensor:
    """Mean colour just outside the border of `window` in `image` (C, H, W) less that just inside: Lab, float64 (3,).

    Both bands are BAND_PX wide, from the border rounded to whole pixels. Where a side lies nearer to the image's edge,
    the band there is narrower. Raises InvalidInputError for a window that fills the image.
    """
    _, H, W = image.shape
    top, left, bottom, right = (round(x) for x in _edges(window))
    rows, columns = torch.arange(H)[:, None], torch.arange(W)[None]
    # How far a pixel lies inside the border, in pixels: 1 for the first inside, 0 for the first outside.
    depth = torch.minimum(
        torch.minimum(rows - top + 1, bottom - rows), torch.minimum(columns - left + 1, right - columns)
    )
    # Where the window ends at the image's edge there is no border, and pixels there are next to none.
    reach = [top > 0, bottom < H, left > 0, right < W]
    if not any(reach):
        raise InvalidInputError(f"A window that fills the image has no border to measure: {window}.")
    inside, outside = (depth > 0) & _near(rows, columns, (top, left, bottom, right), reach), (depth <= 0)
    outside &= depth > -BAND_PX
    outer, inner = (lab(image[:, band][..., None]).mean((1, 2)) for band in (outside, inside))  # only these pixels
    return outer - inner


def _edges(window: Box | Window) -> tuple[float, float, float, float]:
    return window.top, window.left, window.top + window.height, window.left + window.width


def _near(rows: Tensor, columns: Tensor, edges: tuple[int, int, int, int], reach: Sequence[bool]) -> Tensor:
    """Whether a pixel inside lies within BAND_PX of a side that is a border."""
    top, left, bottom, right = edges
    sides = (rows - top, bottom - 1 - rows, columns - left, right - 1 - columns)
    near = [
        (side < BAND_PX).expand(len(rows), columns.shape[1]) for side, real in zip(sides, reach, strict=True) if real
    ]
    return torch.stack(near).any(0)


def colour_scores(stack: ZoomStack) -> dict[str, dict[int, float]]:
    """colour_step: the length of `colour_step` at each level's window. colour_drift: the length of their sum from the
    deepest window out to this one: steps of chance cancel in it, a shift that every level repeats adds up."""
    steps: dict[str, dict[int, float]] = {"colour_step": {}, "colour_drift": {}}
    total = torch.zeros(3, dtype=torch.float64)
    inside = stack.ring
    for level in reversed(range(len(inside))):
        try:
            step = colour_step(stack.levels[level], inside[level])
        except InvalidInputError:
            continue
        total = total + step
        steps["colour_step"][level], steps["colour_drift"][level] = step.norm().item(), total.norm().item()
    return steps


def _steps(image: Tensor, at: float, start: float, length: float) -> tuple[float, float] | None:
    """Mean step across the line x = `at` of (C, H, W), and across those beside it; None at the image's edge."""
    line, W = round(at), image.shape[-1]
    if not 0 < line < W:
        return None
    first, last = max(line + BESIDE_PX[0], 1), min(line + BESIDE_PX[-1], W - 1)
    rows = image[:, round(start) : max(round(start + length), round(start) + 1), first - 1 : last + 1].double()
    steps = rows.diff(dim=-1).abs().mean((0, 1)).tolist()
    beside = [steps[line + off - first] for off in BESIDE_PX if first <= line + off <= last]
    return (steps[line - first], sum(beside) / len(beside)) if beside else None


def _ratio(steps: Sequence[tuple[float, float]]) -> float:
    floor = GREY_LEVEL / 2 * len(steps)
    return (sum(s[0] for s in steps) + floor) / (sum(s[1] for s in steps) + floor) if steps else math.nan
