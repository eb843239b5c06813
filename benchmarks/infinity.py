"""How fast planes are painted: by tile, batch and precision; by the pixel; what latents and fused styles add.

    python -m benchmarks.infinity [--parts tiles pixel latents fused workers] [--generator paper] [--rounds 3]
                                  [--cells 11 15 21 27] [--batches 1 4] [--dtypes float32 bfloat16]
                                  [--device cpu] [--json]

One thread; processor seconds of this process (of the wall on a graphics card), the least of the rounds, in which all
ways take turns after one turn each that is not counted. `paper` and `tiny` are those sizes with random weights, which
costs the same as trained ones; `bundled` or a folder may stand instead.

`tiles`: patches a second and seconds for a megapixel that is kept, by side of a tile in cells, batch and precision.
`pixel`: seconds for a megapixel of windows of 16, 64 and 256 tiles; the bar is 15 % about their mean.
`latents`: normals a second, and their share of what a window takes; the bars are 15 million and 3 %.
`fused`: three styles that flow into each other, beside one style; the bar is 1.5 times.
`workers`: two processes beside one, seconds of the wall; only where nothing else runs; the bar is 1.7 times.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.infinity_common import DTYPES, MPX, alternating, generator_of
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.tiles import Grid
from zoomlib.infinity.sizes import layer_sides, unit

PARTS = ("tiles", "pixel", "latents", "fused", "workers")
Rows = list[dict[str, object]]


def drained(plane: Plane, side_px: int, workers: int = 1) -> None:
    """A square window from the origin, tile by tile, each let go."""
    for _ in plane.tiles(0, 0, side_px, side_px, workers=workers):
        pass


def tiles(options: argparse.Namespace) -> Rows:
    """One group of neighbouring tiles for every side, batch and precision."""
    ways: dict[str, Callable[[], object]] = {}
    pixels = {}
    for dtype in options.dtypes:
        generator = generator_of(options.generator, options.device, DTYPES[dtype])
        for cells in options.cells:
            for batch in options.batches:
                painter, name = generator.plane(0).painter, f"{dtype} n={cells} batch {batch}"
                grid = Grid(generator.config.blocks, cells)
                origins = [(grid.first_cell(0), grid.first_cell(column)) for column in range(batch)]
                ways[name] = lambda painter=painter, origins=origins, cells=cells: painter.paint(origins, cells)
                pixels[name] = batch, batch * grid.step**2
    best = alternating(ways, options.rounds, options.device)
    first = next(iter(ways))
    return [
        {
            "way": name,
            "patches_per_s": pixels[name][0] / best[name],
            "s_per_mpx": best[name] / pixels[name][1] * MPX,
            "times_quicker": (best[first] / pixels[first][1]) / (best[name] / pixels[name][1]),
        }
        for name in ways
    ]


def pixel(options: argparse.Namespace) -> Rows:
    """Windows of 4, 8 and 16 tiles a side."""
    plane = generator_of(options.generator, options.device).plane(0)
    sides = [count * plane.step for count in (4, 8, 16)]
    ways = {f"{(side // plane.step) ** 2} tiles": lambda side=side: drained(plane, side) for side in sides}
    best = alternating(ways, options.rounds, options.device)
    each = {name: best[name] / side**2 * MPX for name, side in zip(ways, sides, strict=True)}
    mean = sum(each.values()) / len(each)
    return [{"way": name, "s_per_mpx": value, "off_mean": value / mean - 1} for name, value in each.items()]


def latents(options: argparse.Namespace) -> Rows:
    """All that a tile reads, beside the tile."""
    generator = generator_of(options.generator)
    plane, field, config = generator.plane(0), Latents(generator.config, 0), generator.config
    n, halo = plane.grid.cells, config.halo
    sides = layer_sides(n, config.blocks)

    def draw() -> None:
        field.local(-halo, -halo, n + 2 * halo, n + 2 * halo)
        for layer, side in enumerate(sides):
            field.noise(layer, 0, 0, side, side)

    normals = config.local * (n + 2 * halo) ** 2 + sum(side**2 for side in sides)
    best = alternating({"latents": draw, "tile": lambda: drained(plane, plane.step)}, max(options.rounds, 5))
    large = alternating({"z_l": lambda: field.local(0, 0, 256, 256)}, options.rounds)["z_l"]
    plain = alternating({"noise": lambda: field.noise(0, 0, 0, 4096, unit(0) * 512)}, options.rounds)["noise"]
    return [
        {
            "way": f"of a tile of {n} cells",
            "million_a_s": normals / best["latents"] / 1e6,
            "share": best["latents"] / best["tile"],
        },
        {"way": "z_l of 256 x 256 cells", "million_a_s": config.local * 256**2 / large / 1e6},
        {"way": "noise of 4096 x 1024", "million_a_s": 4096 * unit(0) * 512 / plain / 1e6},
    ]


def fused(options: argparse.Namespace) -> Rows:
    """A tile of one style, of three equal to it, and of three that meet in its middle."""
    generator = generator_of(options.generator, options.device)
    plain = generator.plane(0)
    side, places = plain.step, ((0.2, 0.2), (0.5, 0.8), (0.9, 0.3))
    points = [StylePoint(int(y * side), int(x * side), *generator.styles(seed)) for seed, (y, x) in enumerate(places)]
    blended = generator.plane(0, fusion=Fusion(tuple(points), blur_px=side // 2 + 1))
    ways = {"one style": lambda: drained(plain, side), "three styles": lambda: drained(blended, side)}
    best = alternating(ways, options.rounds, options.device)
    return [{"way": name, "s": best[name], "times_plain": best[name] / best["one style"]} for name in ways]


def workers(options: argparse.Namespace) -> Rows:
    """The wall's seconds of one process and of two, after both have begun; nothing where other work runs."""
    load = os.getloadavg()[0]
    if load > options.most_load:
        return [{"way": f"not measured: load {load:.1f}, and this is only of use below {options.most_load}"}]
    torch.set_num_threads(1)
    plane = generator_of(options.generator).plane(0)
    side, rows = 4 * plane.step, []
    for count in (1, 2):
        drained(plane, side, count)
        best = min(wall(lambda count=count: drained(plane, side, count)) for _ in range(options.rounds))
        rows.append({"way": f"{count} processes", "wall_s": best})
    plane.close()
    return [{**row, "times_quicker": rows[0]["wall_s"] / row["wall_s"]} for row in rows]


def wall(work: Callable[[], object]) -> float:
    """Seconds by the clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def lines(rows: Rows) -> Iterator[str]:
    """A table."""
    for row in rows:
        yield f"{row['way']!s:36s}" + "".join(
            f"  {name} {value:.3g}" for name, value in row.items() if isinstance(value, float)
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--generator", default="paper")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, nargs="+", default=[11, 15, 21, 27])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--dtypes", nargs="+", choices=list(DTYPES), default=list(DTYPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--most-load", type=float, default=0.5, help="beyond which `workers` is not measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    found = {}
    for part in options.parts:
        found[part] = globals()[part](options)
        if not options.json:
            print(f"\n{part}: {options.generator} on {options.device}", *lines(found[part]), sep="\n", flush=True)
    if options.json:
        print(json.dumps({"generator": options.generator, "device": options.device, "parts": found}))


if __name__ == "__main__":
    main()
