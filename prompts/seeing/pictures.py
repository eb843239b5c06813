"""Pictures as a vision model is sent them: small enough, and nothing but their pixels."""

from __future__ import annotations

import base64
import io
import warnings

from PIL import Image

from prompts.errors import ServiceError
from prompts.service.question import Message

MOST_PX = 1024
"""The longer side of what is sent: services scale larger pictures down themselves, and bill them by their size."""
LEAST_PX = 256
"""Smaller pictures are enlarged to it: of a draft of 64 pixels a vision model sees hardly anything."""
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)


def shown(png: bytes) -> Message:
    """A PNG file as an entry of a conversation, its longer side from `LEAST_PX` to `MOST_PX`.

    It is encoded anew, so that nothing else of the file is sent: no place or date of a photograph, no text. Equal
    pixels give equal bytes, by which a reply is found again. Raises ServiceError for data that is no PNG file.
    """
    buffer = io.BytesIO()
    _scaled(_opened(png)).save(buffer, format="PNG")
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_text(buffer.getvalue())}"}}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _opened(png: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # whoever has read a photograph has seen to it
            with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
                upright = picture.convert("RGBA")
    except _UNREADABLE as error:
        raise ServiceError(
            f"A picture for the vision model must be a PNG file; got {len(png)} bytes that are none."
        ) from error
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright, mask=upright)
    return plain


def _scaled(picture: Image.Image) -> Image.Image:
    longer = max(picture.size)
    target = min(max(longer, LEAST_PX), MOST_PX)
    if target == longer:
        return picture
    width, height = (max(round(side * target / longer), 1) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
