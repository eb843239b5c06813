"""Our InfinityGAN beside the released program, with the same weights, from a clone of it.

    git clone https://github.com/hubert0527/infinityGAN FOLDER
    python -m benchmarks.infinity_released FOLDER [--parts equal patches canvas layer memory] [--canvas 256 1024]
                                                  [--rounds 3] [--json]

The paper's sizes, one style, one thread of a CPU, processor seconds, the least of the rounds, in which all ways take
turns after one turn each that is not counted. The weights are random; the released program's own are taken over by
`zoomlib.infinity.networks.layouts`. Where no clone is given there is nothing to compare with, and it says so.

`equal`: a patch of both from the same latents; the bar is 1e-5 of its standard deviation (in the column of theirs).
`patches`: a tile of 11 cells alone and 8 together, of 21 cells, and of 21 in bfloat16 (where the processor has it),
by the pixel that is kept: 96 px of a side of 11 cells, 256 of 21. The bars are 1.15, 1.5, 1.4 and 2.3 times quicker.
`canvas`: pictures of 256 and 1,024 px a side, all that belongs to it; the bars are 4 and 2.
`layer`: the texture's sixth layer, 53 x 53, with a style for each place; the bar is 4, after a check of its values.
`memory`: what 8 patches together take beside the loaded model, each in a process of its own, and what two tiles of 21
cells do, which hold more pixels; the bar is half.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from benchmarks.infinity_clone import Released
from benchmarks.infinity_common import alternating, resident_mib
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.fusion import layers as fused
from zoomlib.infinity.generator import Generator
from zoomlib.infinity.networks.layouts import from_released
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.prepared import Prepared
from zoomlib.infinity.painting.painter import texture_styles
from zoomlib.infinity.sizes import layer_sides

PARTS = ("equal", "patches", "canvas", "layer", "memory")
PAPER = GeneratorConfig()
LAYER, SIDE = 5, 55  # 55 to 53
Row = dict[str, object]


def ours(released: Released) -> Networks:
    """Networks with the released generator's weights."""
    networks = Networks(PAPER)
    networks.load_state_dict(from_released(released.state(), PAPER))
    return networks.eval().requires_grad_(requires_grad=False)


def drawn(batch: int, cells: int, seed: int = 0) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Latents and coordinates with halo, and noises, of a patch."""
    generator = torch.Generator().manual_seed(seed)
    side = cells + 2 * PAPER.halo
    local = torch.randn(batch, PAPER.local, side, side, generator=generator)
    coordinates = torch.rand(batch, PAPER.coordinates, side, side, generator=generator) * 2 - 1
    sides = layer_sides(cells, PAPER.blocks)
    return local, coordinates, [torch.randn(batch, 1, side, side, generator=generator) for side in sides]


def style_of(seed: int = 1) -> Tensor:
    """A style (512,)."""
    return torch.randn(PAPER.style, generator=torch.Generator().manual_seed(seed))


def prepared(networks: Networks, dtype: torch.dtype = torch.float32) -> Prepared:
    """The networks for the style of `style_of`."""
    return Prepared(networks, style_of(), texture_styles(networks, style_of()), dtype=dtype)


def painted(ready: Prepared, inputs: tuple[Tensor, Tensor, list[Tensor]]) -> Tensor:
    """Pixels of ours."""
    local, coordinates, noises = inputs
    return ready.texture(ready.structure(local, coordinates), noises)


def row(what: str, theirs: float, own: float, bar: float, unit: str = "s") -> Row:
    """How often ours fits into theirs, beside the bar."""
    return {"what": what, "released": theirs, "ours": own, "unit": unit, "ratio": theirs / own, "bar": bar}


def equal(released: Released, options: argparse.Namespace) -> list[Row]:
    """The largest difference of a patch, in standard deviations, beside the bar; and what rounding alone does there."""
    networks, inputs, style = ours(released), drawn(1, PAPER.cells), style_of()
    coarse, own = released.patch(style[None], *inputs), painted(prepared(networks), inputs)
    fine = Released(options.clone)
    fine.generator.double()
    inputs = inputs[0].double(), inputs[1].double(), [noise.double() for noise in inputs[2]]
    there, networks = fine.patch(style[None].double(), *inputs), networks.double()
    here = networks.texture(
        networks.structure(*inputs[:2], style[None].double()), networks.texture.mapping(style[None].double()), inputs[2]
    )

    def off(a: Tensor, b: Tensor) -> float:
        return float((a.double() - b.double()).abs().max() / there.std())

    rounding = f"rounding alone {off(coarse, there):.1e} there, {off(own, there):.1e} here"
    found = [("in float64", off(here, there)), (f"in float32; {rounding}", off(own, coarse))]
    return [row(f"largest difference {what}", 1e-5, value, 1.0, "of spread") for what, value in found]


def patches(released: Released, options: argparse.Namespace) -> list[Row]:
    """Seconds for a kept megapixel of a tile of 11 cells, of 8, of a larger one, and of that in bfloat16."""
    networks = ours(released)
    ready, one, eight, large = prepared(networks), drawn(1, 11), drawn(8, 11), drawn(1, 21)
    ways: dict[str, Callable[[], object]] = {
        "released 1": lambda: released.patch(style_of()[None], *one),
        "n=11, batch 1": lambda: painted(ready, one),
        "n=21": lambda: painted(ready, large),
        "released 8": lambda: released.patch(style_of().expand(8, -1), *eight),
        "n=11, batch 8": lambda: painted(ready, eight),
    }
    kept = {name: 8 * 96**2 if "8" in name else 256**2 if "21" in name else 96**2 for name in ways}
    if has_bfloat16():
        coarse = prepared(networks, torch.bfloat16)
        ways["n=21, bfloat16"], kept["n=21, bfloat16"] = lambda: painted(coarse, large), 256**2
    best = alternating(ways, options.rounds)
    each = {name: best[name] / kept[name] * 1e6 for name in ways}
    bars = [("n=11, batch 1", "1", 1.15), ("n=11, batch 8", "8", 1.5), ("n=21", "1", 1.4), ("n=21, bfloat16", "1", 2.3)]
    return [row(name, each[f"released {to}"], each[name], bar, "s/Mpx") for name, to, bar in bars if name in each]


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 (elsewhere there is nothing to gain)."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def canvas(released: Released, options: argparse.Namespace) -> list[Row]:
    """Whole pictures, from latents to pixels."""
    plane = Generator(PAPER, ours(released), {}).plane(0, style=style_of())
    found = []
    for side in options.canvas:
        theirs = released.canvas(side, side)
        ways = {"released": theirs.paint, "ours": lambda side=side: plane.window(0, 0, side, side)}
        best = alternating(ways, options.rounds)
        name = f"{side} x {side} px, {theirs.patches} patches there"
        found.append(row(name, best["released"], best["ours"], 4 if side <= 512 else 2))
    return found


def layer(released: Released, options: argparse.Namespace) -> list[Row]:
    """One layer whose style goes from one to another over its columns."""
    networks, generator = ours(released), torch.Generator().manual_seed(2)
    styles = torch.randn(2, PAPER.style, generator=generator)
    made = fused.FusedNetworks(networks, styles, styles[:, None].expand(-1, PAPER.layers + 1, -1))._texture[LAYER]
    x = torch.randn(1, 512, SIDE, SIDE, generator=generator)
    noise = torch.randn(1, 1, SIDE - 2, SIDE - 2, generator=generator)
    share = torch.linspace(0, 1, SIDE).expand(1, 1, SIDE, SIDE)
    weights = torch.cat([share, 1 - share], 1).contiguous()
    spatial = torch.einsum("bkhw,ks->bshw", weights, styles)
    rows_last = x.contiguous(memory_format=torch.channels_last)

    def own() -> Tensor:
        styles_of_it = fused._chosen(made, [0, 1])
        inside, outside = fused._rows(weights), fused._rows(weights[:, :, 1:-1, 1:-1])
        return fused._drawn(rows_last.clone(), made, styles_of_it, inside, outside, noise)

    theirs = released.fused_layer(LAYER, x, spatial, noise)
    off = float((own() - theirs).abs().max() / theirs.std())
    best = alternating({"r": lambda: released.fused_layer(LAYER, x, spatial, noise), "o": own}, max(options.rounds, 5))
    return [row(f"layer of 53 x 53, values off by {off:.1e}", best["r"], best["o"], 4)]


def memory(_released: Released, options: argparse.Namespace) -> list[Row]:
    """Peaks beyond the loaded model."""
    theirs, own = (in_a_process(options, which) for which in ("released", "ours"))
    return [row("8 patches at once, two tiles of 21 cells", theirs, own, 2, "MiB")]


def in_a_process(options: argparse.Namespace, which: str) -> float:
    """MiB of `peak_mib`, in a new process."""
    command = [sys.executable, "-m", "benchmarks.infinity_released", str(options.clone), "--here", which]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.splitlines()[-1])


def peak_mib(clone: Path, which: str) -> float:
    """The most resident memory of this process beyond what it had when the model was loaded."""
    released = Released(clone)
    if which == "released":
        inputs, style = drawn(8, 11), style_of().expand(8, -1)
        before = resident_mib(since_now=True)
        released.patch(style, *inputs)
        return resident_mib() - before
    networks, inputs = ours(released), drawn(1, 21)
    del released
    gc.collect()
    before = resident_mib(since_now=True)
    ready = prepared(networks)
    for _ in range(2):
        painted(ready, inputs)
    return resident_mib() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path, nargs="?", help="folder of a clone of hubert0527/infinityGAN")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--canvas", type=int, nargs="+", default=[256, 1024], metavar="PX")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--here", choices=("released", "ours"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.clone is None:
        raise SystemExit("not measured: no clone of the released program is given. Give the folder of one.")
    torch.set_grad_enabled(False)
    if options.here:
        print(peak_mib(options.clone, options.here))
        return
    released, found = Released(options.clone), {}
    for part in options.parts:
        found[part] = globals()[part](released, options)
        for r in () if options.json else found[part]:
            met = "met" if r["ratio"] >= r["bar"] else "NOT MET"
            print(
                f"{part:8s} {r['what']:47s} released {r['released']:9.4g} ours {r['ours']:9.4g} {r['unit']:13s} "
                f"ratio {r['ratio']:6.2f} bar {r['bar']:5.2f} {met}",
                flush=True,
            )
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
