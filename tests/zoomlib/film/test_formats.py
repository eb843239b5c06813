"""Every format with every codec and chroma: opened by other programs, measured against the frames that went in."""

import dataclasses
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from tests.zoomlib.film.footage import drawing, ffprobe, frame, psnr
from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg
from zoomlib.film.encoding import Encoding
from zoomlib.film.formats import CODECS, FORMATS
from zoomlib.film.planes import to_rgb
from zoomlib.film.segments import check_film, write_film
from zoomlib.film.video import probe

NTSC = Fraction(30000, 1001)
FRAMES = 100
SIZES = {"420": (98, 66), "422": (98, 67), "444": (99, 67), "rgb": (99, 67)}
NAMES = {"h265": "hevc"}
PIXELS = {
    "prores": {"422": "yuv422p10le", "444": "yuv444p12le"},  # ffmpeg before 6 reads 4444 so, whatever is in it
    "ffv1": {"rgb": "bgr0"},
}


def variants():
    for name, kind in FORMATS.items():
        for codec in kind.codecs if kind.joins else ():
            for chroma in CODECS[codec].chromas:
                yield name, codec, chroma


def film(tmp_path, encoding, size, fps=NTSC, **more):
    path = tmp_path / f"film{encoding.suffix}"
    draw = drawing(size, encoding.layout)
    more = {"segment_s": 0.5, **more}
    return write_film(draw, FRAMES, path, fps=fps, size=size, encoding=encoding, work=tmp_path / "work", **more)


@pytest.mark.parametrize(("name", "codec", "chroma"), variants())
def test_a_film_opens_elsewhere_as_it_was_asked_for(tmp_path, name, codec, chroma):
    """Size, rate, number of frames, duration, pixel format and colour tags by ffprobe; decoded with PyAV it shows the
    frames: exactly where the codec loses nothing, with 35 dB elsewhere. Three segments are in it."""
    encoding, size = Encoding(name, codec, chroma=chroma, gop_s=0.25), SIZES[chroma]
    path = film(tmp_path, encoding, size)
    said = ffprobe(path, "-count_packets", "-show_streams", "-show_format")
    (video,) = said["streams"]
    assert video["codec_name"] == NAMES.get(codec, codec)
    assert (video["width"], video["height"]) == size
    assert int(video["nb_read_packets"]) == FRAMES
    assert Fraction(video["avg_frame_rate"]) == NTSC
    assert float(said["format"]["duration"]) == pytest.approx(FRAMES / NTSC, abs=0.001)
    usual = "gbrp" if chroma == "rgb" else f"yuv{chroma}p"
    assert video["pix_fmt"] == PIXELS.get(codec, {}).get(chroma, usual)
    matrix, curve, limits = ("gbr", "iec61966-2-1", "pc") if chroma == "rgb" else ("bt709", "bt709", "tv")
    assert video["color_space"] == matrix
    assert video["color_primaries"] == "bt709"
    assert video["color_transfer"] == curve
    assert video.get("color_range", "tv" if codec == "prores" else None) == limits
    if chroma == "420":
        assert video["chroma_location"] == "left"
    if (name, codec) == ("mp4", "h265"):
        assert video["codec_tag_string"] == "hvc1"  # QuickTime knows no other
    if name in ("mp4", "mov"):  # a player can start before the whole file is there
        data = path.read_bytes()
        assert 0 < data.index(b"moov") < data.index(b"mdat")
    _decodes(path, encoding, size)


def _decodes(path, encoding, size):
    wanted = {"420": "yuv420p", "422": None, "444": "yuv444p", "rgb": "rgb24"}[encoding.chroma]
    with av.open(str(path)) as container:
        count = 0
        for count, shown in enumerate(container.decode(video=0), start=1):
            given = frame(count - 1, size, encoding.layout)
            if encoding.codec == "prores":  # ten bits, or twelve
                assert psnr(_luma(shown) / (16 if encoding.chroma == "444" else 4), given[0]) > 35
            else:
                back = shown.to_ndarray(format=wanted)
                assert np.array_equal(back, given) if encoding.codec == "ffv1" else psnr(back, given) > 35
        assert count == FRAMES


def _luma(shown):
    plane = shown.planes[0]
    return np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]


@pytest.mark.parametrize("fps", [NTSC, 30, Fraction(24000, 1001), 60, 12.5, Fraction(60000, 1001), 7.3])
@pytest.mark.parametrize(("name", "codec"), [("mp4", "h264"), ("mp4", "h265"), ("mov", "prores"), ("webm", "vp9")])
def test_every_frame_has_its_exact_time(tmp_path, name, codec, fps):
    """Frame k is shown at k / fps: to the tick in mp4 and mov, to the millisecond that webm has; also at joints."""
    path = film(tmp_path, Encoding(name, codec, gop_s=0.25), (64, 64), fps=fps)
    rate = ffmpeg.rate(fps)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None)
        error = max(abs(time - k / rate) for k, time in enumerate(times))
        assert len(times) == FRAMES
        assert error <= (Fraction(1, 2000) if name == "webm" else 0)


def test_a_webp_is_animated_at_the_rate(tmp_path):
    path = film(tmp_path, Encoding("webp", quality=95), (65, 48), fps=25)
    with Image.open(path) as picture:
        shown = [(np.asarray(step.convert("RGB")), step.info["duration"]) for step in ImageSequence.Iterator(picture)]
        assert picture.info["loop"] == 0
    assert [time for _, time in shown] == [40] * FRAMES
    if "webp_anim" in ffmpeg.output(["-decoders"], "not listed").decode():  # Debian's ffprobe knows none
        facts = probe(path)
        assert (facts.width, facts.height, facts.fps, facts.frames) == (65, 48, 25, FRAMES)
        assert facts.duration_s == FRAMES / 25
    assert min(psnr(back, frame(k, (65, 48))) for k, (back, _) in enumerate(shown)) > 35


def test_a_gif_is_animated_at_the_rate(tmp_path):
    """Times are hundredths of a second there: 30 frames per second are 3 and 4 of them, that do not add up to more."""
    path = film(tmp_path, Encoding("gif"), (65, 48), fps=30)
    (video,) = ffprobe(path, "-count_packets", "-show_streams")["streams"]
    assert (video["width"], video["height"], int(video["nb_read_packets"])) == (65, 48, FRAMES)
    with Image.open(path) as picture:
        shown = [(np.asarray(step.convert("RGB")), step.info["duration"]) for step in ImageSequence.Iterator(picture)]
        assert picture.info["loop"] == 0
    ends = np.cumsum([time for _, time in shown]) / 1000
    assert np.abs(ends - np.arange(1, FRAMES + 1) / 30).max() <= 0.011
    assert min(psnr(back, frame(k, (65, 48))) for k, (back, _) in enumerate(shown)) > 33


def test_a_gif_of_few_colours_has_no_more(tmp_path):
    with Image.open(film(tmp_path, Encoding("gif", quality=8), (65, 48))) as picture:
        assert max(len(step.convert("RGB").getcolors()) for step in ImageSequence.Iterator(picture)) <= 8


def test_pictures_are_the_frames(tmp_path):
    tags = {"title": "银河", "comment": '{"seed": 7}'}
    folder = film(tmp_path, Encoding("png"), (65, 48), tags=tags)
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"frame_{number:06d}.png" for number in range(1, FRAMES + 1)]
    for number, file in enumerate(files):
        with Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture), frame(number, (65, 48)))
            assert picture.text == {"Title": "银河", "Comment": '{"seed": 7}'}


@pytest.mark.parametrize(("name", "codec", "chroma"), [("mp4", "h264", "420"), ("webm", "vp9", "444")])
def test_colours_are_right(tmp_path, name, codec, chroma):
    """RGB to planes, encoder, and a decoder that follows the tags: pure colours return to within 4 grey levels."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 140, 60)]
    from zoomlib.film.planes import assemble, planes

    encoding = Encoding(name, codec, chroma=chroma, quality=4)
    flat = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    draw = lambda start, stop: (assemble(planes(one, encoding.layout), encoding.layout) for one in flat[start:stop])  # noqa: E731
    path = write_film(
        draw, len(flat), tmp_path / f"flat.{name}", fps=5, size=(32, 32), encoding=encoding, work=tmp_path / "work"
    )
    from zoomlib.film.video import read

    for back, colour in zip(read(path), colours, strict=True):
        assert np.abs(back.astype(int) - colour).max() <= 4


@given(
    name=st.sampled_from([*FORMATS, "avi"]),
    codec=st.sampled_from([None, *CODECS, "mpeg2"]),
    quality=st.none() | st.integers(-5, 300),
    preset=st.none() | st.sampled_from(["veryfast", "8", "hq", "4444", "best"]),
    chroma=st.none() | st.sampled_from(["420", "422", "444", "rgb", "411"]),
    hardware=st.sampled_from(["never", "auto", "always", "maybe"]),
)
def test_an_encoding_is_refused_with_what_is_possible_or_complete(name, codec, quality, preset, chroma, hardware):
    """Nothing else is raised, and what is accepted needs no more choices: filled in again it is the same."""
    try:
        encoding = Encoding(name, codec, quality, preset, chroma, hardware)
    except InvalidInputError as error:
        event(str(error)[:20])
        return
    assert encoding.codec in FORMATS[name].codecs
    assert Encoding(**dataclasses.asdict(encoding)) == encoding
    assert encoding.layout in ("rgb", "yuv420", "yuv444")


def test_hardware_is_used_where_it_works_and_only_there(tmp_path):
    """Where it does not, "auto" is software and "always" says why; where it does, it writes a film that opens."""
    encoding, forced = (Encoding("mp4", hardware=wish) for wish in ("auto", "always"))
    used = encoding.encoder((256, 256))
    if used.name == "libx264":
        with pytest.raises(ffmpeg.VideoError, match="hardware='auto'"):
            forced.encoder((256, 256))
    else:
        assert forced.encoder((256, 256)) == used
    path = film(tmp_path, encoding, (256, 256))
    assert int(ffprobe(path, "-count_packets", "-show_streams")["streams"][0]["nb_read_packets"]) == FRAMES


HARDWARE = [(codec, encoder) for codec, coded in CODECS.items() for encoder in coded.hardware]
GENERIC = {"g", "b:v", "q:v", "bsf:v", "global_quality"}


@pytest.mark.parametrize(("codec", "encoder"), HARDWARE, ids=[encoder.name for _, encoder in HARDWARE])
def test_hardware_is_told_what_it_knows(codec, encoder):
    """Every option stands in ffmpeg's help of the encoder, every number within its limits: no hardware is needed."""
    if encoder.name not in ffmpeg.encoders():
        pytest.skip(f"this ffmpeg has no {encoder.name}")
    known = ffmpeg.output(["-h", f"encoder={encoder.name}"], "not helped").decode()
    limits = dict(re.findall(r"^ +-([\w-]+) +<\w+>(.*(?:\n {5}\w.*)*)", known, re.MULTILINE))
    coded = CODECS[codec]
    for quality in (coded.best, coded.usual, coded.worst):
        words = Encoding("mp4", codec, quality).output(30, "yuv420", encoder)
        words = words[words.index(encoder.name) + 1 : words.index("-colorspace")]
        for option, value in zip(words[::2], words[1::2], strict=True):
            if (name := option.removeprefix("-")) in GENERIC:
                continue
            bounds = re.search(r"\(from (\S+) to (\S+)\)", limits[name])
            if value.isdigit():  # without bounds it is a switch
                least, most = (
                    float(bound.replace("INT_MAX", "inf")) for bound in (bounds.groups() if bounds else "01")
                )
                assert least <= int(value) <= most, (option, value)
            else:
                assert re.search(rf"^ {{5}}{value} ", limits[name], re.MULTILINE), (option, value)


def test_an_encoder_that_is_missing_is_told_with_the_remedy(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ' ------'; echo ' V....D ffv1  FFmpeg video codec #1'\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    check_film(Encoding("mkv", "ffv1"), fps=30, size=(64, 64))
    with pytest.raises(ffmpeg.VideoError, match=r"without libsvtav1 and libaom-av1, which encodes av1.*another codec"):
        check_film(Encoding("mp4", "av1"), fps=30, size=(64, 64))


@pytest.mark.parametrize(
    ("encoding", "settings", "remedy"),
    [
        (Encoding("gif"), {"fps": 60}, "at most 50"),
        (Encoding("gif"), {"subtitles": True}, "srt"),
        (Encoding("webp"), {"audio": "song.mp3"}, "no sound"),
        (Encoding("mp4"), {"audio": "nowhere.mp3"}, "no audio file"),
        (Encoding("mp4"), {"audio": __file__}, "holds sound"),
        (Encoding("mp4"), {"size": (63, 64)}, "even"),
        (Encoding("mp4"), {"fps": 0}, "above 0"),
        (Encoding("mp4"), {"fps": float("nan")}, "above 0"),
    ],
)
def test_what_cannot_be_is_refused_before_work(encoding, settings, remedy):
    with pytest.raises(InvalidInputError, match=remedy):
        check_film(encoding, **{"fps": 30, "size": (64, 64), **settings})


def test_what_an_encoding_shows_of_a_frame():
    assert Encoding("mp4").shown((99, 67)) == (98, 66)
    assert Encoding("mkv").shown((99, 67)) == (99, 67)
    assert to_rgb(frame(3, (98, 66), "yuv420"), "yuv420").shape == (66, 98, 3)
