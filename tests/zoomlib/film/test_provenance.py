import json
import struct
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg, stamps, xmp
from zoomlib.film.provenance import read_tags, save_png, stamp, tags

STORY = "title: Zoom\nlevels:\n- a <b> & ]]> = ; # \\ 'quoted' \"twice\" 🎉\n"
FACTS = {
    "title": "Zöom = ; # \\ title",
    "story": STORY,
    "model": "bundled",
    "method": "joint",
    "seed": 7,
    "software": "Tenfold 0.1",
    "run_id": "0123abcd",
    "config_sha256": "f" * 64,
}
TAGS = tags(**FACTS)
PIXELS = np.random.default_rng(0).integers(0, 256, (31, 43, 3), np.uint8)
CODECS = {".mp4": "libx264", ".mov": "prores_ks", ".mkv": "ffv1", ".webm": "libvpx-vp9"}


def film(path, told):
    """Five frames whose container holds the tags."""
    source = "testsrc=size=64x48:rate=10:duration=0.5"
    said = [word for name, value in told.items() for word in ("-metadata", f"{name}={value}")]
    flags = ["-movflags", "+faststart"] if path.suffix in (".mp4", ".mov") else []
    ffmpeg.output(["-f", "lavfi", "-i", source, "-c:v", CODECS[path.suffix], *said, *flags, ffmpeg.url(path)], "Test")
    return path


def decoded(path):
    """SHA-256 of every packet's picture, as ffmpeg decodes the file."""
    return ffmpeg.output(["-i", ffmpeg.url(path), "-f", "framehash", "pipe:1"], "Test")


def picture(path, **options):
    others = [Image.fromarray(np.roll(PIXELS, n, 1)) for n in (5, 9)] if options.pop("animated", False) else []
    more = {"save_all": True, "append_images": others, "duration": 50, "loop": 0} if others else {}
    Image.fromarray(PIXELS).save(path, **more, **options)
    return path


def frames_of(path):
    with Image.open(path) as opened:
        shown = []
        for index in range(getattr(opened, "n_frames", 1)):
            opened.seek(index)
            shown.append(np.asarray(opened.convert("RGBA")))
        return np.stack(shown), opened.info.get("loop")


def test_the_comment_tells_a_program_how_it_was_made():
    told = json.loads(TAGS["comment"])
    assert told["story"] == STORY
    assert (told["model"], told["method"], told["seed"], told["run"]) == ("bundled", "joint", 7, "0123abcd")
    assert told["digital_source_type"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
    assert TAGS["title"] == FACTS["title"]
    assert "machine" in TAGS["description"]


@pytest.mark.parametrize(
    ("more", "term", "said"),
    [
        ({}, "trainedAlgorithmicMedia", "Made by a machine"),
        ({"given_pictures": True}, "compositeWithTrainedAlgorithmicMedia", "were given"),
        ({"made_by_machine": False, "model": "", "seed": None}, "composite", "put together of given pictures"),
    ],
)
def test_who_made_the_pictures_is_said_in_words_and_in_the_iptcs_term(more, term, said):
    made = tags(**FACTS | more)
    assert json.loads(made["comment"])["digital_source_type"].rpartition("/")[2] == term
    assert said in made["description"]
    assert None not in json.loads(made["comment"]).values()


def test_the_same_work_has_the_same_tags():
    assert tags(**FACTS) == TAGS


def test_a_long_story_is_cut():
    assert len(tags(**FACTS | {"story": "🎉" * 100_000})["comment"]) < 2**17  # the longest argument of a command


def test_a_stamped_png_keeps_its_pixels_and_says_how_it_was_made(tmp_path):
    path = save_png(Image.fromarray(PIXELS), tmp_path / "poster.png", TAGS)
    assert read_tags(path) == TAGS
    with Image.open(path) as opened:
        opened.verify()
    with Image.open(path) as opened:
        assert np.array_equal(np.asarray(opened), PIXELS)
        assert opened.text["Title"] == TAGS["title"]
        assert opened.text["Comment"] == TAGS["comment"]
    assert [one.name for one in tmp_path.iterdir()] == ["poster.png"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.webp", {"lossless": True}),
        ("a.webp", {"quality": 80}),
        ("a.webp", {"animated": True}),
        ("a.gif", {}),
        ("a.gif", {"animated": True}),
    ],
)
def test_stamps_leave_pictures_as_they_are_and_are_replaced(tmp_path, name, options):
    path = picture(tmp_path / name, **options)
    before = frames_of(path)
    assert read_tags(path) == {}
    assert stamp(path, TAGS | {"title": "first"})
    once = path.stat().st_size
    assert stamp(path, TAGS)
    assert read_tags(path) == TAGS
    assert path.stat().st_size <= once + 64
    after = frames_of(path)
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]
    assert b"frame" in decoded(path) or name.endswith("webp")  # ffmpeg's own reader takes it, too


def test_a_transparent_webp_stays_transparent(tmp_path):
    path = tmp_path / "a.webp"
    Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).save(path, lossless=True)
    before = frames_of(path)[0]
    stamp(path, TAGS)
    assert np.array_equal(frames_of(path)[0], before)


@pytest.mark.parametrize("suffix", CODECS)
def test_films_say_how_they_were_made_and_stay_as_they_are(tmp_path, suffix):
    path = film(tmp_path / f"zoom{suffix}", TAGS)
    told = read_tags(path)
    assert told == {name: TAGS[name] for name in told}
    assert {*told} >= ({"title", "comment"} if suffix == ".mov" else {*TAGS})  # MOV has no place for a description
    before, size = decoded(path), path.stat().st_size
    stamped = stamp(path, TAGS)
    assert stamped == (suffix in (".mp4", ".mov"))
    if stamped:
        stamp(path, TAGS)
    assert read_tags(path) == TAGS
    assert decoded(path) == before
    assert (path.stat().st_size > size) == stamped
    probed = subprocess.run(["ffprobe", "-v", "warning", path], capture_output=True, text=True, check=True)
    assert probed.stderr == ""


def test_the_packet_is_the_xml_that_others_read():
    """Read with another's eyes: by the names of the standards, not by our tables."""
    packet = xmp.write(TAGS, json.loads(TAGS["comment"]))
    assert packet.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    about = ElementTree.fromstring(packet).find(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF/{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    told = {one.tag: "".join(one.itertext()) for one in about}
    space = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    source = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert told[f"{space}DigitalSourceType"] == source
    assert told[f"{space}AISystemUsed"] == "bundled"
    assert told["{http://purl.org/dc/elements/1.1/}title"] == TAGS["title"]
    assert told["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "Tenfold 0.1"


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["title", "description", "comment"]), st.text(max_size=200)))
def test_any_text_survives_but_for_what_xml_cannot_hold(told):
    legal = {name: "".join(c for c in text if c >= " " and c not in "\ufffe\uffff") for name, text in told.items()}
    written = {name: "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000) for name, text in legal.items()}
    assert xmp.read(xmp.write(written, {})) == written
    xmp.read(xmp.write(told, {"model": told.get("title", "")}))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=50))
def test_any_story_can_be_told_by_files(story, title):
    told = tags(**FACTS | {"story": story, "title": title})
    packet = xmp.write(told, json.loads(told["comment"]))
    data = b"GIF89a" + bytes(20) + b";"
    assert xmp.read(stamps.find(stamps.gif(data, packet))) == told
    assert stamps.gif(stamps.gif(data, packet), packet) == stamps.gif(data, packet)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(20)),
        ("a.png", b""),
        ("a.webp", b"RIFF\xff\xff\0\0WEBPVP8 "),
        ("a.webp", b"RIFF"),
        ("a.gif", b"GIF89a cut"),
        ("a.mp4", b"no film at all"),
        ("a.mp4", struct.pack(">I4s", 8, b"ftyp") + struct.pack(">I4s", 999, b"mdat")),
        ("a.mov", b""),
    ],
)
def test_what_is_not_whole_is_not_stamped(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="whole"):
        stamp(path, TAGS)
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_strangers_packet_cannot_grow_without_end():
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(InvalidInputError, match="entities"):
        xmp.read(bomb)
    with pytest.raises(InvalidInputError, match="broken"):
        xmp.read(b"<x>")


def test_another_ones_comment_does_not_matter(tmp_path):
    path = picture(tmp_path / "a.png")
    stamp(path, {"title": "mine", "comment": "no JSON"})
    assert read_tags(path) == {"title": "mine", "comment": "no JSON"}
    stamp(path, {"title": "mine", "comment": "[1]"})
    assert read_tags(path)["comment"] == "[1]"
