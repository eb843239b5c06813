"""Zooms over a plane: a sheet of their levels, and what a megapixel of the plane costs in them.

    python benchmarks/infinity_zoom.py [--model bundled] [--seed 2] [--levels 6] [--size 96] [--sheet FILE]

A row for `vertical=plane`, in which all levels show one plane, and one for `vertical=scaled`. Processor seconds of one
process; gathering is the part of it that adds area means to levels, the rest is painting.
"""

import argparse
import time
from pathlib import Path
from unittest import mock

import torch

from zoomlib.bundled.sheets import sheet
from zoomlib.images import save_png
from zoomlib.infinity import zoom
from zoomlib.infinity.planes import load_planes
from zoomlib.methods import infinity
from zoomlib.walk import last


def main() -> None:
    """Measure, print, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--levels", type=int, default=6)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    planes, rows, gathering = load_planes(asked.model, size=(asked.size, asked.size)), [], [0.0]
    add = zoom.add

    def timed(*arguments: object) -> None:
        began = time.process_time()
        add(*arguments)  # type: ignore[arg-type]
        gathering[0] += time.process_time() - began

    print("| vertical | megapixels | s of a processor / Mpx | of it gathering |\n|---|---|---|---|")
    for vertical in ("plane", "scaled"):
        seen = zoom.views(asked.levels, (asked.size, asked.size), 2.0)
        mpx = (seen[0].pixels if vertical == "plane" else sum(view.pixels for view in seen)) / 1e6
        generator, gathering[0], began = torch.Generator().manual_seed(asked.seed), 0.0, time.process_time()
        settings = {"vertical": vertical, "p": 2, "generator": generator}
        with mock.patch.object(zoom, "add", timed):
            state = last(infinity.sample(planes, [""] * asked.levels, **settings))
        seconds = time.process_time() - began
        print(f"| `{vertical}` | {mpx:.1f} | {seconds / mpx:.2f} | {gathering[0] / seconds:.1%} |")
        rows.append(state.clean)
    if asked.sheet is not None:
        save_png(sheet(torch.cat(rows), asked.levels), asked.sheet)


if __name__ == "__main__":
    main()
