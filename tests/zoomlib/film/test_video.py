import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.zoomlib.film.footage import frame
from zoomlib.errors import InvalidInputError, ZoomlibError
from zoomlib.film import ffmpeg, video


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def film(count=30):
    return [frame(number) for number in range(count)]


def flat(colour, count=3, size=(32, 32)):
    return [np.full((size[1], size[0], 3), colour, np.uint8)] * count


def test_what_is_written_is_read_back(tmp_path):
    """30 frames, in order; at rate factor 10 within 38 dB of the originals, which 4:2:0 chroma alone bounds."""
    shown = film()
    path = video.write(shown, tmp_path / "zoom.mp4", fps=30, quality=10)
    info = video.probe(path)
    assert (info.width, info.height, info.fps, info.frames, info.codec) == (64, 48, 30.0, len(shown), "h264")
    back = list(video.read(path))
    assert len(back) == len(shown)
    for a, b in zip(shown, back, strict=True):
        assert 10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()) > 38


def test_the_colour_space_is_named_and_kept(tmp_path):
    """yuv420p, limited range, BT.709, and pure colours return to 3 grey levels: the matrix is the one of the tag."""
    for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 140, 60)]:
        path = video.write(flat(colour), tmp_path / "flat.mp4", quality=1)
        info = video.probe(path)
        assert info.pixel_format == "yuv420p"
        assert "tv" in info.colour
        assert "bt709" in info.colour
        assert "unknown" not in info.colour
        assert np.abs(next(video.read(path)).astype(int) - colour).max() <= 3


def test_a_player_can_start_before_the_file_is_there(tmp_path):
    """+faststart: the index comes before the pictures."""
    data = video.write(film(), tmp_path / "zoom.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("size", [(33, 48), (32, 47), (31, 31), (3, 5)])
def test_odd_sides_lose_their_last_pixel(tmp_path, size):
    info = video.probe(video.write(flat((1, 2, 3), size=size), tmp_path / "odd.mp4"))
    assert (info.width, info.height) == (size[0] // 2 * 2, size[1] // 2 * 2)


@pytest.mark.parametrize("fps", [24, 30, 60, 12.5, 30000 / 1001])
def test_rates(tmp_path, fps):
    info = video.probe(video.write(flat((9, 9, 9), count=7), tmp_path / "rate.mp4", fps=fps))
    assert info.fps == pytest.approx(fps, abs=0.01)
    assert info.frames == 7


def test_h265(tmp_path):
    assert video.probe(video.write(film(), tmp_path / "zoom.mp4", codec="h265")).codec == "hevc"


def test_title_and_comment_may_hold_anything(tmp_path):
    title = 'a=b; 银河 "quoted" \\ #\n[x] 🎉'
    path = video.write(flat((5, 5, 5)), tmp_path / "named.mp4", title=title, comment="seed=7")
    assert "银河".encode() in path.read_bytes()
    assert b"seed=7" in path.read_bytes()


@pytest.mark.parametrize("name", ["with space.mp4", "a:b.mp4", "-dash.mp4", "ü[1]*?.mp4", "%03d.mp4", "UPPER.MP4"])
def test_any_file_name_serves(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video.write(flat((5, 5, 5)), name)
    assert names(Path()) == [name]
    assert video.probe(name).frames == 3
    assert len(list(video.read(name))) == 3


def test_progress_is_told_once_per_frame(tmp_path):
    told = []
    video.write(flat((5, 5, 5), count=5), tmp_path / "zoom.mp4", on_frame=told.append)
    assert told == [1, 2, 3, 4, 5]


def test_frames_are_taken_one_at_a_time(tmp_path):
    """Never a list: what was handed to the encoder is not asked for again, and not held."""
    alive = 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def feed():
        nonlocal alive
        for _ in range(20):
            alive += 1
            yield np.zeros((32, 32, 3), np.uint8).view(Counted)
            assert alive <= 3

    video.write(feed(), tmp_path / "zoom.mp4")


def test_a_new_video_replaces_the_old_one_whole(tmp_path):
    path = video.write(flat((5, 5, 5), count=9), tmp_path / "zoom.mp4")
    video.write(flat((200, 5, 5), count=4), path)
    assert video.probe(path).frames == 4
    assert names(tmp_path) == ["zoom.mp4"]


class CameraLostError(Exception):
    pass


def broken():
    yield from flat((5, 5, 5))
    raise CameraLostError


def mixed():
    yield from flat((5, 5, 5))
    yield from flat((5, 5, 5), size=(16, 16))


@pytest.mark.parametrize(
    ("shown", "error"),
    [
        (broken(), CameraLostError),
        (mixed(), InvalidInputError),
        (iter([]), InvalidInputError),
        ([np.zeros((32, 32, 3))], InvalidInputError),
        ([np.zeros((32, 32), np.uint8)], InvalidInputError),
        ([np.zeros((32, 32, 4), np.uint8)], InvalidInputError),
        ([np.zeros((1, 32, 3), np.uint8)], InvalidInputError),
    ],
)
def test_a_failure_leaves_nothing_new_and_the_old_video_alone(tmp_path, shown, error):
    old = video.write(flat((5, 5, 5), count=9), tmp_path / "zoom.mp4").read_bytes()
    with pytest.raises(error):
        video.write(shown, tmp_path / "zoom.mp4")
    assert names(tmp_path) == ["zoom.mp4"]
    assert (tmp_path / "zoom.mp4").read_bytes() == old


def fake_ffmpeg(tmp_path, monkeypatch, script):
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\ncase "$*" in *-encoders*) exec {ffmpeg.executable()} "$@";; esac\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))


@pytest.mark.parametrize(
    "script",
    ["echo 'No space left on device' >&2; exit 1", "cat >/dev/null; echo 'No space left on device' >&2; exit 228"],
)
def test_ffmpegs_own_words_reach_the_user(tmp_path, monkeypatch, script):
    """Whether it dies at once, with the pipe still full, or at the end."""
    fake_ffmpeg(tmp_path, monkeypatch, script)
    with pytest.raises(video.VideoError, match="No space left on device") as caught:
        video.write(flat((5, 5, 5), count=50, size=(200, 200)), tmp_path / "out" / "zoom.mp4")
    assert isinstance(caught.value, ZoomlibError)
    assert names(tmp_path / "out") == []


def test_a_missing_encoder_is_an_error_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(tmp_path / "nowhere"))
    with pytest.raises(video.VideoError, match="nowhere"):
        video.write(flat((5, 5, 5)), tmp_path / "zoom.mp4")
    assert names(tmp_path) == []


KILLED = """
import itertools, signal, sys, time
import numpy as np
from zoomlib.film import video
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts tests in the background has it ignored
def feed():
    for n in itertools.count():
        if n == 200:  # more than a pipe holds: ffmpeg has begun
            print("going", flush=True)
        if n > 200:
            time.sleep(0.02)
        yield np.random.default_rng(n).integers(0, 255, (64, 64, 3), dtype=np.uint8)
video.write(feed(), sys.argv[1])
"""


def test_killed_while_writing_then_written_again(tmp_path):
    """After kill -9 nothing bears the video's name; the next call removes the remains, but not those of a live one."""
    path = tmp_path / "zoom.mp4"
    child, other = (
        subprocess.Popen([sys.executable, "-c", KILLED, str(p)], stdout=subprocess.PIPE, text=True)
        for p in (path, path)
    )
    for process in (child, other):
        assert process.stdout.readline() == "going\n"
    assert len(list(tmp_path.glob(".zoom.mp4.*.part"))) == 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not path.exists()
    video.write(flat((5, 5, 5)), path)
    assert video.probe(path).frames == 3
    assert len(list(tmp_path.glob(".zoom.mp4.*.part"))) == 1
    other.send_signal(signal.SIGINT)
    other.wait()
    for process in (child, other):
        process.stdout.close()
    deadline = time.monotonic() + 20
    while names(tmp_path) != ["zoom.mp4"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert names(tmp_path) == ["zoom.mp4"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "zoom.avi"},
        {"path": "zoom"},
        {"codec": "mpeg2"},
        {"quality": 0},
        {"quality": 52},
        {"fps": 0},
        {"fps": -1},
        {"fps": float("nan")},
        {"fps": 1e9},
    ],
)
def test_bad_settings_are_refused_before_a_frame_is_drawn(tmp_path, wrong):
    def feed():
        raise AssertionError("drawn")
        yield

    settings = {"path": "zoom.mp4", **wrong}
    with pytest.raises(InvalidInputError):
        video.write(feed(), tmp_path / settings.pop("path"), **settings)
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"not a video", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"])
def test_what_is_no_video_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "zoom.mp4"
    path.write_bytes(content)
    with pytest.raises(video.VideoError, match=r"zoom\.mp4"):
        video.probe(path)
    with pytest.raises(video.VideoError):
        next(video.read(path))


def test_a_missing_and_a_truncated_video(tmp_path):
    with pytest.raises(video.VideoError, match=r"none\.mp4"):
        video.probe(tmp_path / "none.mp4")
    path = video.write(film(), tmp_path / "zoom.mp4")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(video.VideoError):
        video.probe(path)
