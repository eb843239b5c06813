"""The commands that put pictures on planes: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli_infinity import (
    AsJson,
    Batch,
    Devices,
    DryRun,
    Dtype,
    Force,
    ModelName,
    Precision,
    Quiet,
    Tile,
    Workers,
    infinity,
)
from flows.options import Device, Runs

Picture = Annotated[
    Path, typer.Argument(metavar="PICTURE|INVERSION", help="A picture, or the folder of one that was inverted.")
]
At = Annotated[
    str | None,
    typer.Option(metavar="Y,X", help="Its first pixel on the plane. [default: its middle on the horizon, column 0]"),
]
Longest = Annotated[
    int | None, typer.Option(metavar="PX", help="Make its longer side this small before. [default: as it is]")
]
Steps = Annotated[int, typer.Option(help="Steps of the inversion.")]
FitSeed = Annotated[int, typer.Option("--invert-seed", help="Seed of the inversion.")]
Lpips = Annotated[
    Path | None, typer.Option(metavar="FILE", help="LPIPS' weights by VGG-16. [default: random features]")
]
Seeds = Annotated[str, typer.Option(metavar="0,1,2", help="Seeds of what is around; a picture for each.")]
WindowOrigin = Annotated[
    str | None, typer.Option("--origin", metavar="Y,X", help="First pixel of what is painted. [default: around it]")
]
OwnPixels = Annotated[bool, typer.Option("--paste", help="Lay the picture's own pixels over their likeness.")]
Feather = Annotated[int, typer.Option(metavar="PX", help="With --paste: over so many pixels they fade in.")]


@infinity.command()
def invert(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
    at: At = None,
    longest: Longest = None,
    steps: Steps = 3000,
    seed: FitSeed = 0,
    period: Annotated[
        int | None, typer.Option(metavar="CELLS", help="For planes that repeat after so many latent cells.")
    ] = None,
    lpips: Lpips = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of the inversion. [default: in runs/_inversions]"),
    ] = None,
    runs: Runs = None,
    model: ModelName = None,
    device: Device = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the latents with which a plane shows a picture. Stopped, the same command goes on from there."""
    from flows.infinity import Manner, Painter
    from flows.infinity_pictures import Inverting, invert_command

    how = Inverting(at, longest, steps, seed, period, lpips)
    invert_command(picture, how, out, runs, Painter(model, device, alone=True), Manner(dry_run, as_json, False, quiet))


@infinity.command()
def outpaint(
    picture: Picture,
    seeds: Seeds = "0",
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Of what is painted. [default: its own, what it changes, and its width again on both sides]",
        ),
    ] = None,
    origin: WindowOrigin = None,
    paste: OwnPixels = False,
    feather: Feather = 0,
    at: At = None,
    longest: Longest = None,
    steps: Steps = 3000,
    seed: FitSeed = 0,
    lpips: Lpips = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=".png, .tif or .zarr. [default: NAME-outpainted.png]")
    ] = None,
    runs: Runs = None,
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
    """Go on with a picture on all sides, another way for each seed."""
    from flows.infinity import Manner, Painter
    from flows.infinity_pictures import Around, Inverting, outpaint_command

    painter = Painter(model, device, dtype.name, tile, batch, workers)
    what = Around(origin, size, seeds, paste, feather, out, runs, painter)
    outpaint_command(
        picture, Inverting(at, longest, steps, seed, None, lpips), what, Manner(dry_run, as_json, force, quiet)
    )


@infinity.command()
def between(
    first: Picture,
    second: Picture,
    gap: Annotated[
        int | None, typer.Option(metavar="PX", help="Pixels between them. [default: twice the fewest]")
    ] = None,
    blur: Annotated[
        int | None, typer.Option(metavar="PX", help="Width over which styles change. [default: the widest that fits]")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="A panorama: from the second to the first, too.")] = False,
    seeds: Seeds = "0",
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Of what is painted. [default: both pictures]"),
    ] = None,
    origin: WindowOrigin = None,
    paste: OwnPixels = False,
    feather: Feather = 0,
    longest: Longest = None,
    steps: Steps = 3000,
    seed: FitSeed = 0,
    lpips: Lpips = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=".png, .tif or .zarr. [default: FIRST-SECOND.png]")
    ] = None,
    runs: Runs = None,
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
    """Join two pictures on one plane, by what leads from the one to the other."""
    from flows.infinity import Manner, Painter
    from flows.infinity_pictures import Around, Inverting, Joint, between_command

    painter = Painter(model, device, dtype.name, tile, batch, workers)
    what = Around(origin, size, seeds, paste, feather, out, runs, painter)
    how = Inverting(None, longest, steps, seed, None, lpips)
    between_command(first, second, how, what, Joint(gap, blur, closed), Manner(dry_run, as_json, force, quiet))
