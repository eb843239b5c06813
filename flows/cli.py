"""The `tenfold` command: options and help. What a command does is imported when it runs, so that `--help` is instant.

Exit codes: 0 done, 1 failed, 2 refused input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows import (  # noqa: F401  its commands register themselves
    cli_batch,
    cli_compare,
    cli_dashboard,
    cli_infinity,
    cli_infinity_explore,
    cli_infinity_pictures,
    cli_models,
    cli_operations,
    cli_plan,
    cli_results,
    cli_scores,
    cli_store,
    cli_study,
    cli_sweep,
    cli_training,
)
from flows.app import app, given
from flows.options import (
    Audio,
    Device,
    DryRun,
    FilmFormat,
    Finished,
    Force,
    Fps,
    Llm,
    NoEngine,
    Preset,
    Quiet,
    Runs,
    RunsMethod,
    SecondsPerLevel,
    Settings,
    Shape,
    Shown,
    Size,
    Style,
    Way,
)


@app.command()
def zoom(
    story: Annotated[
        str | None,
        typer.Argument(
            help="Name of a ready story, a YAML or JSON file, - for standard input, or in words what to see, as "
            '"from a galaxy to a leaf", of which a story is planned; none with --photo and a vision model.'
        ),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Sampling method. [default: joint]")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name or folder, or ORG/NAME. [default: bundled]")] = None,
    preset: Preset = None,
    shape: Shape = None,
    steps: Annotated[int | None, typer.Option(help="Sampling steps. [default: the method's]")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale, 1 is none. [default: 2]")] = None,
    style: Style = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all noise. [default: 0]")] = None,
    p: Annotated[float | None, typer.Option("--p", help="Zoom factor per level. [default: the story's]")] = None,
    margin: Annotated[
        float | None, typer.Option(help="Instead of --p: pixels that an outpainted level adds on each side.")
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(help="Picture to start from: the widest level, or the deepest as the method needs.")
    ] = None,
    levels: Annotated[int | None, typer.Option(help="Levels of a story in words. [default: as it needs]")] = None,
    llm: Llm = None,
    refine: Annotated[
        int | None,
        typer.Option(help="Rounds in which a vision model looks at drafts and rewrites prompts. [default: 0]"),
    ] = None,
    size: Size = None,
    fps: Fps = None,
    seconds_per_level: SecondsPerLevel = None,
    direction: Way = None,
    film_format: FilmFormat = None,
    captions: Shown = None,
    audio: Audio = None,
    device: Device = None,
    settings: Settings = None,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Make the zoom video of a story, or of what you want to see."""
    from flows.wishes import story_or_wish

    told = story_or_wish(story, levels=levels, p=p, seed=seed)  # before anything slow is imported
    from flows.command import Manner, Request, zoom_command
    from flows.film_options import film_values

    values = given(
        **{
            "preset": preset,
            "method": method,
            "model.name": model,
            "model.size": shape,
            "sampling.steps": steps,
            "guidance.scale": guidance,
            "seed": seed,
            "p": p,
            "style": style,
            "sampling.margin": margin,
            "photo": None if photo is None else str(photo),
            "model.device": device,
            "plan.model": llm,
            "plan.refine": refine,
        }
    )
    values |= film_values(
        size,
        fps=fps,
        seconds_per_level=seconds_per_level,
        direction=direction,
        format=film_format,
        captions=captions,
        audio=audio,
    )
    zoom_command(Request(told, values, tuple(settings or ()), out, Manner(dry_run, force, no_engine, quiet)))


@app.command()
def extend(
    run: Finished,
    levels: Annotated[int, typer.Option(help="How many more.")],
    wider: Annotated[
        bool | None, typer.Option("--wider/--deeper", help="Around the run, or inside it. [default: as the method can]")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="Prompt of a new level, beginning next to the run; repeatable. [default: its outer- or innermost]"
        ),
    ] = None,
    open_window: Annotated[
        bool,
        typer.Option(
            "--open",
            help="With --deeper: new levels follow their prompts, and the middle of the deepest level comes to show "
            "them, instead of new levels enlarging what is there.",
        ),
    ] = False,
    method: RunsMethod = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all noise. [default: follows from the run's]")] = None,
    device: Device = None,
    settings: Settings = None,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Go on from a finished run: more levels, wider or deeper; its own levels are kept."""
    from flows.command import Manner
    from flows.continuing import Request, extend_command

    values = given(**{"method": method, "seed": seed, "model.device": device})
    manner = Manner(dry_run, force, no_engine, quiet)
    request = Request(run, values, tuple(settings or ()), out, manner)
    extend_command(request, levels, wider, tuple(prompt or ()), open_window)


@app.command()
def reroll(
    run: Finished,
    level: Annotated[int, typer.Option(help="The level to make again; 0 is the widest.")],
    seed: Annotated[int | None, typer.Option(help="Seed of that level's noise. [default: another]")] = None,
    prompt: Annotated[str | None, typer.Option(help="Another prompt for it.")] = None,
    method: RunsMethod = None,
    device: Device = None,
    settings: Settings = None,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Make one level of a finished run again, joined to its neighbours; the others are kept."""
    from flows.command import Manner
    from flows.continuing import Request, reroll_command

    values = given(**{"method": method, "model.device": device})
    manner = Manner(dry_run, force, no_engine, quiet)
    reroll_command(Request(run, values, tuple(settings or ()), out, manner), level, seed, prompt)


@app.command()
def stories(name: Annotated[str | None, typer.Argument(help="A ready story to print as YAML.")] = None) -> None:
    """List the ready stories, or print one to start your own from."""
    from flows import information

    information.stories(name)


@app.command()
def check(file: Annotated[str, typer.Argument(help="A story file, or - for standard input.")]) -> None:
    """Check a story without making anything."""
    from flows import information

    information.check(file)


@app.command()
def schema() -> None:
    """Print the JSON Schema of story files, for editors."""
    from flows import information

    information.schema()


@app.command()
def version() -> None:
    """Print the version."""
    from tasks.versions import software

    print(software())


def main() -> None:
    """Entry point of the `tenfold` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows fewer letters than a story
    try:
        app()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the interpreter leaves ends it without a traceback
