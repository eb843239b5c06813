"""Long films, written in segments: what is finished survives a kill, and is joined without being coded anew."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg
from zoomlib.film.animation import animate
from zoomlib.film.audio import check_sound
from zoomlib.film.encoding import Encoding
from zoomlib.film.joining import Segment, join
from zoomlib.film.missing import Draw, drawn, stretches
from zoomlib.film.planes import Layout, Size, shape_of
from zoomlib.film.sequence import check_sequence, write_sequence
from zoomlib.film.video import timeline
from zoomlib.film.whole import SETTINGS, check_place, clear, only_of, only_one, whole

LOSSLESS = Encoding("mkv", "ffv1")
"""What is drawn for formats that cannot be joined out of segments, until it is all there."""
MAX_GIF_FPS = 50
MIN_FRAMES = 32
"""Encoders that look ahead delay their first frames; in shorter segments less, and the clock would jump at a joint."""
CONTAINERS = {"prores": "mov", "ffv1": "mov"}
"""What segments are kept in: their times must be exact. MP4 for all other codecs."""


@dataclass(frozen=True)
class Pipeline:
    """The frames that a segment is made of, and what ffmpeg is told to make of them."""

    layout: Layout
    size: Size
    words: list[str]


def write_film(
    draw: Draw,
    total: int,
    path: str | Path,
    *,
    fps: float | Fraction,
    size: Size,
    encoding: Encoding,
    work: str | Path,
    tags: Mapping[str, str] | None = None,
    audio: str | Path | None = None,
    subtitles: str | Path | None = None,
    segment_s: float = 10.0,
    on_frame: Callable[[int], None] | None = None,
    keep: bool = False,
) -> Path:
    """Write a film of `total` frames to `path`, whole or not at all; returns the path.

    `draw(start, stop)` yields frames start to stop - 1 of `size` in `encoding.layout`; each may be overwritten when the
    next is asked for. It is called once for every stretch of frames that is still missing. `on_frame` is called with
    the number of frames that are done, those of an earlier try included.

    Segments of about `segment_s` seconds, whole groups of pictures, are kept in the folder `work` until the film is
    there, so that a second call with the same settings goes on where a killed one was: give each film (what is
    drawn, too) a folder of its own. With `keep` it stays after that, for a caller who has more to do with the film and
    may be stopped at it: the same call then draws nothing. Frames last exactly 1 / fps, 29.97 and its like in full
    length mean n 1000/1001; webm and mkv round times to milliseconds, gif to hundredths of a second, for they know no
    others.

    `audio`: sound that is cut to the film's length or followed by silence. `subtitles`: a .srt or .vtt file that
    becomes a track. `tags`: names and values that are written into the file; gif and webp have no place for them, mp4
    and mov only for names that they know, mov for 65,535 bytes each. A png film is a folder at `path`.
    Raises InvalidInputError for settings that cannot be, before anything is drawn, and for frames of the wrong shape or
    number; VideoError when ffmpeg or the disk fails.
    """
    path, work = Path(path), Path(work)
    audio, subtitles = (None if given is None else Path(given) for given in (audio, subtitles))
    _check_call(total, path, encoding, subtitles, segment_s)
    check_film(encoding, fps=fps, size=size, audio=audio, subtitles=subtitles is not None)
    for place in (path, work / SETTINGS):
        check_place(place)
    with only_one(work):
        if encoding.format == "png":
            write_sequence(draw, total, path, size, encoding, work, tags or {}, on_frame)
        else:
            coding = encoding if encoding.kind.joins else LOSSLESS
            segments = _planned(total, ffmpeg.rate(fps), coding, segment_s, work)
            _drawn(segments, draw, _pipeline(coding, size, fps), work, on_frame)
            with whole(path) as temporary:
                if encoding.kind.joins:
                    join(segments, temporary, ffmpeg.rate(fps), encoding, tags or {}, audio, subtitles)
                else:
                    animate(segments, temporary, ffmpeg.rate(fps), encoding)
        if not keep:
            clear(work)
    with suppress(OSError):
        work.rmdir()  # it may hold what is not ours, or is kept
    return path


def check_film(
    encoding: Encoding,
    *,
    fps: float | Fraction,
    size: Size,
    audio: str | Path | None = None,
    subtitles: bool = False,
) -> None:
    """Raise, before any work, if no film of frames of `size` could be written with these settings.

    InvalidInputError for what cannot be anywhere, VideoError for what this machine's ffmpeg or hardware lacks.
    """
    if not 0 < fps <= 1000:
        raise InvalidInputError(f"fps must be above 0 and at most 1000, got {fps}.")
    if encoding.format == "gif" and fps > MAX_GIF_FPS:
        raise InvalidInputError(f"A gif shows at most {MAX_GIF_FPS} frames per second, got {fps}: choose another rate.")
    if subtitles and encoding.kind.subtitles is None:
        raise InvalidInputError(f"A {encoding.format} has no subtitle track: use a .srt file beside it.")
    shape_of(encoding.layout, size)
    if audio is not None:
        check_sound(Path(audio), encoding)
    if encoding.format != "png":
        encoding.encoder(size)
    if not encoding.kind.joins:
        LOSSLESS.encoder(size)


def _check_call(total: int, path: Path, encoding: Encoding, subtitles: Path | None, segment_s: float) -> None:
    if total < 1:
        raise InvalidInputError(f"A film needs at least one frame, got {total}: make it longer.")
    if not segment_s > 0:
        raise InvalidInputError(f"segment_s must be above 0, got {segment_s}.")
    if subtitles is not None:
        _check_subtitles(subtitles)
    if not encoding.suffix:
        check_sequence(path)
    elif path.suffix.lower() != encoding.suffix or path.is_dir():
        raise InvalidInputError(
            f"The name of a {encoding.format} film is a file's that ends with {encoding.suffix}, got {path}."
        )


def _check_subtitles(path: Path) -> None:
    words = ["-i", ffmpeg.url(path), "-map", "0:s:0", "-f", "srt", "-"]
    try:
        if not ffmpeg.output(words, f"{path} was not read as subtitles").strip():
            raise InvalidInputError(f"There are no subtitles in {path}: leave it out.")
    except ffmpeg.VideoError as error:
        raise InvalidInputError(f"{error} Give a .srt or .vtt file.") from error


def _planned(total: int, rate: Fraction, coding: Encoding, segment_s: float, work: Path) -> list[Segment]:
    """Segments of whole groups of pictures, but for the last one's end; what little is left over belongs to it."""
    group = coding.gop(rate)
    step = group * max(1, round(segment_s * rate / group), math.ceil(MIN_FRAMES / group))
    starts = range(0, max(total - MIN_FRAMES, 0) + 1, step)
    suffix = CONTAINERS.get(str(coding.codec), "mp4")
    bounds = pairwise([*starts, total])
    return [Segment(start, stop, work / f"segment_{start:07d}_{stop:07d}.{suffix}") for start, stop in bounds]


def _pipeline(coding: Encoding, size: Size, fps: float | Fraction) -> Pipeline:
    encoder = coding.encoder(size)
    words = [*coding.input(size, fps, coding.layout, encoder), *coding.output(fps, coding.layout, encoder)]
    return Pipeline(coding.layout, size, [*words, "-f", CONTAINERS.get(str(coding.codec), "mp4")])


def _drawn(
    segments: list[Segment], draw: Draw, pipeline: Pipeline, work: Path, on_frame: Callable[[int], None] | None
) -> None:
    """Draw and encode the segments that are not there yet."""
    only_of([ffmpeg.version(), pipeline.words, pipeline.size], work)
    there = [_is_whole(segment) for segment in segments]
    done = sum(len(segment) for segment, found in zip(segments, there, strict=True) if found)
    if on_frame is not None and done:
        on_frame(done)
    for stretch in stretches(there):
        missing = segments[stretch.start : stretch.stop]
        with drawn(draw, missing[0].start, missing[-1].stop, pipeline.layout, pipeline.size) as frames:
            for segment in missing:
                told = None if on_frame is None else partial(_told, on_frame, done)
                with whole(segment.path) as temporary:
                    words = [*pipeline.words, ffmpeg.url(temporary)]
                    ffmpeg.feed(islice(frames, len(segment)), words, "The film was not written", told)
                done += len(segment)


def _told(on_frame: Callable[[int], None], before: int, count: int) -> None:
    on_frame(before + count)


def _is_whole(segment: Segment) -> bool:
    try:
        return segment.path.is_file() and len(timeline(segment.path)) == len(segment)
    except ffmpeg.VideoError:
        return False
