"""What the page knows of a zoom: plain numbers, words, encoded pictures. What it does with them is in `files/`."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageFile

from zoomlib.errors import InvalidInputError
from zoomlib.film import scale
from zoomlib.film.composite import pictures
from zoomlib.film.view import course
from zoomlib.stack import ZoomStack

Window = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of a level's sides
THUMB_PX = 96
THUMB_QUALITY = 75


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
    windows = windows_of(stack, loop)
    return {
        "title": title,
        "size": [W, H],
        "windows": [list(window) for window in windows],
        "loop": loop,
        "prompts": list(prompts),
        "widths": _all_widths(widths_m or [], windows),
        "units": [[unit.name, unit.metres, unit.least] for unit in scale.UNITS],
        "barShare": scale.SHARE,
        "facts": dict(facts),
    }


def windows_of(stack: ZoomStack, loop: bool) -> list[Window]:
    """The parts of the levels that show the next ones: L - 1, or L in a loop."""
    track = course(stack, loop)
    W, H = track.size
    return [(b.left / W, b.top / H, (b.left + b.width) / W, (b.top + b.height) / H) for b in track.windows]


def _all_widths(widths_m: Sequence[float | None], windows: Sequence[Window]) -> list[float] | None:
    """The width at every level, in a loop also where it closes; None where no width is known."""
    if all(width is None for width in widths_m):
        return None
    factors = [1 / (x1 - x0) for x0, _, x1, _ in windows]
    found = [scale.width_at(level, widths_m, factors) for level in range(len(windows) + 1)]
    return [width for width in found if width is not None]


def worlds(stack: ZoomStack, loop: bool) -> list[Image.Image]:
    """The pictures that the renderer draws from, one per level: seams blended, finer levels in it."""
    return [Image.fromarray(picture) for picture in pictures(stack, loop=loop)]


def encoded(picture: Image.Image, quality: int) -> str:
    """A picture as JPEG in base 64, its colours as fine as its light: WebP, which halves them, loses up to 13 dB."""
    data = _jpeg(picture, quality)
    # Pillow optimises within a byte per pixel, or 64 KiB; what is smaller than that as it is has room.
    if len(data) < max(picture.width * picture.height, ImageFile.MAXBLOCK):
        data = _jpeg(picture, quality, optimize=True)
    return base64.b64encode(data).decode("ascii")


def _jpeg(picture: Image.Image, quality: int, **options: bool) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:4:4", **options)
    return buffer.getvalue()


def thumb(picture: Image.Image) -> str:
    """A small picture, shown until the large one is decoded and wherever a level is named."""
    small = picture.copy()
    small.thumbnail((THUMB_PX, THUMB_PX), Image.Resampling.LANCZOS)
    return encoded(small, THUMB_QUALITY)


def _check_length(name: str, values: Sequence[object], levels: int) -> None:
    if len(values) != levels:
        raise InvalidInputError(f"{name} needs one entry per level, {levels} in all, but has {len(values)}.")
