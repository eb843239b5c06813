"""What is sent of a photograph: the middle that becomes a level, upright, and nothing else of the file."""

import io
import json

import pytest
from PIL import Image

from prompts.service.client import connect
from tasks.captioning import caption_photo
from tests.doubles.openai_server import Reply, serving
from zoomlib.errors import InvalidInputError

CAPTION = {"prompt": "a red door", "subject": "a brass handle", "width_m": 1.2, "viewpoint": "", "style": ""}


def captioned(path):
    with serving([Reply(json.dumps(CAPTION))]) as server:
        found = caption_photo(path, connect("eye", base_url=server.url, key="sk-secret"))
    ((sent,),) = (asked.pictures for asked in server.asked)
    return found, Image.open(io.BytesIO(sent)).convert("RGB")


def test_the_middle_of_a_wide_photograph_is_described(tmp_path):
    picture = Image.new("RGB", (3000, 1500), "blue")
    picture.paste("red", (750, 0, 2250, 1500))
    picture.save(tmp_path / "wide.png")
    found, sent = captioned(tmp_path / "wide.png")
    assert (found.prompt, found.subject, found.width_m) == ("a red door", "a brass handle", 1.2)
    assert sent.size == (1024, 1024)
    assert sent.getpixel((4, 500)) == sent.getpixel((1019, 500)) == (255, 0, 0)


def test_a_photograph_is_turned_upright_and_sent_without_what_the_camera_wrote(tmp_path):
    picture, exif = Image.new("RGB", (400, 400), "blue"), Image.Exif()
    picture.paste("red", (0, 0, 400, 200))
    exif[0x0112], exif[0x010F] = 3, "Maker of cameras"  # upside down
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    _, sent = captioned(tmp_path / "turned.jpg")
    red, _, blue = sent.getpixel((200, 300))
    assert red > 200 > 60 > blue
    assert not sent.getexif()


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    with serving([Reply("{}")]) as server:
        with pytest.raises(InvalidInputError):
            caption_photo(tmp_path / "x.png", connect("eye", base_url=server.url, key="sk-secret"))
        assert server.asked == []
