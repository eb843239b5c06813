"""A disk without room, an encoder that is missing or dies, places where nothing can be written: told, nothing left."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.zoomlib.film.footage import drawing
from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg
from zoomlib.film.encoding import Encoding
from zoomlib.film.segments import write_film
from zoomlib.film.video import write

SIZE = (64, 48)


def film(folder, encoding, total=100, **more):
    path = folder / f"film{encoding.suffix}"
    draw = drawing(SIZE, encoding.layout)
    return write_film(draw, total, path, fps=30, size=SIZE, encoding=encoding, work=folder / "work", **more)


FULL = """
import sys
from pathlib import Path
from tests.zoomlib.film.test_failures import film
from zoomlib.film import ffmpeg
from zoomlib.film.encoding import Encoding
try:
    film(Path(sys.argv[1]), {encoding}, segment_s=1)
except ffmpeg.VideoError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("encoding", "room"),
    [
        (Encoding("mkv", "ffv1", gop_s=0.1), 20_000),  # too little for a segment
        (Encoding("mkv", "ffv1", gop_s=0.1), 200_000),  # enough for each segment, too little for the film
        (Encoding("mp4", gop_s=0.1), 8_000),
        (Encoding("webp"), 20_000),
        (Encoding("gif", gop_s=0.1), 250_000),
        (Encoding("png"), 300),
    ],
)
def test_without_room_nothing_looks_whole(tmp_path, encoding, room):
    """No file of a child process may grow above `room`: ffmpeg and Python are refused more as by a full disk."""
    size = (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    child = subprocess.run(
        [sys.executable, "-c", FULL.format(encoding=encoding), str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, size),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "was not" in child.stdout
    assert "room" in child.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert not list(tmp_path.glob("work/.*.part"))
    film(tmp_path, encoding)
    assert [path.name for path in tmp_path.iterdir()] == [f"film{encoding.suffix}"]


def test_an_encoder_that_dies_half_way(tmp_path):
    """ffmpeg is killed after 50 frames: an error of ours, no film; another try brings it."""

    def kill(done):
        if done == 50:
            (encoder,) = (child for child in psutil.Process().children() if child.name().startswith("ffmpeg"))
            encoder.kill()

    encoding = Encoding("mp4", gop_s=0.1)
    with pytest.raises(ffmpeg.VideoError, match="status -9"):
        film(tmp_path, encoding, segment_s=1, on_frame=kill)
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert len(list(tmp_path.glob("work/segment_*"))) == 1
    told = []
    film(tmp_path, encoding, segment_s=1, on_frame=told.append)
    assert told[0] == 33


def test_without_ffmpeg_the_remedy_is_told(tmp_path, monkeypatch):
    def nowhere():
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", nowhere)
    with pytest.raises(ffmpeg.VideoError, match="Install imageio-ffmpeg"):
        film(tmp_path, Encoding("mp4"))
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(tmp_path / "no ffmpeg"))
    with pytest.raises(ffmpeg.VideoError, match="IMAGEIO_FFMPEG_EXE"):
        film(tmp_path, Encoding("mp4"))
    assert list(tmp_path.iterdir()) == []


def test_an_ffmpeg_that_joins_wrongly_is_found_out(tmp_path, monkeypatch):
    """Its films lack the last segment; no film bears the name."""
    program, real = tmp_path / "ffmpeg", ffmpeg.executable()
    listed = tmp_path / "work" / "segments.txt"
    program.write_text(f"#!/bin/sh\n[ -f {listed} ] && sed -i '6,7d' {listed}\nexec {real} \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    with pytest.raises(ffmpeg.VideoError, match="66 of 100 frames"):
        film(tmp_path, Encoding("mp4", gop_s=0.1), segment_s=1)
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize("place", ["/proc/films/film.mp4", "/dev/null/film.mp4", "closed/film.mp4"])
def test_where_nothing_can_be_written_is_refused_before_anything_is_drawn(tmp_path, place, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if place.startswith("closed"):
        if not os.getuid():
            pytest.skip("root may write everywhere")
        Path("closed").mkdir(mode=0o555)
    with pytest.raises(InvalidInputError, match="Choose another folder"):
        write_film(_never, 3, place, fps=30, size=SIZE, encoding=Encoding(), work=tmp_path / "work")
    with pytest.raises(InvalidInputError, match="Choose another folder"):
        write_film(_never, 3, tmp_path / "film.mp4", fps=30, size=SIZE, encoding=Encoding(), work=Path(place).parent)
    with pytest.raises(InvalidInputError, match="Choose another folder"):
        write(_never(0, 3), place)


def _never(start, stop):
    raise AssertionError("drawn")
    yield
