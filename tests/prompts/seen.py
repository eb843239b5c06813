"""A vision model on this machine, for tests of what looks at pictures."""

import io
import json
from contextlib import contextmanager

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prompts.service.client import connect
from tests.doubles.openai_server import Reply, serving

SECRET = "sk-secret-0123456789"
AT_ONCE = {"retry-after-ms": "1"}


def png(colour: str = "red", size=(80, 60), secret: str = "") -> bytes:
    """A picture of one colour; `secret` stands in its metadata."""
    buffer, info = io.BytesIO(), PngInfo()
    exif = Image.Exif()
    if secret:
        info.add_text("Comment", secret)
        exif[0x010E] = secret
    Image.new("RGB", size, colour).save(buffer, format="PNG", pnginfo=info, exif=exif)
    return buffer.getvalue()


def said(**reply) -> Reply:
    """A reply that is a JSON object."""
    return Reply(json.dumps(reply))


@contextmanager
def eye(script, **options):
    """A vision model that answers so, and what it was asked."""
    with serving(script) as server:
        yield connect("eye", base_url=server.url, key=SECRET, retries=0, **options), server.asked
