"""Prompts written by looking: a vision model sees the view before and the view that is to be enlarged, and says what
the latter shows (Chain-of-Zoom, arXiv 2505.18600)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from prompts.errors import ReplyError, ServiceError
from prompts.seeing.asking import bare
from prompts.service.client import Message, Service, connect

Look = Callable[[bytes, bytes, int], str]
"""From the PNG files of the previous and the present view, and the number of the level to be made, to its prompt."""

MAX_CHARACTERS = 300  # more than the text models of image models read
MAX_BYTES = 20 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"

TASK = (
    "You help an image model to enlarge a picture. You are shown two views of one scene. The first is the whole "
    "picture; the second is a part of it, enlarged, and blurred by that. Say what the second view shows, as precisely "
    "as the first lets you tell: things, materials, textures, as they look from this near. Answer with one line of at "
    "most 40 words for use as a prompt: no sentence about the task, no blur, no quotes."
)


def describer(model: str, *, base_url: str | None = None, timeout_s: float = 60.0, retries: int = 3) -> Look:
    """A function that asks the model what the present view shows, and returns a clean line.

    Address, key, time-out and retries are as in `prompts.service.client.connect`, which raises ServiceError at once for
    what is missing. The function sends the two PNG files as they are, and raises ServiceError for whatever keeps it
    from a prompt, and for data that is no PNG file.
    """
    return look_with(connect(model, base_url=base_url, timeout_s=timeout_s, retries=retries))


def look_with(service: Service) -> Look:
    """As `describer`, for a model that is connected already."""

    def look(previous: bytes, present: bytes, level: int) -> str:
        told = f"These are the whole picture and the view of level {level} of a zoom, in this order."
        content = [{"type": "text", "text": told}, _image(previous), _image(present)]
        said = service.ask([{"role": "system", "content": TASK}, {"role": "user", "content": content}])
        try:
            return cleaned(said.text)
        except ReplyError:
            service.forget(said.digest)  # found again, it would keep the next attempt from asking
            raise

    return look


def cleaned(reply: str) -> str:
    """A reply as a prompt: one line without control characters, quotes and a model's thoughts, cut at a word's end.

    Raises ReplyError where no word is left.
    """
    text = bare(re.sub(r"<think>.*?(</think>|$)", " ", reply, flags=re.DOTALL))
    if len(text) > MAX_CHARACTERS:
        text = text[: MAX_CHARACTERS + 1].rpartition(" ")[0].rstrip(",;: ") or text[:MAX_CHARACTERS]
    if not any(c.isalpha() for c in text):
        raise ReplyError("The vision model's reply has no words. Try again, or another model.")
    return text


def _image(png: bytes) -> Message:
    if not png.startswith(_PNG) or len(png) > MAX_BYTES:
        raise ServiceError(
            f"A view must be a PNG file of at most {MAX_BYTES >> 20} MiB; got {len(png)} bytes. Convert or shrink it."
        )
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(png).decode()}"}}
