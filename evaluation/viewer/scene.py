"""What the page knows of a zoom: plain numbers, words and encoded pictures. What it does with them stands in `files/`."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.film.render import composite
from zoomlib.film.view import Part, part
from zoomlib.geometry import boxes
from zoomlib.stack import ZoomStack

THUMB_PX = 96
THUMB_QUALITY = 70
EFFORT = 4  # of the encoder, 0 to 6: beyond 4 it takes twice the time for 1 % fewer bytes


def facts_of(
    stack: ZoomStack,
    title: str,
    prompts: Sequence[str],
    widths_m: Sequence[float | None] | None,
    loop: bool,
    facts: Mapping[str, str],
) -> dict[str, Any]:
    """Everything but the pictures, as JSON can hold it.

    `windows[i]` is the part of level i that shows level i + 1, as fractions x0, y0, x1, y1 of its sides; a loop has one
    more, for the last level, in which the first is seen again. Raises InvalidInputError unless there is one prompt, and
    one width or None, per level.
    """
    H, W = stack.levels.shape[-2:]
    _check_length("prompts", prompts, len(stack))
    _check_length("widths_m", widths_m or prompts, len(stack))
    return {
        "title": title,
        "size": [W, H],
        "windows": [list(window) for window in windows_of(stack, loop)],
        "loop": loop,
        "prompts": list(prompts),
        "widths": list(widths_m or [None] * len(stack)),
        "facts": dict(facts),
    }


def windows_of(stack: ZoomStack, loop: bool) -> list[Part]:
    """The parts of the levels that show the next ones: L - 1, or L in a loop."""
    L, _, H, W = stack.levels.shape
    if not loop:
        return [part(box, W, H) for box in stack.windows]
    focus = stack.focus and (*stack.focus, None)
    return [part(box, W, H) for box in boxes(L + 1, H, W, stack.p, focus)]


def worlds(stack: ZoomStack) -> Iterator[Image.Image]:
    """The pictures that the renderer draws from, one RGB picture per level: seams blended, finer levels in it."""
    H, W = stack.levels.shape[-2:]
    return iter(composite(stack, (W, H)))


def encoded(picture: Image.Image, quality: int) -> str:
    """A picture as WebP in base 64: every browser since 2020 reads it, at two thirds of the bytes of JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=EFFORT)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def thumb(picture: Image.Image) -> str:
    """A small picture, shown until the large one is decoded and wherever a level is named."""
    small = picture.copy()
    small.thumbnail((THUMB_PX, THUMB_PX), Image.Resampling.LANCZOS)
    return encoded(small, THUMB_QUALITY)


def _check_length(name: str, values: Sequence[object], levels: int) -> None:
    if len(values) != levels:
        raise InvalidInputError(f"{name} needs one entry per level, {levels} in all, but has {len(values)}.")
