"""The one meeting with ffmpeg: which program it is, what it can do, and processes of it with their last words."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import ZoomlibError

PIPE_BYTES = 2**20
"""What a pipe to ffmpeg is asked to hold: the usual 64 KiB wake both ends 24 times for a frame of 1024 pixels."""
FULL = ("No space left on device", "Disk quota exceeded", "File too large")
QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")


class VideoError(ZoomlibError):
    """ffmpeg could not write or read a file. The message ends with ffmpeg's own last words."""


def executable() -> str:
    """The path of ffmpeg. Raises VideoError with the remedy where there is none."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise VideoError(
            f"There is no ffmpeg: {error}. Install imageio-ffmpeg from its wheel, which brings one."
        ) from error


def url(path: str | Path) -> str:
    """A path as ffmpeg must be given it: without this, a colon in it would name a protocol."""
    return f"file:{os.fspath(path)}"


def rate(fps: float | Fraction) -> Fraction:
    """Frames per second as the exact fraction that is meant: 29.97 in full length is 30000/1001."""
    return Fraction(fps).limit_denominator(100_000)


def started(command: Sequence[str], **streams: Any) -> "subprocess.Popen[bytes]":
    """Start a process; keywords as of Popen. Raises VideoError when its program cannot be started."""
    try:
        return subprocess.Popen(command, **streams)  # noqa: S603  a list of our own making, no shell
    except OSError as error:
        raise VideoError(
            f"{command[0]} did not start: {error}. Unset IMAGEIO_FFMPEG_EXE, or name a working ffmpeg."
        ) from error


def output(arguments: Sequence[str], doing: str) -> bytes:
    """What ffmpeg writes to its standard output, given `arguments`.

    Raises VideoError, which begins with `doing` ("To read the audio file song.mp3"), when ffmpeg fails.
    """
    with TemporaryFile() as log:
        command = [executable(), *QUIET, *arguments]
        with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log) as process:
            written = process.communicate()[0]
        _check(process.returncode, log, doing)
    return written


def feed(
    frames: Iterable[NDArray[np.uint8]],
    arguments: Sequence[str],
    doing: str,
    on_frame: Callable[[int], None] | None = None,
) -> int:
    """Write the bytes of C-contiguous `frames` one by one to the standard input of ffmpeg; returns how many they were.

    `on_frame` is called with the number of frames handed over so far. An error of `frames` ends ffmpeg and is
    passed on; raises VideoError, which begins with `doing`, when ffmpeg fails.
    """
    count, died = 0, False
    # ffmpeg's messages go to a file: in a pipe that nobody empties they would stop it.
    with TemporaryFile() as log:
        command = [executable(), *(word for word in QUIET if word != "-nostdin"), *arguments]
        process = started(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
        pipe = cast(IO[bytes], process.stdin)
        _widen(pipe)
        try:
            for count, frame in enumerate(frames, start=1):
                pipe.write(frame.data)
                if on_frame is not None:
                    on_frame(count)
            pipe.flush()
        except BrokenPipeError:
            died = True  # its own words say why
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(OSError):
                pipe.close()
            process.wait()
        _check(process.returncode or int(died), log, doing)
    return count


def last_words(said: str) -> str:
    """What ffmpeg said, in one line: where it is long, its beginning, which tells the cause, and its end."""
    lines = [line.strip()[:300] for line in said.splitlines() if line.strip()]
    return " | ".join(lines if len(lines) <= 4 else [*lines[:2], "...", *lines[-2:]]) or "nothing"


def version() -> str:
    """What this ffmpeg calls itself."""
    return _version(executable())


@lru_cache
def _version(program: str) -> str:
    command = [program, "-version"]
    with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        return process.communicate()[0].decode(errors="replace").partition(" Copyright")[0]


def encoders() -> frozenset[str]:
    """Names of the encoders that this ffmpeg was built with; hardware ones may still lack their hardware."""
    return _encoders(executable())


@lru_cache
def _encoders(program: str) -> frozenset[str]:
    command = [program, "-hide_banner", "-encoders"]
    with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        listed = process.communicate()[0].decode(errors="replace").partition("------")[2]
    return frozenset(words[1] for words in map(str.split, listed.splitlines()) if len(words) > 1)


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":  # nowhere else can a pipe be widened
        with suppress(OSError):  # beyond what this user may hold in pipes
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _check(status: int, log: IO[bytes], doing: str) -> None:
    if status:
        log.seek(0)
        said = last_words(log.read().decode(errors="replace"))
        full = status == -signal.SIGXFSZ or any(words in said for words in FULL)
        remedy = " Make room on the disk and start again." if full else ""
        raise VideoError(f"{doing}: ffmpeg stopped with status {status}.{remedy} It said: {said}")
