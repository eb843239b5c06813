"""Commands that work on what is there: results of runs, and pictures from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.app import app
from flows.options import (
    Audio,
    DryRun,
    Easing,
    FilmFormat,
    Finished,
    Force,
    Fps,
    NoEngine,
    Order,
    Quiet,
    Runs,
    Seconds,
    SecondsPerLevel,
    Settings,
    Shown,
    Size,
    Way,
)


@app.command()
def render(
    run: Finished,
    size: Size = None,
    fps: Fps = None,
    seconds: Seconds = None,
    seconds_per_level: SecondsPerLevel = None,
    direction: Way = None,
    easing: Annotated[Easing | None, typer.Option(help="Gentle start, gentle end, or both. [default: linear]")] = None,
    hold_start: Annotated[float | None, typer.Option(help="Seconds that the first view stands still.")] = None,
    hold_end: Annotated[float | None, typer.Option(help="Seconds that the last view stands still.")] = None,
    turn: Annotated[float | None, typer.Option(help="Degrees that the view turns over the whole zoom.")] = None,
    pan: Annotated[
        str | None, typer.Option(help="X,Y or X,Y:X,Y: where the view drifts to, in parts of a frame, as 0.1,0.")
    ] = None,
    film_format: FilmFormat = None,
    codec: Annotated[str | None, typer.Option(help="As h264, h265, av1, vp9, prores. [default: the format's]")] = None,
    quality: Annotated[
        int | None, typer.Option(help="On the codec's own scale. [default: looks like the frames]")
    ] = None,
    captions: Shown = None,
    scale_bar: Annotated[
        bool | None, typer.Option("--scale-bar/--no-scale-bar", help="A bar with its length, where widths are told.")
    ] = None,
    audio: Audio = None,
    beat: Annotated[Path | None, typer.Option(help="Audio file whose beat the speed follows.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Small and quick, to judge the camera.")] = False,
    settings: Settings = None,
    to: Annotated[Path | None, typer.Option(help="File to write. [default: among the run's renders]")] = None,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Render the film of a finished run again: another size, rate, camera or kind of file; nothing is sampled."""
    from flows.command import Manner
    from flows.film_options import film_values
    from flows.rendering import Request, render_command

    values = film_values(
        size,
        pan,
        fps=fps,
        seconds=seconds,
        seconds_per_level=seconds_per_level,
        direction=direction,
        easing=easing,
        hold_start_s=hold_start,
        hold_end_s=hold_end,
        turn_deg=turn,
        format=film_format,
        codec=codec,
        quality=quality,
        captions=captions,
        scale_bar=scale_bar,
        audio=audio,
        beat=beat,
    )
    render_command(
        Request(run, values, tuple(settings or ()), to, preview, out, Manner(dry_run, force, no_engine, quiet))
    )


@app.command()
def view(
    run: Finished,
    to: Annotated[Path | None, typer.Option(help="File to write. [default: view.html in the run's folder]")] = None,
    out: Runs = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only make the page and print where it is.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace another file at --to.")] = False,
) -> None:
    """Explore a finished run in the browser: one file that needs no network."""
    from flows.viewing import view_command

    view_command(run, to, out, opens=not no_open, force=force)


@app.command()
def compose(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures, each a closer view.")],
    title: Annotated[
        str | None, typer.Option(help="Title of the zoom. [default: the story's, or the folder's]")
    ] = None,
    story: Annotated[str | None, typer.Option(help="Story whose words the levels take, from the widest on.")] = None,
    order: Annotated[
        Order, typer.Option(help="Find the order, or take that of the names, from either end.")
    ] = Order.found,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A file of the folder to leave out; repeatable.")
    ] = None,
    assume: Annotated[
        float | None, typer.Option(metavar="P", help="With --order name: factor of steps that cannot be measured.")
    ] = None,
    colour: Annotated[bool, typer.Option("--colour/--no-colour", help="Match the colours of the pictures.")] = True,
    size: Size = None,
    fps: Fps = None,
    seconds_per_level: SecondsPerLevel = None,
    direction: Way = None,
    film_format: FilmFormat = None,
    captions: Shown = None,
    audio: Audio = None,
    settings: Settings = None,
    out: Runs = None,
    dry_run: DryRun = False,
    force: Force = False,
    no_engine: NoEngine = False,
    quiet: Quiet = False,
) -> None:
    """Make a run out of pictures from anywhere: finds their order, factors, shifts and turns, and matches colours."""
    from prompts import load_story

    told = None if story is None else load_story(story)
    from flows.command import Manner
    from flows.composing import Request, compose_command
    from flows.film_options import film_values

    values = film_values(
        size,
        fps=fps,
        seconds_per_level=seconds_per_level,
        direction=direction,
        format=film_format,
        captions=captions,
        audio=audio,
    )
    compose_command(
        Request(
            folder,
            title,
            told,
            order.value,
            tuple(without or ()),
            assume,
            colour,
            values,
            tuple(settings or ()),
            out,
            Manner(dry_run, force, no_engine, quiet),
        )
    )
