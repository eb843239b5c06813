"""Memory of windows that are streamed, by their size, each in a process of its own.

    python -m benchmarks.infinity_memory [--sides 1024 2048 4096 8192 16384] [--ways tiles png tif zarr direct]
                                         [--generator small] [--most-direct 4096] [--json]

MiB of the most resident memory (Linux's VmHWM) while a square window is painted, beyond what the process had once a
window of one tile had been: libraries, weights and what a tile takes are in that. `tiles` lets each tile go; `png`,
`tif` and `zarr` write a file, which is then removed; `direct`, the control, holds the picture, as the released program
does beside all latents. The bar is a growth of 20 MiB from the smallest side to the largest, and `direct` must miss it.
`small` is a generator of 3 blocks and 16 channels with random weights, since memory is asked for, not pixels; others as
in `benchmarks.infinity`. The last column is processor seconds.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.infinity_common import generator_of, resident_mib
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.streams.writing import write_window

WAYS = ("tiles", "png", "tif", "zarr", "direct")


def paint(plane: Plane, side_px: int, way: str, folder: Path) -> None:
    """A square window, in one of the ways; files go into `folder`."""
    if way == "tiles":
        for _ in plane.tiles(0, 0, side_px, side_px):
            pass
    elif way == "direct":
        plane.window(0, 0, side_px, side_px)
    else:
        write_window(plane, 0, 0, side_px, side_px, folder / f"{side_px}.{way}")


def measure(plane: Plane, side_px: int, way: str) -> dict[str, float]:
    """In this process: MiB at the peak beyond what there is before, and processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        gc.collect()
        before, begin = resident_mib(since_now=True), time.process_time()
        paint(plane, side_px, way, Path(folder))
        return {"mib": resident_mib() - before, "s": time.process_time() - begin}


def warm(generator: str, way: str) -> Plane:
    """A plane of which a tile has been painted in that way."""
    plane = generator_of(generator).plane(0)
    with tempfile.TemporaryDirectory() as folder:
        paint(plane, plane.step, way, Path(folder))
    return plane


def in_a_process(options: argparse.Namespace, side_px: int, way: str) -> dict[str, float]:
    """As `measure` of a plane as `warm` makes it, in a new process."""
    command = [sys.executable, "-m", "benchmarks.infinity_memory", "--here", way]
    command += ["--sides", str(side_px), "--generator", options.generator]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 2048, 4096, 8192, 16384], metavar="PX")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--generator", default="small")
    parser.add_argument("--most-direct", type=int, default=4096, metavar="PX", help="largest side of the control")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--here", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(warm(options.generator, options.here), options.sides[0], options.here)))
        return
    found: dict[str, dict[int, dict[str, float]]] = {}
    for way in options.ways:
        sides = [side for side in options.sides if way != "direct" or side <= options.most_direct]
        found[way] = {}
        for side in sides:
            found[way][side] = row = in_a_process(options, side, way)
            more = row["mib"] - found[way][sides[0]]["mib"]
            if not options.json:
                print(f"{way:8s} {side:6d} px  {row['mib']:8.1f} MiB  grown {more:8.1f}  {row['s']:8.1f} s", flush=True)
    if options.json:
        print(json.dumps({"generator": options.generator, "unit": "MiB", "ways": found}))


if __name__ == "__main__":
    main()
