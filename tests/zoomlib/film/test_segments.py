"""Films in segments: killed, disturbed and gone on with; sound, subtitles and tags; places that cannot be."""

import signal
import subprocess
import sys
import wave
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoomlib.film.footage import drawing, ffprobe, frame
from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg, joining, segments
from zoomlib.film.encoding import Encoding
from zoomlib.film.missing import stretches
from zoomlib.film.segments import write_film
from zoomlib.film.video import probe, read, timeline

SIZE = (64, 48)
LOSSLESS = Encoding("mkv", "ffv1", gop_s=0.1)
CAPTIONS = "1\n00:00:00,500 --> 00:00:01,000\nWide <i>world</i>\n\n2\n00:00:01,000 --> 00:00:02,000\n银河 🎉\n"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def film(tmp_path, draw=None, total=100, encoding=LOSSLESS, **more):
    draw = draw or drawing(SIZE, encoding.layout)
    more = {"fps": 30, "size": SIZE, "work": tmp_path / "work", "segment_s": 1, **more}
    return write_film(draw, total, tmp_path / f"film{encoding.suffix}", encoding=encoding, **more)


def test_a_film_is_its_frames_and_nothing_else_is_left(tmp_path):
    told = []
    path = film(tmp_path, on_frame=told.append)
    assert told == list(range(1, 101))
    assert names(tmp_path) == ["film.mkv"]
    for number, back in enumerate(read(path)):
        assert np.array_equal(back, frame(number, SIZE))


class PowerCutError(Exception):
    pass


def failing(asked, at, layout="rgb"):
    inner = drawing(SIZE, layout, asked)

    def draw(start, stop):
        for number, drawn in enumerate(inner(start, stop), start):
            if number == at:
                raise PowerCutError
            yield drawn

    return draw


@pytest.mark.parametrize("encoding", [LOSSLESS, Encoding("mp4", gop_s=0.1), Encoding("gif"), Encoding("png")])
def test_what_is_finished_is_not_drawn_again(tmp_path, encoding):
    """The film is the same, byte for byte, as one that nothing happened to."""
    asked, told = [], []
    with pytest.raises(PowerCutError):
        film(tmp_path, failing(asked, 80, encoding.layout), encoding=encoding)
    assert not (tmp_path / f"film{encoding.suffix}").exists()
    asked.clear()
    path = film(tmp_path, drawing(SIZE, encoding.layout, asked), encoding=encoding, on_frame=told.append)
    first = {"png": 80, "gif": 0}.get(encoding.format, 66)  # a gif's key frames are 5 s apart: one segment
    assert asked == list(range(first, 100))
    assert told == list(range(first or 1, 101))
    assert names(tmp_path) == [path.name]
    (tmp_path / "other").mkdir()
    other = film(tmp_path / "other", encoding=encoding)
    if encoding.format == "png":
        assert names(path) == names(other)
        assert all((path / name).read_bytes() == (other / name).read_bytes() for name in names(path))
    else:
        assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("encoding", [LOSSLESS, Encoding("gif"), Encoding("png")])
def test_with_its_work_kept_a_film_is_not_drawn_twice(tmp_path, encoding):
    """The same call finds all of it, even where the film itself was spoilt, until other settings are asked for."""
    asked, told = [], []
    draw = drawing(SIZE, encoding.layout, asked)
    path = film(tmp_path, draw, encoding=encoding, keep=True)
    assert asked == list(range(100))
    if path.is_file():
        whole = path.read_bytes()
        path.write_bytes(b"spoilt")
    film(tmp_path, draw, encoding=encoding, keep=True, on_frame=told.append)
    assert (asked, told) == (list(range(100)), [100])
    assert len(names(path)) == 100 if path.is_dir() else path.read_bytes() == whole
    if path.is_dir():
        (path / "frame_000050.png").unlink()
        film(tmp_path, draw, encoding=encoding, keep=True)
        assert len(asked) == 200
        assert len(names(path)) == 100
    other = film(tmp_path, draw, encoding=encoding, total=50)
    assert asked[-50:] == list(range(50))
    assert names(tmp_path) == [other.name]


def test_damaged_and_foreign_segments_are_made_anew(tmp_path):
    """A truncated one, one that lacks frames, one that is gone; and all when the settings change."""
    asked = []
    with pytest.raises(PowerCutError):
        film(tmp_path, failing(asked, 170), total=200)
    work = tmp_path / "work"
    made = sorted(work.glob("segment_*"))
    assert [path.name for path in made] == [f"segment_{a:07d}_{a + 33:07d}.mov" for a in (0, 33, 66, 99, 132)]
    made[0].write_bytes(made[0].read_bytes()[:2000])
    made[2].unlink()
    shorter = tmp_path / "short"
    shorter.mkdir()
    film(shorter, total=32, work=shorter / "kept", encoding=LOSSLESS).replace(made[4])
    asked.clear()
    with pytest.raises(PowerCutError):
        film(tmp_path, failing(asked, 190), total=200)
    assert asked == [*range(33), *range(66, 99), *range(132, 191)]
    asked.clear()
    path = film(tmp_path, drawing(SIZE, "rgb", asked), total=200, fps=25)
    assert asked == list(range(200))
    assert probe(path).frames == 200


KILLED = """
import sys, time
from pathlib import Path
from tests.zoomlib.film.footage import drawing
from tests.zoomlib.film.test_segments import SIZE, film
from zoomlib.film.encoding import Encoding
encoding = {encoding}
def draw(start, stop):
    for number, drawn in enumerate(drawing(SIZE, encoding.layout)(start, stop), start):
        if number == 75:
            print("going", flush=True)
            time.sleep(60)
        yield drawn
film(Path(sys.argv[1]), draw, encoding=encoding, segment_s=0.1)
"""


@pytest.mark.parametrize("name", ["mp4", "png"])
def test_after_kill_minus_nine_it_goes_on(tmp_path, name):
    """While a process is at work another is refused; once it is killed, its finished frames count."""
    encoding = Encoding(name, gop_s=0.1) if name == "mp4" else Encoding(name)
    program = KILLED.format(encoding=encoding)
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "going\n"
    with pytest.raises(InvalidInputError, match="Another process"):
        film(tmp_path, encoding=encoding, segment_s=0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / f"film{encoding.suffix}").exists()
    asked = []
    path = film(tmp_path, drawing(SIZE, encoding.layout, asked), encoding=encoding, segment_s=0.1)
    assert asked == list(range(66 if name == "mp4" else 75, 100))
    assert len(names(path)) == 100 if name == "png" else probe(path).frames == 100


def music(path, seconds, hertz=44100):
    wavelength = 2 * np.pi * 440 / hertz
    tone = (np.sin(np.arange(round(seconds * hertz)) * wavelength) * 16000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, hertz, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    return path


def loudness(path, hertz=48000):
    """Root mean square of each tenth of a second of a file's sound, full scale is 1."""
    words = ["-i", ffmpeg.url(path), "-map", "0:a:0", "-ac", "1", "-ar", str(hertz), "-f", "f32le", "-"]
    heard = np.frombuffer(ffmpeg.output(words, "not heard"), "<f4")
    tenths = heard[: len(heard) // (hertz // 10) * (hertz // 10)].reshape(-1, hertz // 10)
    return len(heard) / hertz, np.sqrt(np.square(tenths).mean(1))


@pytest.mark.parametrize(("name", "codec"), [("mp4", "aac"), ("webm", "opus"), ("mov", "pcm_s24le"), ("mkv", "flac")])
@pytest.mark.parametrize("seconds", [1.5, 9.0])
def test_sound_is_as_long_as_the_film(tmp_path, name, codec, seconds):
    """Silence follows sound that is too short; what is too long is cut and fades. The pictures keep their times."""
    encoding = Encoding(name, preset={"webm": "8"}.get(name))
    path = film(
        tmp_path, encoding=encoding, audio=music(tmp_path / "tone: 440.wav", seconds), fps=Fraction(30000, 1001)
    )
    said = {stream["codec_type"]: stream for stream in ffprobe(path, "-show_streams")["streams"]}
    assert said["audio"]["codec_name"] == codec
    assert len(timeline(path)) == 100
    length, loud = loudness(path)
    film_s = 100 * 1001 / 30000
    assert length == pytest.approx(film_s, abs=0.03)  # aac and opus come in blocks of up to 21 ms
    sounding = min(seconds, film_s)
    assert loud[: int(sounding * 10) - (10 if seconds > film_s else 1)] == pytest.approx(0.345, abs=0.02)
    assert loud[int(sounding * 10) + 1 :] == pytest.approx(0, abs=0.01)
    if seconds > film_s:
        fading = loud[int((film_s - 1) * 10) + 1 : int(film_s * 10)]
        assert np.all(np.diff(fading) < 0)
        assert fading[-1] < 0.05


@pytest.mark.parametrize(
    ("name", "codec"), [("mp4", "mov_text"), ("webm", "webvtt"), ("mov", "mov_text"), ("mkv", "subrip")]
)
def test_subtitles_become_a_track(tmp_path, name, codec):
    (tmp_path / "words.srt").write_text(CAPTIONS, encoding="utf-8")
    encoding = Encoding(name, preset={"webm": "8"}.get(name))
    path = film(tmp_path, encoding=encoding, subtitles=tmp_path / "words.srt")
    said = {stream["codec_type"]: stream for stream in ffprobe(path, "-show_streams")["streams"]}
    assert said["subtitle"]["codec_name"] == codec
    back = ffmpeg.output(["-i", ffmpeg.url(path), "-map", "0:s:0", "-f", "srt", "-"], "not read").decode()
    assert "00:00:00,500 --> 00:00:01,000\nWide <i>world</i>" in back
    assert "00:00:01,000 --> 00:00:02,000\n银河 🎉" in back


@pytest.mark.parametrize("name", ["mp4", "webm", "mov", "mkv"])
def test_tags_may_hold_anything(tmp_path, name):
    tags = {
        "title": 'a=b; 银河 "quoted" \\ #\n[x] 🎉',
        "comment": '{"seed": 7, "words": "' + "x" * (60_000 if name == "mov" else 200_000) + '"}',
    }
    path = film(tmp_path, encoding=Encoding(name, preset={"webm": "8"}.get(name)), total=3, tags=tags)
    said = ffprobe(path, "-show_format")["format"]["tags"]
    assert {key.lower(): value for key, value in said.items() if key.lower() in tags} == tags
    assert {key: value for key, value in probe(path).tags.items() if key in tags} == tags


@settings(max_examples=300, deadline=None)
@given(
    total=st.integers(1, 100_000),
    fps=st.sampled_from([Fraction(30000, 1001), Fraction(24), Fraction(1, 2), Fraction(120)]) | st.floats(0.1, 1000),
    segment_s=st.floats(0.001, 1000),
    gop_s=st.floats(0.1, 60),
)
def test_segments_follow_each_other_and_are_never_short(total, fps, segment_s, gop_s, tmp_path_factory):
    """They cover the film; joints lie between groups of pictures; their times, of which ffmpeg is told differences in
    whole microseconds, never drift."""
    rate, coding = ffmpeg.rate(fps), Encoding("mp4", gop_s=gop_s)
    work = tmp_path_factory.getbasetemp()
    planned = segments._planned(total, rate, coding, segment_s, work)
    assert [part.start for part in planned] == [0, *(part.stop for part in planned[:-1])]
    assert planned[-1].stop == total
    assert all(part.start % coding.gop(rate) == 0 for part in planned)
    assert len(planned) == 1 or min(map(len, planned)) >= segments.MIN_FRAMES
    joining.parts(planned[:50], rate)
    lines = (work / "segments.txt").read_text().splitlines()
    told = np.cumsum([int(line.split()[1].removesuffix("us")) for line in lines if line.startswith("duration")])
    assert all(abs(int(at) - part.stop / rate * 10**6) <= 0.5 for at, part in zip(told, planned, strict=False))


@given(st.lists(st.booleans(), max_size=30))
def test_stretches_are_what_is_missing(there):
    runs = stretches(there)
    assert [index for run in runs for index in run] == [index for index, found in enumerate(there) if not found]
    assert all(a.stop < b.start for a, b in pairwise(runs))


def short(start, stop):
    yield from drawing()(start, stop - 1)


def long(start, stop):
    yield from drawing()(start, stop + 1)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (short, "ended before frame 99"),
        (long, "more of them"),
        (drawing((66, 48)), "frame 0 is uint8"),
        (lambda start, stop: [np.zeros((48, 64, 3))] * (stop - start), "frame 0 is float64"),
    ],
)
@pytest.mark.parametrize("encoding", [LOSSLESS, Encoding("png")])
def test_other_frames_than_were_asked_for_are_refused(tmp_path, encoding, draw, words):
    with pytest.raises(InvalidInputError, match=words):
        film(tmp_path, draw, encoding=encoding)
    assert names(tmp_path) == ["work"]


def test_what_draws_is_closed(tmp_path):
    """A renderer's threads end when its generator is closed, whether all went well or not."""
    closed = []

    def draw(start, stop):
        try:
            yield from drawing()(start, stop)
        finally:
            closed.append(True)

    film(tmp_path, draw)
    with pytest.raises(ffmpeg.VideoError):
        film(tmp_path, draw, encoding=LOSSLESS, segment_s=1, on_frame=lambda done: _no_room(done))
    assert closed == [True, True]


def _no_room(done):
    if done == 40:
        raise ffmpeg.VideoError("there is no room")


@pytest.mark.parametrize(
    "wrong",
    [
        {"total": 0},
        {"segment_s": 0},
        {"subtitles": "nowhere.srt"},
        {"subtitles": __file__},
        {"subtitles": "/dev/null"},
        {"fps": 0},
        {"size": (0, 3)},
    ],
)
def test_bad_calls_are_refused_before_anything_is_drawn_or_made(tmp_path, wrong):
    asked = []
    with pytest.raises(InvalidInputError):
        film(tmp_path, drawing(asked=asked), **wrong)
    assert asked == []
    assert names(tmp_path) == []


def test_places_that_cannot_be_are_refused_before_anything_is_drawn(tmp_path):
    """A file where a folder should be, a folder where a file should be, another suffix, a folder that holds more."""
    asked = []
    draw = drawing(asked=asked)
    settings = {"fps": 30, "size": SIZE, "encoding": LOSSLESS, "work": tmp_path / "work"}
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.mkv").mkdir()
    for place in ("file/film.mkv", "folder.mkv", "film.mp4", "film"):
        with pytest.raises(InvalidInputError, match=r"file|ends with"):
            write_film(draw, 3, tmp_path / place, **settings)
    (tmp_path / "folder.mkv" / "mine").write_text("mine")
    with pytest.raises(InvalidInputError, match="mine"):
        write_film(draw, 3, tmp_path / "folder.mkv", **{**settings, "encoding": Encoding("png")})
    assert asked == []
    assert (tmp_path / "file").read_text() == "mine"


def test_pictures_take_the_place_of_older_ones(tmp_path):
    film(tmp_path, total=5, encoding=Encoding("png"))
    path = film(tmp_path, total=3, encoding=Encoding("png"))
    assert names(path) == ["frame_000001.png", "frame_000002.png", "frame_000003.png"]
    assert names(tmp_path) == ["film"]
