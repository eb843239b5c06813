"""Segments to one film, with its sound, subtitles and words, without coding its pictures anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from zoomlib.film.audio import sound
from zoomlib.film.encoding import Encoding
from zoomlib.film.ffmpeg import VideoError, output, url
from zoomlib.film.video import timeline


@dataclass(frozen=True)
class Segment:
    """Frames `start` to `stop` - 1 of a film, in a file that is there only when it is whole."""

    start: int
    stop: int
    path: Path

    def __len__(self) -> int:
        return self.stop - self.start


def join(
    segments: Sequence[Segment],
    target: Path,
    rate: Fraction,
    encoding: Encoding,
    tags: Mapping[str, str],
    audio: Path | None,
    subtitles: Path | None,
) -> None:
    """Write segments, which lie in one folder, to `target` as one film of exactly `rate` frames per second.

    The same input gives the same bytes. Raises VideoError when ffmpeg fails, or does not place the frames evenly.
    """
    words = segments[0].path.with_name("tags.txt")
    words.write_text(_as_metadata(tags), encoding="utf-8")
    inputs = [*parts(segments, rate), "-f", "ffmetadata", "-i", url(words)]
    tracks = ["-map", "0:v:0", "-c:v", "copy", *encoding.tags(), "-map_metadata", "1", "-map_chapters", "-1"]
    for given, kind in ((audio, "a"), (subtitles, "s")):
        if given is not None:
            tracks += ["-map", f"{inputs.count('-i')}:{kind}:0"]
            inputs += ["-i", url(given)]
    if audio is not None:
        tracks += sound(encoding, segments[-1].stop / rate)
    if subtitles is not None:
        tracks += ["-c:s", str(encoding.kind.subtitles)]
    output([*inputs, *tracks, "-fflags", "+bitexact", *encoding.container(), url(target)], "The film was not joined")
    _check_times(target, segments[-1].stop, rate)


def parts(segments: Sequence[Segment], rate: Fraction) -> list[str]:
    """ffmpeg's words for reading segments one after the other, each at its exact time."""
    lines = ["ffconcat version 1.0"]
    for segment in segments:
        # Differences of rounded times: rounded durations would add up to an error.
        start_us, stop_us = (round(frame / rate * 1_000_000) for frame in (segment.start, segment.stop))
        lines += [f"file {segment.path.name}", f"duration {stop_us - start_us}us"]
    listed = segments[0].path.with_name("segments.txt")
    listed.write_text("\n".join(lines), encoding="utf-8")
    return ["-f", "concat", "-i", url(listed)]


def _as_metadata(tags: Mapping[str, str]) -> str:
    """ffmpeg's text form of tags, in which some signs are escaped."""
    escaped = str.maketrans({sign: f"\\{sign}" for sign in "=;#\\\n"} | {"\0": "", "\r": ""})
    return "\n".join([";FFMETADATA1", *(f"{key.translate(escaped)}={tags[key].translate(escaped)}" for key in tags)])


def _check_times(path: Path, frames: int, rate: Fraction) -> None:
    times = timeline(path)
    # webm and mkv know milliseconds only; some versions begin them with the few that opus needs to start
    late = [k for k, time in enumerate(times) if abs(time - times[0] - k / rate) > Fraction(1, 999)]
    if len(times) != frames or late:
        raise VideoError(
            f"The film was not joined: {len(times)} of {frames} frames are in it, frame {min(late, default=0)} is not "
            "where it should be. Use the ffmpeg that imageio-ffmpeg brings: unset IMAGEIO_FFMPEG_EXE."
        )
