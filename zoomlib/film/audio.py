"""The sound of a film: a given file, as long as the film."""

from fractions import Fraction
from pathlib import Path

from zoomlib.errors import InvalidInputError
from zoomlib.film.encoding import Encoding
from zoomlib.film.ffmpeg import VideoError, output, url

HERTZ = 48_000
FADE_S = 1.0
"""Sound that is cut at the film's end fades out over this time, or over a quarter of a shorter film."""


def check_sound(path: Path, encoding: Encoding) -> None:
    """Raise InvalidInputError unless `path` has sound that ffmpeg can decode and the format has a place for it."""
    if not encoding.sound:
        raise InvalidInputError(
            f"A {encoding.format} has no sound: leave the audio out, or choose mp4, webm, mov or mkv."
        )
    if not path.is_file():
        raise InvalidInputError(f"There is no audio file {path}.")
    try:
        output(["-i", url(path), "-map", "0:a:0", "-t", "0.1", "-f", "null", "-"], f"{path} was not read as sound")
    except VideoError as error:
        raise InvalidInputError(f"{error} Give a file that holds sound, such as .wav, .mp3, .m4a, .flac.") from error


def sound(encoding: Encoding, length_s: Fraction) -> list[str]:
    """ffmpeg's words that make the sound of a film of `length_s` out of whatever sound it is given.

    Longer sound is cut and fades out; after shorter sound there is silence, it is not repeated. More than two channels
    are mixed into two.
    """
    samples = round(length_s * HERTZ)
    fade = min(round(FADE_S * HERTZ), samples // 4)
    steps = [
        f"aresample={HERTZ}",
        "aformat=channel_layouts=stereo|mono",
        f"apad=whole_len={samples}",
        f"atrim=end_sample={samples}",
        f"afade=type=out:start_sample={samples - fade}:nb_samples={max(fade, 1)}",
    ]
    return [*(encoding.kind.audio or "-an").split(), "-af", ",".join(steps)]
