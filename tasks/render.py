"""The film and the pictures of a stack."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tasks.events import Listener, StageMoved, StageStarted
from tasks.loop import unrolled
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from zoomlib.film import pictures
from zoomlib.film.camera import Camera
from zoomlib.film.render import Frame, Renderer, even_size, frames
from zoomlib.film.video import write
from zoomlib.stack import ZoomStack

TURN = 3
"""Levels beyond either end of a closed loop that its film is drawn with: finer ones are too small to be seen there."""


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


def camera(run: Run) -> Camera:
    """The run's camera; round a closed loop it goes on from the deepest level to the widest."""
    film, levels = run.config.film, len(run.story.levels) + loops(run)
    return Camera(levels, fps=film.fps, seconds_per_level=film.seconds_per_level, direction=film.direction)


def loops(run: Run) -> bool:
    """Whether the deepest level contains the widest."""
    return bool(run.config.sampling.get("loop"))


def round_trip(stack: ZoomStack, track: Camera, size: tuple[int, int]) -> Iterator[Frame]:
    """Every frame of `track`, a camera for one level more, round a closed loop: the last leads on to the first."""
    levels, focus = unrolled(stack.levels, stack.focus, TURN)
    renderer = Renderer(replace(stack, levels=levels, focus=focus), size)
    yield from map(renderer.frame, (track.positions() + TURN).tolist())


def frame_size(run: Run) -> tuple[int, int]:
    """(width, height) of a frame: the levels' shape, its longer side as configured, both even."""
    H, W = run.size_px
    scale = run.config.film.size_px / max(H, W)
    return even_size((round(W * scale), round(H * scale)))


def video_inputs(run: Run, results: Results) -> Json:
    """The stack and the film's settings."""
    film = run.config.film.model_dump(mode="json", exclude={"size_px"})
    size = list(frame_size(run))
    return {"stack": stack_inputs(results), "size": size, "film": film, "loop": loops(run), "title": run.story.title}


def make_video(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Render and encode the film."""
    film, path = run.config.film, work / "zoom.mp4"
    track = camera(run)
    on_event(StageStarted("video", len(track), "frames"))
    draw = round_trip if loops(run) else frames
    drawn = draw(load_stack(run, results, work), track, frame_size(run))
    write(
        drawn,
        path,
        fps=film.fps,
        codec=film.codec or "h264",
        quality=film.quality or 18,
        title=run.story.title,
        on_frame=lambda done: on_event(StageMoved("video", done)),
    )
    return Made({"zoom.mp4": path}, {"frames": len(track), "size": list(frame_size(run))})


def picture_inputs(run: Run, results: Results) -> Json:
    """The stack, the size, and the words that are written on the sheet."""
    return {
        "stack": stack_inputs(results),
        "size": list(frame_size(run)),
        "title": run.story.title,
        "prompts": [level.prompt for level in run.story.levels],
    }


def make_pictures(run: Run, results: Results, work: Path, on_event: Listener) -> Made:
    """Draw the poster and the contact sheet."""
    on_event(StageStarted("pictures", 2, "pictures"))
    stack = load_stack(run, results, work)
    files = {name: work / name for name in ("poster.png", "contact_sheet.png")}
    pictures.poster(stack, frame_size(run)).save(files["poster.png"])
    on_event(StageMoved("pictures", 1))
    words = [level.prompt for level in run.story.levels]
    pictures.contact_sheet(stack, words, run.story.title).save(files["contact_sheet.png"])
    on_event(StageMoved("pictures", 2))
    return Made(files)


VIDEO = Stage("video", ("levels",), video_inputs, make_video)
PICTURES = Stage("pictures", ("levels",), picture_inputs, make_pictures)
