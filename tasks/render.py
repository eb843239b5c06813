"""The film and the pictures of a stack."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import film_of, loops
from tasks.filming import make_film, metadata
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from zoomlib.film import pictures
from zoomlib.film.provenance import save_png
from zoomlib.stack import ZoomStack

__all__ = ["PICTURES", "VIDEO", "load_stack", "loops", "stack_inputs"]


def stack_inputs(results: Results) -> dict[str, str]:
    """The stack's files by name, as SHA-256."""
    return {name: artifact.sha256 for name, artifact in sorted(results["levels"].artifacts.items())}


def load_stack(run: Run, results: Results, work: Path) -> ZoomStack:
    """The stack that the levels stage has stored. `work`: a folder to unpack it in."""
    folder = work / "stack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, artifact in results["levels"].artifacts.items():
        shutil.copyfile(run.workshop.store.path(artifact), folder / name)
    return ZoomStack.load(folder)


def video_inputs(run: Run, results: Results) -> Json:
    """The stack, and all of the film that is not in it."""
    return film_of(run).inputs(stack_inputs(results))


def make_video(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Render and encode the film."""
    key = VIDEO.key(run, results).digest
    return make_film(film_of(run), load_stack(run, results, work), work, on_event, key)


def picture_inputs(run: Run, results: Results) -> Json:
    """The stack, the size, and the words that are written on the sheet."""
    film = film_of(run)
    return {
        "stack": stack_inputs(results),
        "size": list(film.size),
        "title": film.title,
        "prompts": list(film.prompts),
        "widths_m": list(film.widths_m),
        "loop": film.loop,
        "origin": asdict(film.origin),
    }


def make_pictures(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Draw the poster and the contact sheet."""
    on_event(StageStarted("pictures", 2, "pictures"))
    film, stack = film_of(run), load_stack(run, results, work)
    files = {name: work / name for name in ("poster.png", "contact_sheet.png")}
    told = metadata(film, PICTURES.key(run, results).digest)
    save_png(pictures.poster(stack, film.size, loop=film.loop), files["poster.png"], told)
    on_event(StageMoved("pictures", 1))
    widths = film.widths_m if any(film.widths_m) else None
    save_png(pictures.contact_sheet(stack, film.prompts, film.title, widths_m=widths), files["contact_sheet.png"], told)
    on_event(StageMoved("pictures", 2))
    return Made(files)


VIDEO = Stage("video", ("levels",), video_inputs, make_video)
PICTURES = Stage("pictures", ("levels",), picture_inputs, make_pictures)
