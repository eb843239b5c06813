"""Drawing and encoding of films: against other ways to draw, and against the encoder alone.

    python benchmarks/film.py [--sizes 512 1024 2160] [--p 2] [--frames 30] [--rounds 5] [--parts draw levels share memory compile] [--json]

draw     milliseconds per frame of zoomlib.film in 4:2:0 and RGB, and of the ways in `film_ways.py` (RGB), which show
         the same two levels: cv2.warpAffine with mip levels, Pillow's resize of a box, whole pixels pasted
levels   milliseconds per level of what is done once for a film, before its first frame: the levels' pictures in 4:2:0
share    of the encoder's limit at 1024 px: the encoder alone on frames that lie in memory, over drawing and encoding
         them; the levels' pictures are there already
memory   the most memory that the process has while it draws 10 and 1,000 frames of 512 px; ffmpeg excluded
compile  what the first film costs where nothing is compiled yet, and what any other does: import of numba and every
         function that any film needs

All is processor time, that of ffmpeg included, for the machine is not ours alone; ways alternate, and the median over
the rounds is told. The frames are consecutive ones, 60 to a level, half of them before a level and half after it.
"""  # noqa: E501 - a command is one line

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from film_ways import box, paste, warp
from torch.nn import functional as F

from zoomlib.film import video
from zoomlib.film.camera import Camera
from zoomlib.film.composite import pictures
from zoomlib.film.encoding import Encoding
from zoomlib.film.planes import Layout, shape_of
from zoomlib.film.render import Film, Renderer
from zoomlib.stack import ZoomStack, render_levels

LEVELS = 3
CONTRAST = 0.03
SHARE_PX = 1024
MEMORY_PX = 512
PRESETS = ("ultrafast", "veryfast", "medium")
Table = dict[str, dict[str, float]]


def fractal_stack(size: int, p: int) -> ZoomStack:
    """Levels that agree, each with detail of every size: octaves of noise of one strength, power f^-2 as in nature.

    Its contrast is low, to be as easy to encode as the world of the specification: about 90 KB a frame of 1024 px by
    x264's ultrafast, 17 KB by veryfast. A more lively picture keeps the encoder busier, and makes drawing matter less.
    """
    generator = torch.Generator().manual_seed(0)
    octaves = [2**k for k in range(2, size.bit_length())]
    levels = sum(
        F.interpolate(torch.randn(LEVELS, 3, n, n, generator=generator), (size, size), mode="bicubic") for n in octaves
    )
    return ZoomStack(render_levels((levels * CONTRAST).clamp(-1, 1), p), p)


def camera_of(stack: ZoomStack) -> Camera:
    """60 frames to a level."""
    return Camera(len(stack), fps=30, seconds_per_level=2.0, factors=stack.factors)


def middle(camera: Camera, frames: int) -> range:
    """Frames around the one in the middle, where the camera passes a level."""
    return range(len(camera) // 2 - frames // 2, len(camera) // 2 - frames // 2 + frames)


def processor_s() -> float:
    """Processor seconds of this process and of the children that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def alternating(works: Mapping[str, Callable[[], object]], frames: int, rounds: int) -> dict[str, list[float]]:
    """Processor milliseconds per frame of each work in each round; all are done once in a round."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = processor_s()
            work()
            found[name].append((processor_s() - start) / frames * 1000)
    return found


def ours(stack: ZoomStack, size: int, layout: Layout) -> Callable[[float], object]:
    """The renderer, which draws in one frame again and again, as for an encoder."""
    renderer, frame = Renderer(stack, (size, size), layout=layout), np.empty(shape_of(layout, (size, size)), np.uint8)
    return lambda position: renderer.frame(position, out=frame)


def draw(size: int, p: int, frames: int, rounds: int) -> dict[str, float]:
    """Milliseconds per frame of each way."""
    stack = fractal_stack(size, p)
    camera, drawn = camera_of(stack), pictures(stack)
    positions = [camera.positions().tolist()[frame] for frame in middle(camera, frames)]
    ways: dict[str, Callable[[float], object]] = {
        "zoomlib 4:2:0": ours(stack, size, "yuv420"),
        "zoomlib RGB": ours(stack, size, "rgb"),
        "warpAffine linear": warp(drawn, p, cv2.INTER_LINEAR),
        "warpAffine cubic": warp(drawn, p, cv2.INTER_CUBIC),
        "Pillow box": box(drawn, p),
        "whole pixels pasted": paste(drawn, p),
    }
    works = {name: lambda way=way: [way(position) for position in positions] for name, way in ways.items()}
    return {name: statistics.median(times) for name, times in alternating(works, frames, rounds).items()}


def levels(size: int, p: int, rounds: int) -> float:
    """Milliseconds for the picture of each level."""
    stack = fractal_stack(size, p)
    times = alternating({"": lambda: Renderer(stack, (size, size), layout="yuv420")}, len(stack), rounds + 1)[""]
    return statistics.median(times[1:])  # the first round makes tables that the others find


def share(p: int, frames: int, rounds: int, folder: Path) -> Table:
    """Of each preset: milliseconds per frame of the encoder alone, of drawing and encoding, and their ratio."""
    size = (SHARE_PX, SHARE_PX)
    stack = fractal_stack(SHARE_PX, p)
    camera = camera_of(stack)
    film, shown = Film(stack, camera, size, layout="yuv420"), middle(camera, frames)
    ready = list(film.frames(shown.start, shown.stop))
    table: Table = {}
    for preset in PRESETS:
        coding = Encoding("mp4", "h264", 18, preset)

        def alone(coding: Encoding = coding) -> None:
            video.write(ready, folder / "alone.mp4", fps=30, encoding=coding, layout="yuv420")

        def drawn(coding: Encoding = coding) -> None:
            made = film.frames(shown.start, shown.stop, reuse=True)
            video.write(made, folder / "drawn.mp4", fps=30, encoding=coding, layout="yuv420")

        times = alternating({"encoder_ms": alone, "film_ms": drawn}, frames, rounds)
        ratios = [a / b for a, b in zip(*times.values(), strict=True)]
        kb = (folder / "drawn.mp4").stat().st_size / frames / 1000
        medians = {name: statistics.median(each) for name, each in (*times.items(), ("share", ratios))}
        table[preset] = {**medians, "kb_per_frame": kb}
    return table


MEMORY = """
import sys
sys.path.insert(0, sys.argv[2])
import psutil
from film import MEMORY_PX, fractal_stack
from zoomlib.film.camera import Camera
from zoomlib.film.encoding import Encoding
from zoomlib.film.render import Film
from zoomlib.film import video
stack = fractal_stack(MEMORY_PX, 2)
camera = Camera(len(stack), fps=30, seconds=int(sys.argv[1]) / 30)
frames = Film(stack, camera, (MEMORY_PX, MEMORY_PX), layout="yuv420").frames(reuse=True)
process, resident = psutil.Process(), []
video.write(frames, sys.argv[3], encoding=Encoding(preset="ultrafast"), layout="yuv420",
            on_frame=lambda _: resident.append(process.memory_info().rss))
print(max(resident) / 1e6)
"""

COMPILE = """
import time
import zoomlib.film.render
start, wall = time.process_time(), time.perf_counter()
from zoomlib.film.compiled import compiled
assert all(map(compiled, ("lay", "draw", "fill_taps", "turn", "weave")))
print(time.process_time() - start, time.perf_counter() - wall)
"""


def printed(program: str, *arguments: str, **environment: str) -> list[float]:
    """The numbers that a program prints, run in a process of its own."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def memory(folder: Path) -> dict[str, float]:
    """Megabytes at the most, by the number of frames."""
    here = str(Path(__file__).parent)
    return {str(n): printed(MEMORY, str(n), here, str(folder / "film.mp4"))[0] for n in (10, 1000)}


def compiling(folder: Path) -> Table:
    """Seconds until everything is compiled, with an empty cache and with a full one."""
    table: Table = {}
    for state in ("nothing compiled", "compiled"):
        processor, wall = printed(COMPILE, NUMBA_CACHE_DIR=str(folder / "cache"))
        table[state] = {"processor_s": processor, "wall_s": wall}
    return table


def show(name: str, rows: Mapping[str, object]) -> None:
    """Print a table of one or two levels."""
    print(f"\n{name}")
    for label, values in rows.items():
        cells = values.items() if isinstance(values, Mapping) else [("", values)]
        print(f"  {label:24s}" + "".join(f"{key:>20s} {value:8.2f}" for key, value in cells))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2160])
    parser.add_argument("--p", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parts = ["draw", "levels", "share", "memory", "compile"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found: dict[str, Mapping[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "draw" in options.parts:
            for size in options.sizes:
                times = draw(size, options.p, options.frames, options.rounds)
                ratios = {way: {"ms": ms, "of 4:2:0": ms / times["zoomlib 4:2:0"]} for way, ms in times.items()}
                found[f"draw {size} px, ms per frame"] = ratios
        if "levels" in options.parts:
            found["pictures of the levels, ms for each"] = {
                f"{size} px": levels(size, options.p, options.rounds) for size in options.sizes
            }
        if "share" in options.parts:
            found[f"share of the encoder's limit, {SHARE_PX} px"] = share(
                options.p, options.frames, options.rounds, folder
            )
        if "memory" in options.parts:
            found[f"memory by frames, {MEMORY_PX} px, MB"] = memory(folder)
        if "compile" in options.parts:
            found["first use, s"] = compiling(folder)
    if options.json:
        print(json.dumps(found))
        return
    for title, rows in found.items():
        show(title, rows)


if __name__ == "__main__":
    main()
