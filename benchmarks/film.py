"""Rendering and encoding of a film, per frame, against the plain way: crop at whole pixels, resize.

    python benchmarks/film.py [--sizes 256 512 1024] [--frames 48] [--rounds 3] [--p 2] [--json]

A is zoomlib.film: boxes in fractions of a pixel, finer levels composited in. B crops one level at whole pixels and
resizes it with the same kernel of Pillow, as short zoom scripts do: no finer level shows until the camera reaches it.
Both hand their frames to the same encoder. The frames are consecutive ones of a film of 60 frames per level; the two
alternate; printed are medians over the rounds of processor time, that of ffmpeg included, and of wall time.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from zoomlib.film import video
from zoomlib.film.camera import Camera
from zoomlib.film.render import KERNEL, Frame, Renderer
from zoomlib.images import to_pil
from zoomlib.stack import ZoomStack, render_levels

LEVELS = 3
Timed = dict[str, list[float]]


def fractal_stack(size: int, p: int) -> ZoomStack:
    """Levels that agree, each with detail of every size: octaves of noise of one strength, power f^-2 as in nature."""
    generator = torch.Generator().manual_seed(0)
    octaves = [2**k for k in range(2, size.bit_length())]
    levels = sum(
        F.interpolate(torch.randn(LEVELS, 3, n, n, generator=generator), (size, size), mode="bicubic") for n in octaves
    )
    return ZoomStack(render_levels((levels * 0.15).clamp(-1, 1), p), p)


def plain_frame(levels: list[Image.Image], position: float, p: int, size: int) -> Frame:
    """The level at `position`, cropped around its centre at whole pixels and resized to the frame."""
    level = min(int(position), len(levels) - 1)
    side = round(size * p ** (level - position))
    corner = (size - side) // 2
    return np.asarray(levels[level].crop((corner, corner, corner + side, corner + side)).resize((size, size), KERNEL))


def processor_s() -> float:
    """Processor seconds of this process and of the children that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def timed(work: Callable[[], object], frames: int) -> tuple[float, float]:
    """Processor and wall milliseconds per frame of one call."""
    cpu, wall = processor_s(), time.perf_counter()
    work()
    return (processor_s() - cpu) / frames * 1000, (time.perf_counter() - wall) / frames * 1000


def measure(size: int, p: int, frames: int, rounds: int, folder: Path) -> dict[str, dict[str, float]]:
    """Medians for A and B: render and encode, processor (`_cpu_ms`) and wall (`_wall_ms`) per frame, and bytes."""
    stack = fractal_stack(size, p)
    positions = Camera(LEVELS).positions()
    shown = positions[len(positions) // 2 - frames // 2 :][:frames].tolist()  # half before a level, half after it
    renderer, levels = Renderer(stack, (size, size)), [to_pil(level) for level in stack.levels]
    ways: dict[str, Callable[[float], Frame]] = {
        "A": renderer.frame,
        "B": lambda position: plain_frame(levels, position, p, size),
    }
    found: dict[str, Timed] = {name: {} for name in ways}
    for _ in range(rounds):
        for name, draw in ways.items():
            path, film = folder / f"{name}.mp4", [draw(position) for position in shown[:1]]
            times = timed(lambda draw=draw, film=film: film.extend(map(draw, shown[1:])), frames - 1)
            times += timed(lambda film=film, path=path: video.write(film, path), frames)
            for label, value in zip(("render_cpu", "render_wall", "encode_cpu", "encode_wall"), times, strict=True):
                found[name].setdefault(f"{label}_ms", []).append(value)
            found[name].setdefault("bytes", []).append(path.stat().st_size / frames)
    table = {name: {label: statistics.median(each) for label, each in rows.items()} for name, rows in found.items()}
    table["B / A"] = {label: table["B"][label] / value for label, value in table["A"].items()}
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--p", type=int, default=2)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tables = {
            size: measure(size, options.p, options.frames, options.rounds, Path(folder)) for size in options.sizes
        }
    if options.json:
        print(json.dumps({"p": options.p, "frames": options.frames, "sizes": tables}))
        return
    for size, table in tables.items():
        print(f"{size} x {size} px, p = {options.p}; per frame, over {options.frames} frames")
        print(f"  {'':16s} {'A zoomlib':>10s} {'B plain':>10s} {'B / A':>8s}")
        for label in table["A"]:
            print(f"  {label:16s} {table['A'][label]:10.2f} {table['B'][label]:10.2f} {table['B / A'][label]:8.2f}")


if __name__ == "__main__":
    main()
