"""Frames to an MP4 file and back."""

import fcntl
import glob
import math
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film.ffmpeg import VideoError, executable, feed, last_words, rate, started, url

Frame = NDArray[np.uint8]

ENCODERS = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast"),
    "h265": ("-c:v", "libx265", "-preset", "veryfast", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
}
SCALER = "bicubic+accurate_rnd+full_chroma_int"  # ffmpeg's default rounds, and repeats chroma pixels
# Converted by the matrix that it is tagged with: untagged, players guess by the frame's size, and colours shift.
COLOUR = (
    "-vf",
    f"scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags={SCALER},"
    "format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
    "-colorspace",
    "bt709",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
    "-color_range",
    "tv",
)


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds: `frames` of `width` x `height` pixels at `fps`, and how they are coded."""

    width: int
    height: int
    fps: float
    frames: int
    codec: str
    pixel_format: str
    colour: str


def write(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    fps: float = 30,
    codec: str = "h264",
    quality: int = 18,
    title: str = "",
    comment: str = "",
    on_frame: Callable[[int], None] | None = None,
) -> Path:
    """Encode `frames`, uint8 (H, W, 3) in sRGB, to an MP4 file at `path`, whole or not at all; returns the path.

    `quality` is the encoder's constant rate factor, 1 (best) to 51, 18 is visually lossless. An odd side loses its last
    pixel, since 4:2:0 chroma has none. `on_frame` is called with the number of frames handed over so far. The file
    grows under a temporary name beside `path`; what a killed process left there is removed by the next call.
    Raises InvalidInputError for no frames, unlike frames or bad settings, VideoError when ffmpeg fails.
    """
    path = Path(path)
    _check(path, fps, codec, quality)
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise InvalidInputError("A video needs at least one frame, got none.")
    height, width = _even(first, first.shape, 1).shape[:2]
    command = [
        *_input(width, height, fps),
        *ENCODERS[codec],
        "-crf",
        str(quality),
        *COLOUR,
        "-movflags",
        "+faststart",
        "-metadata",
        f"title={title}",
        "-metadata",
        f"comment={comment}",
        "-f",
        "mp4",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path) as temporary:
        feed(_all_even(chain([first], rest)), [*command, url(temporary)], f"{path} was not written", on_frame)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    return path


def probe(path: str | Path) -> VideoInfo:
    """Read the header of a video and count its frames, without decoding. Raises VideoError if it is no whole video."""
    command = [executable(), "-hide_banner", "-i", url(path), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"]
    with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.communicate()[1].decode(errors="replace")
    stream = re.search(r"Video: (\w+).*?, (\w+)(?:\(([^)]*)\))?, (\d+)x(\d+).*?, ([\d.]+k?) fps", said)
    counts = re.findall(r"frame=\s*(\d+)", said)
    if process.returncode or not stream or not counts:
        raise VideoError(f"{path} is not a whole video that ffmpeg can read. ffmpeg said: {last_words(said)}")
    codec, pixels, colour, width, height, fps = stream.groups("")
    return VideoInfo(int(width), int(height), float(fps.replace("k", "e3")), int(counts[-1]), codec, pixels, colour)


def read(path: str | Path) -> Iterator[Frame]:
    """Decode a video: its frames one by one, uint8 (H, W, 3). Raises VideoError, at the first, if it is no video."""
    info = probe(path)
    shape = (info.height, info.width, 3)
    command = [executable(), "-loglevel", "error", "-noautorotate", "-i", url(path), "-map", "0:v:0"]
    command += ["-vf", f"scale=flags={SCALER}", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        pipe = cast(IO[bytes], process.stdout)
        try:
            while len(data := pipe.read(math.prod(shape))) == math.prod(shape):
                yield np.frombuffer(data, np.uint8).reshape(shape)
        finally:
            process.kill()  # a reader that stops early leaves ffmpeg with a full pipe


def _input(width: int, height: int, fps: float) -> list[str]:
    return [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        str(rate(fps)),
        "-i",
        "-",
        "-an",
    ]


def _check(path: Path, fps: float, codec: str, quality: int) -> None:
    if path.suffix.lower() != ".mp4" or path.is_dir():
        raise InvalidInputError(f"A video's path names an .mp4 file, got {path}.")
    if codec not in ENCODERS:
        raise InvalidInputError(f"Unknown codec {codec!r}; expected one of {', '.join(ENCODERS)}.")
    if not 0 < fps <= 1000:
        raise InvalidInputError(f"fps must be above 0 and at most 1000, got {fps}.")
    if not 1 <= quality <= 51:
        raise InvalidInputError(f"quality is a rate factor from 1 (best) to 51, got {quality}; 18 is the usual one.")


def _even(frame: Frame, shape: tuple[int, ...], count: int) -> Frame:
    if frame.dtype != np.uint8 or frame.shape != shape or frame.ndim != 3 or shape[2] != 3 or min(shape[:2]) < 2:
        raise InvalidInputError(
            f"Every frame must be uint8 (H, W, 3), at least 2 x 2 and of one size; the first is {shape}, frame {count} "
            f"is {frame.dtype} {frame.shape}."
        )
    H, W = frame.shape[:2]
    return np.ascontiguousarray(frame[: H - H % 2, : W - W % 2])


def _all_even(frames: Iterable[Frame]) -> Iterator[Frame]:
    shape: tuple[int, ...] = ()
    for count, frame in enumerate(frames, start=1):
        shape = shape or frame.shape
        yield _even(frame, shape, count)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A name beside `path`, locked while it is ours and gone afterwards; unlocked ones, left behind, are removed."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError), left.open("rb") as stale, _held(stale) as free:
            if free:
                left.unlink()
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    with temporary.open("xb") as file, _held(file):
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _held(file: IO[bytes]) -> Iterator[bool]:
    """Try to lock `file` until the block ends; whether that succeeded. The kernel frees a killed process's locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
