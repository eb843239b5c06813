import re
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.film.subtitles import JOINER, LINE, Cue, cues, nearest, one_line, srt, vtt

WORDS = ["the sun", "the earth", "a leaf", "a cell"]
NASTY = [
    "<b>bold</b> <script>alert(1)</script>",
    "{\\an8}top {y:i} \\N \\h",
    "1\n00:00:00,000 --> 00:00:09,000\nforged",
    "a --> b",
    "&amp; &lt;i&gt; AT&T",
    "銀河 وداعا 🎉👩‍🚀",
    "\u202eback\x00\x1b[1m\ud800",
    "WEBVTT\n\nNOTE x",
    "zoom " * 60,
    "x" * 300,
]


def read(path):
    """(start, end in seconds, text) of every cue, as ffmpeg's own parser reads the file."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.size]
        return [
            (float(p.pts * p.time_base), float((p.pts + p.duration) * p.time_base), bytes(p).decode()) for p in packets
        ]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_cues_fill_the_film_and_each_shows_the_nearest_level(direction, loop):
    camera = Camera(len(WORDS), fps=24, seconds_per_level=1.3, direction=direction, loop=loop)
    found = cues(camera.positions(), camera.fps, WORDS, loop=loop)
    assert found[0].start_s == 0
    assert found[-1].end_s == pytest.approx(camera.duration_s)
    assert all(one.end_s == two.start_s for one, two in pairwise(found))
    for frame, position in enumerate(camera.positions()):
        (shown,) = [cue for cue in found if cue.start_s <= (frame + 0.5) / camera.fps < cue.end_s]
        away = abs(position - shown.level)
        assert min(away, len(WORDS) - away if loop else away) <= 0.5
        assert shown.text == WORDS[shown.level]


def test_there_and_back_shows_a_level_twice_and_a_hold_shows_it_longer():
    camera = Camera(3, fps=10, seconds_per_level=1, direction="in-out", hold_start_s=2)
    found = cues(camera.positions(), camera.fps, WORDS[:3])
    assert [cue.level for cue in found] == [0, 1, 2, 1, 0]
    assert found[0].end_s > 2
    assert found[-1].end_s == pytest.approx(camera.duration_s)


def test_blank_captions_make_no_cues():
    found = cues([0, 1, 2], 1, ["a", " \n", "c"])
    assert found == [Cue(0, 1, 0, "a"), Cue(2, 3, 2, "c")]
    assert cues([], 25, ["a"]) == []


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0, 1))
def test_the_nearest_level_is_half_a_level_away_at_most(levels, share):
    position = share * (levels - 1)
    assert abs(nearest(position, levels) - position) <= 0.5
    assert nearest(share * levels, levels, loop=True) < levels


@pytest.mark.parametrize("write", [srt, vtt])
@pytest.mark.parametrize("fps", [25, 30000 / 1001, 12])
def test_players_read_what_was_written(tmp_path, write, fps):
    """Whatever captions hold: as many cues as levels, each in its time, each with all of its letters and no other."""
    path = tmp_path / f"film.{write.__name__}"
    made = cues(np.repeat(np.arange(len(NASTY)), 7), fps, NASTY)
    path.write_text(write(made), encoding="utf-8", newline="\n")
    found = read(path)
    assert len(found) == len(made)
    for cue, (start, end, text) in zip(made, found, strict=True):
        assert (start, end) == pytest.approx((cue.start_s, cue.end_s), abs=2e-3)
        said = text.replace(JOINER, "")
        if write is vtt:
            said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        told = cue.text if write is vtt else cue.text.translate(str.maketrans("{}", "()"))
        assert said.split() == told.split()


def test_no_tag_is_left_to_be_read(tmp_path):
    """ffmpeg makes Substation Alpha of SubRip, as players do: all letters are still there, and nothing is styled."""
    path = tmp_path / "film.srt"
    path.write_text(srt(cues(range(len(NASTY)), 1, NASTY)), encoding="utf-8")
    with av.open(str(path)) as container:
        shown = [
            rect.ass.decode().split(",", 8)[8] for packet in container.demux(subtitles=0) for rect in packet.decode()
        ]
    for text, line in zip(NASTY, shown, strict=True):
        told = one_line(text).translate(str.maketrans("{}", "()"))
        assert line.replace("\\N", " ").replace(JOINER, "").split() == told.split()
        assert not set("{}") & set(line)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=4))
def test_any_captions_keep_the_form_of_both_files(texts):
    made = cues(range(len(texts)), 1, texts)
    times = r"\d\d:\d\d:\d\d{0}\d{{3}} --> \d\d:\d\d:\d\d{0}\d{{3}}"
    blocks = [block for block in srt(made).split("\n\n") if block]
    assert len(blocks) == len(made)
    for number, block in enumerate(blocks, 1):
        head, time, *lines = block.split("\n")
        assert head == str(number)
        assert re.fullmatch(times.format(","), time)
        assert lines
        assert "-->" not in "".join(lines)
    header, *blocks = (block for block in vtt(made).split("\n\n") if block)
    assert header == "WEBVTT"
    assert len(blocks) == len(made)
    for block in blocks:
        time, *lines = block.split("\n")
        assert re.fullmatch(times.format(r"\."), time)
        assert not set("<>") & set("".join(lines))


def test_lines_are_no_longer_than_broadcasters_allow():
    lines = srt([Cue(0, 1, 0, "a river seen from above " * 8)]).splitlines()[2:]
    assert max(map(len, lines)) <= LINE


def test_times_go_on_beyond_an_hour():
    assert "01:01:01,250 --> 100:00:00,000" in srt([Cue(3661.25, 360000, 0, "x")])


def test_what_makes_no_sense_is_refused():
    for position in (-0.1, 1.01, float("nan")):
        with pytest.raises(InvalidInputError, match="outside the levels 0 to 1"):
            cues([position], 1, ["a", "b"])
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="frames per second"):
            cues([0], fps, ["a"])


def test_lines_are_few_and_of_like_length():
    text = "A river seen from above, with a town beside"
    lines = srt([Cue(0, 1, 0, text)]).splitlines()[2:4]
    assert " ".join(lines) == text
    assert min(map(len, lines)) > 0.7 * max(map(len, lines))
    assert srt([Cue(0, 1, 0, text[:42])]).splitlines()[2] == text[:42].strip()
