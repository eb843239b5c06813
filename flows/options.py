"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

Place = Literal["here", "deployment", "dask", "ray"]
"""Where the videos of a batch are made."""


class Direction(StrEnum):
    """Which way the film goes."""

    inward = "in"
    outward = "out"
    there_and_back = "in-out"
    back_and_there = "out-in"


class Easing(StrEnum):
    """At which end of the film the camera gains or loses its speed gently."""

    none = "linear"
    start = "in"
    end = "out"
    both = "in-out"


class Captions(StrEnum):
    """How the prompts are shown."""

    none = "none"
    burnt = "burnt"
    file = "file"
    track = "track"


class Order(StrEnum):
    """Where the order of given pictures comes from."""

    found = "found"
    name = "name"


class Format(StrEnum):
    """Kinds of files that a film can be written as."""

    mp4 = "mp4"
    webm = "webm"
    mov = "mov"
    mkv = "mkv"
    gif = "gif"
    webp = "webp"
    png = "png"


Size = Annotated[
    str | None, typer.Option(help="Longer side of the film in pixels, or 1920x1080. [default: 256, or the run's]")
]
Shape = Annotated[
    str | None,
    typer.Option(metavar="WIDTHxHEIGHT", help="Size of the levels that the model draws. [default: the model's own]"),
]
Style = Annotated[
    str | None,
    typer.Option(help="Style of all pictures: a name (`tenfold models styles`), or words. [default: the story's]"),
]
Fps = Annotated[
    str | None, typer.Option(help="Frames per second, as 24, 29.97 or 30000/1001. [default: 30; gif and webp 12.5]")
]
SecondsPerLevel = Annotated[float | None, typer.Option(help="[default: 2]")]
Seconds = Annotated[float | None, typer.Option(help="Length of the whole film. [default: by --seconds-per-level]")]
Way = Annotated[Direction | None, typer.Option("--direction", help="in, out, or there and back. [default: in]")]
FilmFormat = Annotated[Format | None, typer.Option("--format", help="Kind of file. [default: mp4]")]
Shown = Annotated[
    Captions | None,
    typer.Option("--captions", help="Prompts: burnt in, a .srt file, a track in the film. [default: none]"),
]
Audio = Annotated[Path | None, typer.Option(help="Audio file to be heard, cut to the film's length.")]
Llm = Annotated[
    str | None, typer.Option("--llm", metavar="MODEL", help="Language model that plans. [default: TENFOLD_PLAN_MODEL]")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any setting of the run, e.g. film.quality=20; repeatable."),
]
Runs = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER|URL", help="Folder of all runs, or a store: s3://bucket/folder. [default: runs]"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show configuration, plan and cost; write nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Make every stage again.")]
NoEngine = Annotated[bool, typer.Option("--no-engine", help="Run without Prefect.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the video's path.")]
InFlight = Annotated[
    int,
    typer.Option(
        min=1, max=32, help="Videos at a time without Prefect: one is drawn, the others are planned or rendered."
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Settings for a kind of machine: cpu, gpu-8gb, ... (tenfold models presets)."),
]
Finished = Annotated[str, typer.Argument(metavar="RUN", help="A finished run: its id, or its folder.")]
RunsMethod = Annotated[str | None, typer.Option(help="Sampling method. [default: the run's]")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. [default: auto]")]
