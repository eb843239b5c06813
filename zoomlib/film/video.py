"""Frames to a video file in one go, and back."""

import math
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, cast

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.film.encoding import Encoding
from zoomlib.film.ffmpeg import VideoError, executable, feed, last_words, output, started, url
from zoomlib.film.formats import SCALER
from zoomlib.film.planes import Frame, Layout, shape_of, size_of
from zoomlib.film.whole import check_place, whole

__all__ = ["VideoError", "VideoInfo", "probe", "read", "timeline", "write"]


TAG = re.compile(r"((?:\\.|[^=\\\n])+)=((?:\\.|[^\\\n])*)\n", re.DOTALL)
"""A line of ffmpeg's text form of tags: name, value, in which a backslash stands before some signs."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds: `frames` of `width` x `height` pixels at `fps`, and how they are coded.

    `colour`: range, matrix, primaries and curve as ffmpeg prints them. `duration_s` of the pictures. `audio` and
    `subtitles`: the codec of the first track of its kind, empty without. `tags`: names, in small letters, and values.
    """

    width: int
    height: int
    fps: float
    frames: int
    codec: str
    pixel_format: str
    colour: str
    duration_s: float
    audio: str
    subtitles: str
    tags: dict[str, str]


def write(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    fps: float = 30,
    codec: str = "h264",
    quality: int | None = None,
    title: str = "",
    comment: str = "",
    on_frame: Callable[[int], None] | None = None,
    encoding: Encoding | None = None,
    layout: Layout = "rgb",
) -> Path:
    """Encode `frames`, uint8 in `layout`, to a file at `path`, whole or not at all; returns the path.

    The file is an MP4 of `codec` and `quality`, the encoder's constant rate factor, 1 (best) to 51, 18 for h264 is
    visually lossless; or what `encoding` says, of the formats that take one frame after the other: mp4, webm, mov, mkv.
    `layout`: "rgb", (H, W, 3) in sRGB, which ffmpeg converts, or that of the encoding. In 4:2:0 an odd side loses its
    last pixel. `on_frame` is called with the number of frames handed over so far.
    Raises InvalidInputError for no frames, unlike frames or bad settings, VideoError when ffmpeg fails.
    """
    path, coding = Path(path), encoding or Encoding("mp4", codec, quality)
    _check(path, fps, coding, layout)
    check_place(path)
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise InvalidInputError("A video needs at least one frame, got none.")
    shown = _fitting(chain([first], rest), coding, layout)
    size = size_of(next(_fitting([first], coding, layout)), layout)
    encoder = coding.encoder(size)
    words = ["-metadata", f"title={title}", "-metadata", f"comment={comment}", *coding.container()]
    command = [*coding.input(size, fps, layout, encoder), *coding.output(fps, layout, encoder), *words]
    with whole(path) as temporary:
        feed(shown, [*command, url(temporary)], f"{path} was not written", on_frame)
    return path


def probe(path: str | Path) -> VideoInfo:
    """Read the header of a video and count its frames, without decoding. Raises VideoError if it is no whole video."""
    times, unit, said = _packets(path)
    stream = re.search(r"Video: (\w+).*?, (\w+)(?:\(([^)]*)\))?, (\d+)x(\d+)(?:.*?, ([\d.]+k?) fps)?", said)
    if not stream or not times:
        raise VideoError(f"{path} is not a whole video that ffmpeg can read. ffmpeg said: {last_words(said)}")
    codec, pixels, colour, width, height, told = stream.groups("")
    fps = _rate(times, unit) if len(times) > 1 else float(told.replace("k", "e3") or 0)
    tracks = {kind: found[1] for kind in ("Audio", "Subtitle") if (found := re.search(rf"{kind}: (\w+)", said))}
    return VideoInfo(
        width=int(width),
        height=int(height),
        fps=fps,
        frames=len(times),
        codec=codec,
        pixel_format=pixels,
        colour=colour,
        duration_s=len(times) / fps if fps else 0.0,
        audio=tracks.get("Audio", ""),
        subtitles=tracks.get("Subtitle", ""),
        tags=_tags(path),
    )


def timeline(path: str | Path) -> list[Fraction]:
    """When each frame of a video is shown, in seconds, in order; without decoding. Raises VideoError as `probe`."""
    return _packets(path)[0]


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


def _packets(path: str | Path) -> tuple[list[Fraction], Fraction, str]:
    """When the packets of a video are shown, in order, in seconds; the unit of time; what ffmpeg said of the file."""
    command = [executable(), "-hide_banner", "-i", url(path), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"]
    with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        listed, said = (stream.decode(errors="replace") for stream in process.communicate())
    unit = re.search(r"#tb 0: (\d+/\d+)", listed)
    if process.returncode or not unit:
        raise VideoError(f"{path} is not a whole video that ffmpeg can read. ffmpeg said: {last_words(said)}")
    shown = [int(line.split(",")[2]) for line in listed.splitlines() if line[:1].isdigit()]
    return [ticks * Fraction(unit[1]) for ticks in sorted(shown)], Fraction(unit[1]), said


def _tags(path: str | Path) -> dict[str, str]:
    words = ["-i", url(path), "-fflags", "+bitexact", "-f", "ffmetadata", "-"]  # bitexact: without one of its own
    listed, found = output(words, f"The tags of {path} were not read").decode(errors="replace"), {}
    place = listed.index("\n") + 1
    while line := TAG.match(listed, place):  # until the tags of single tracks
        name, value = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in line.groups())
        found[name.lower()] = value
        place = line.end()
    return found


def _rate(times: list[Fraction], unit: Fraction) -> float:
    """Frames per second: a usual rate where the rounding of times to `unit` permits it, else what they say."""
    length = times[-1] - times[0]
    even = (len(times) - 1) / length
    usual = [Fraction(round(even)), Fraction(round(even * 1001 / 1000) * 1000, 1001)]
    near = [rate for rate in usual if rate and abs((len(times) - 1) / rate - length) <= unit]
    return float(min(near, key=lambda rate: abs(rate - even), default=even))


def _check(path: Path, fps: float, encoding: Encoding, layout: Layout) -> None:
    if not encoding.kind.joins:
        raise InvalidInputError(f"A {encoding.format} is not written frame by frame: use segments.write_film.")
    if path.suffix.lower() != encoding.suffix or path.is_dir():
        raise InvalidInputError(f"A video's path names a file that ends with {encoding.suffix}, got {path}.")
    if not 0 < fps <= 1000:
        raise InvalidInputError(f"fps must be above 0 and at most 1000, got {fps}.")
    if layout not in ("rgb", encoding.layout):
        raise InvalidInputError(f"Frames for this encoding are in rgb or {encoding.layout}, got {layout}.")


def _fitting(frames: Iterable[Frame], encoding: Encoding, layout: Layout) -> Iterator[Frame]:
    """The frames, all alike and as large as the film."""
    shape: tuple[int, ...] = ()
    for count, frame in enumerate(frames, start=1):
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.shape != shape or not _has_layout(frame, layout):
            raise InvalidInputError(
                f"Every frame must be uint8 in {layout}, (H, W, 3) for rgb, at least 2 x 2 and of one size; the first "
                f"is {shape}, frame {count} is {frame.dtype} {frame.shape}."
            )
        if layout == "rgb":
            width, height = encoding.shown(size_of(frame, layout))
            frame = frame[:height, :width]
        yield np.ascontiguousarray(frame)


def _has_layout(frame: Frame, layout: Layout) -> bool:
    if frame.ndim != (2 if layout == "yuv420" else 3):
        return False
    size = size_of(frame, layout)
    return min(size) >= 2 and shape_of(layout, size) == frame.shape
