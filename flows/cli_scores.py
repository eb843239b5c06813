"""The command that measures what is there: runs of ours, and what other tools have made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import Device, NoEngine, Runs


@app.command()
def score(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="Runs, by id or folder; a folder of runs; a sweep. Or, with --p, what another tool has made: a folder "
            "of pictures, widest view first by name, or a film.",
        ),
    ],
    scorer: Annotated[
        str | None,
        typer.Option(help="Who reads levels against prompts: bundled, none, a folder, NAME:TAG. [default: the run's]"),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="A further measure, as clip_iqa, aesthetic:FILE, lpips:FILE, dino:FOLDER; repeatable."),
    ] = None,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Measure the film too.")] = True,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of pictures to compare with, as sets: FID, KID, IS.")
    ] = None,
    extractor: Annotated[
        str, typer.Option(help="Of sets: bundled, inception:FILE, a scorer, dino:FOLDER.")
    ] = "bundled",
    levels: Annotated[str | None, typer.Option(help="Of sets: only these levels, as 0,1. [default: all]")] = None,
    training_size: Annotated[
        int | None, typer.Option(help="Of sets: side in pixels that the model was trained on, for ScaleInv FID.")
    ] = None,
    p: Annotated[
        str | None, typer.Option("--p", help="Of another tool's work: zoom factor from level to level, as 2 or 2,2,4.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of another tool's work: the tool. [default: other tool]")] = None,
    story: Annotated[
        str | None, typer.Option(help="Of another tool's work: the story that it shows, for its prompts.")
    ] = None,
    film: Annotated[
        Path | None, typer.Option(help="Of another tool's pictures: the film that it made of them.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Of another tool's work: a title. [default: the story's, or the file's]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of another tool's work: its seed, to pair it with runs.")] = 0,
    model: Annotated[str | None, typer.Option(help="Of another tool's work: the model that it used.")] = None,
    device: Device = None,
    out: Runs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be measured; write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is there.")] = False,
    no_engine: NoEngine = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the files of scores.")] = False,
) -> None:
    """Measure runs, or the levels or film of another tool, by the same ruler; what is measured already is kept."""
    from flows.command import Manner
    from flows.scoring import Elsewhere, Request, Sets, score_command

    score_command(
        Request(
            what=tuple(what),
            scorer=scorer,
            measures=tuple(measure or ()),
            video=video,
            sets=None if reference is None else Sets(reference, extractor, levels, training_size),
            elsewhere=Elsewhere(p, name, story, film, title, seed, model),
            device=device or "auto",
            out=out,
            as_json=as_json,
            manner=Manner(dry_run, force, no_engine, quiet),
        )
    )
