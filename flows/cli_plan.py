"""Commands that plan: stories of wishes, and the ladder of things that the offline planner knows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.app import app, given
from flows.options import Llm, NoEngine, Runs, Settings


class Planner(StrEnum):
    """Who plans."""

    auto = "auto"
    offline = "offline"
    model = "model"


class Vocabulary(StrEnum):
    """Which words prompts may hold."""

    any = "any"
    bundled = "bundled"


@app.command()
def plan(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help='What to see, as "from a galaxy to a leaf cell", "from 10 km to 1 mm", "a honeybee"; with --check or '
            "--edit also a story: its file, its name, or - for standard input.",
        ),
    ] = None,
    levels: Annotated[int | None, typer.Option(help="How many. [default: as the sizes need]")] = None,
    p: Annotated[float | None, typer.Option("--p", help="Zoom factor per level. [default: as the sizes need]")] = None,
    from_width: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Width of the widest view, as 10km or '3 light years'.")
    ] = None,
    to_width: Annotated[str | None, typer.Option(metavar="LENGTH", help="Width of the deepest view.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, another story. [default: 0]")] = None,
    style: Annotated[str | None, typer.Option(help="Style of all pictures. [default: the planner's]")] = None,
    viewpoint: Annotated[str | None, typer.Option(help="Where the viewer stands. [default: the planner's]")] = None,
    negative: Annotated[str | None, typer.Option(help="What no picture must show.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the story. [default: the planner's]")] = None,
    vocabulary: Annotated[
        Vocabulary, typer.Option(help="bundled: only words that the bundled image model knows.")
    ] = Vocabulary.any,
    planner: Annotated[
        Planner | None, typer.Option(help="[default: auto, a language model where one is named and has a key]")
    ] = None,
    llm: Llm = None,
    photo: Annotated[
        Path | None, typer.Option(help="Picture that opens the story, as a vision model captions it.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Money that questions may cost, in the currency of the prices.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write. [default: standard output]")] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Open the story in your editor, and check what you save.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the story TEXT: every fault, as a table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the story and how it came about.")] = False,
    settings: Settings = None,
    out: Runs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what planning would take at most.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Ask a language model again what it has answered before.")
    ] = False,
    no_engine: NoEngine = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the story.")] = False,
) -> None:
    """Plan a story: levels, widths and prompts for what you want to see, checked. Prints YAML for `tenfold zoom -`."""
    from flows.planning import Manner, Request, check_command, edit_command, plan_command
    from flows.wishes import leave_out, refuse_story, refuse_wish, widths
    from tasks.named import names_story, wish

    planning = {
        "levels": levels,
        "p": p,
        "from-width": from_width,
        "to-width": to_width,
        "seed": seed,
        "style": style,
        "viewpoint": viewpoint,
        "negative": negative,
        "title": title,
        "planner": planner,
        "llm": llm,
        "photo": photo,
        "max-cost": max_cost,
        "dry-run": dry_run or None,
        "force": force or None,
    }
    values = given(
        **{
            "plan.planner": None if planner is None else planner.value,
            "plan.model": llm,
            "plan.max_cost": max_cost,
            "photo": None if photo is None else str(photo),
        }
    )
    manner = Manner(to, edit, as_json, dry_run, force, no_engine, quiet)
    rest = (values, tuple(settings or ()), out, manner)
    if check:
        leave_out("--check only looks at a story", given(**planning, to=to, edit=edit or None))
        refuse_wish(text or "-")
        raise typer.Exit(check_command(text or "-", Request(wish(vocabulary=vocabulary.value), *rest)))
    if text is not None and names_story(text):
        if not edit:
            refuse_story(text)
        leave_out(f"--edit opens {text} as it is", given(**planning, json=as_json or None))
        edit_command(text, Request(wish(vocabulary=vocabulary.value), *rest))
        return
    wanted: dict[str, Any] = {
        "text": text,
        "levels": levels,
        "p": p,
        "widths_m": widths(from_width, to_width),
        "seed": seed,
        "title": title,
        "viewpoint": viewpoint,
        "style": style,
        "negative": negative,
        "vocabulary": vocabulary.value,
    }
    plan_command(Request(wish(**wanted), *rest))


@app.command()
def ladder(
    name: Annotated[str | None, typer.Argument(help="A thing, or a word to look for.")] = None,
) -> None:
    """List the things that the offline planner knows, by size, or show one with what it is met in and what is in it."""
    from flows.ladder_shown import show_all, show_one

    if name is None:
        show_all()
    else:
        show_one(name)
