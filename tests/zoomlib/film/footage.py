"""Frames to write films of: smooth waves that wander, cheap to draw and to code, each frame known by its number."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from zoomlib.film.planes import assemble, planes


def frame(number, size=(64, 48), layout="rgb"):
    """Frame `number` of the footage: uint8 in `layout`."""
    y, x = np.mgrid[: size[1], : size[0]]
    waves = [np.sin((x + 3 * number) / 19), np.sin((y + x + 2 * number) / 23), np.cos((y - number) / 27)]
    picture = np.stack([128 + 70 * wave for wave in waves], -1).round().astype(np.uint8)
    return assemble(planes(picture, layout), layout)


def drawing(size=(64, 48), layout="rgb", asked=None):
    """A function that draws stretches of the footage into one buffer, and notes in `asked` what was asked for."""

    def draw(start, stop):
        buffer = np.empty_like(frame(0, size, layout))
        for number in range(start, stop):
            if asked is not None:
                asked.append(number)
            buffer[...] = frame(number, size, layout)
            yield buffer
        buffer[...] = 0

    return draw


def psnr(a, b):
    """Peak signal-to-noise ratio of two uint8 pictures in dB."""
    return 10 * np.log10(255**2 / max(np.square(a.astype(float) - b.astype(float)).mean(), 1e-9))


def ffprobe(path, *words):
    """What ffprobe, which is not of our ffmpeg, says of a file. Skips the test where there is none, but not in CI."""
    program = shutil.which("ffprobe")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("ffprobe is not installed")
    command = [program, "-v", "error", "-of", "json", *words, f"file:{path}"]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
