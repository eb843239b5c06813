"""The commands about planes without bounds: their options and help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import Device, Runs

infinity = typer.Typer(no_args_is_help=True, help="Pictures without bounds: windows of endless planes (InfinityGAN).")
app.add_typer(infinity, name="infinity")


class Precision(StrEnum):
    """Types of numbers that tiles are painted in."""

    float32 = "float32"
    bfloat16 = "bfloat16"


ModelName = Annotated[
    str | None, typer.Option(metavar="NAME|FOLDER", help="A shipped generator, or a folder. [default: bundled]")
]
Seed = Annotated[int, typer.Option(help="Seed of the plane, 0 to 2^64 - 1.")]
Origin = Annotated[
    str | None,
    typer.Option(
        metavar="Y,X", help="First pixel; row 0 is the horizon. [default: column 0, the horizon in the middle]"
    ),
]
Size = Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size in pixels. [default: 1024x256]")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What to write: .png, .tif or .zarr. [default: plane-SEED.png]")
]
Around = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What to write: .png, .tif or .zarr. [default: panorama-SEED.png]")
]
Devices = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="A[,B]",
        help="auto, cpu, cuda, mps, or several as cuda:0,cuda:1: a process paints on each. [default: auto]",
    ),
]
Workers = Annotated[int, typer.Option(help="Processes that paint, on the CPU; several devices have one each.")]
Tile = Annotated[int | None, typer.Option(metavar="CELLS", help="Side of a tile in latent cells. [default: 256 px]")]
Batch = Annotated[int, typer.Option(help="Tiles that are painted together.")]
Dtype = Annotated[Precision, typer.Option(help="Numbers that tiles are painted in.")]
Styles = Annotated[
    list[str] | None,
    typer.Option(
        "--style", metavar="Y,X,SEED", help="A style, at home at a pixel; repeatable: between them styles are fused."
    ),
]
Blur = Annotated[
    int | None, typer.Option(metavar="PX", help="Width of the borders between styles. [default: 16 cells]")
]
Reseed = Annotated[
    list[str] | None,
    typer.Option(metavar="Y,X,WxH,SEED", help="A rectangle of latent cells that is another seed's; repeatable."),
]
Stretch = Annotated[float, typer.Option(help="Makes sky and ground so many times as high; it is another plane then.")]
Again = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Make a picture again, by the file that lies beside it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be made and what it takes; write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there; do also what takes longer than a week.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the files that were written.")]


@infinity.command()
def render(
    out: Out = None,
    origin: Origin = None,
    size: Size = None,
    seed: Seed = 0,
    style: Styles = None,
    blur: Blur = None,
    period: Annotated[
        int | None, typer.Option(metavar="CELLS", help="Repeat from left to right after so many latent cells.")
    ] = None,
    reseed: Reseed = None,
    stretch: Stretch = 1.0,
    model: ModelName = None,
    device: Devices = None,
    dtype: Dtype = Precision.float32,
    tile: Tile = None,
    batch: Batch = 1,
    workers: Workers = 1,
    again: Again = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Paint a window of any size at any place of a seed's plane, tile by tile, into a file."""
    from flows.infinity import Manner, Painter, Wish, render_command

    painter = Painter(model, device, dtype.name, tile, batch, workers)
    wish = Wish(origin, size, seed, tuple(style or ()), blur, period, tuple(reseed or ()), stretch, painter)
    render_command(wish, out, again, Manner(dry_run, as_json, force, quiet))


@infinity.command()
def panorama(
    out: Around = None,
    origin: Origin = None,
    size: Size = None,
    seed: Seed = 0,
    style: Styles = None,
    blur: Blur = None,
    reseed: Reseed = None,
    stretch: Stretch = 1.0,
    model: ModelName = None,
    device: Devices = None,
    dtype: Dtype = Precision.float32,
    tile: Tile = None,
    batch: Batch = 1,
    workers: Workers = 1,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Paint a panorama that closes: its right edge goes on at its left one. Another --origin turns it."""
    from flows.infinity import Manner, Painter, Wish, panorama_command

    painter = Painter(model, device, dtype.name, tile, batch, workers)
    wish = Wish(origin, size, seed, tuple(style or ()), blur, None, tuple(reseed or ()), stretch, painter)
    panorama_command(wish, out, Manner(dry_run, as_json, force, quiet))


@infinity.command()
def evaluate(
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="WORLD|FOLDER",
            help="What it is compared with: landscapes, maps, or pictures. [default: what it was trained on]",
        ),
    ] = None,
    extractor: Annotated[str, typer.Option(help="bundled, inception:FILE, a scorer, dino:FOLDER.")] = "bundled",
    protocols: Annotated[
        str, typer.Option(metavar="A,B", help="Which: patch (the training size), ext2, scaleinv, spatial.")
    ] = "patch,ext2,scaleinv,spatial",
    scales: Annotated[str, typer.Option(metavar="1,2", help="Of ScaleInv.")] = "1,2,4,8",
    images: Annotated[int, typer.Option(help="Pictures that are drawn for each, and real ones at most.")] = 2048,
    real_size: Annotated[
        int | None, typer.Option(metavar="PX", help="Side of real pictures; the paper's is 128. [default: of training]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all planes and places.")] = 0,
    model: ModelName = None,
    device: Device = None,
    dtype: Dtype = Precision.float32,
    tile: Tile = None,
    batch: Batch = 1,
    runs: Runs = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge a generator: FID at its training size, of 2x extensions, ScaleInv and spatial FID (docs/scores.md)."""
    from flows.infinity import Manner, Painter
    from flows.infinity_scores import Judged, evaluate_command

    painter = Painter(model, device, dtype.name, tile, batch, alone=True)
    what = Judged(reference, extractor, protocols, scales, images, real_size, seed, runs, painter)
    evaluate_command(what, Manner(dry_run, as_json, False, quiet))
