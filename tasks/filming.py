"""A film is made: its frames are drawn, written on and encoded, in segments that a stopped run need not make again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.events import Listener, StageMoved, StageStarted
from tasks.film import Film, beats
from tasks.stage import Made
from tasks.versions import software
from zoomlib.film import render, subtitles
from zoomlib.film.camera import Camera
from zoomlib.film.overlay import Overlay
from zoomlib.film.provenance import stamp, tags
from zoomlib.film.scale import share_in_view
from zoomlib.film.segments import write_film
from zoomlib.stack import ZoomStack

STAGE = "video"


def make_film(film: Film, stack: ZoomStack, work: Path, on_event: Listener, key: str) -> Made:
    """Render and encode the film of `stack`. `key`: digest of all that it depends on, told in the file's metadata."""
    spec, encoding, size = film.spec, film.encoding, film.size
    track = film.camera(stack.factors, beats(film))
    on_event(StageStarted(STAGE, len(track), "frames"))
    paint, margin = _painter(film, stack, track)
    drawn = render.Film(stack, track, size, layout=encoding.layout, device=spec.device, paint=paint)
    words, told = _words(film, track, work), metadata(film, key)
    path = write_film(
        lambda start, stop: drawn.frames(start, stop, reuse=True),
        len(track),
        work / film.name,
        fps=float(spec.rate),
        size=size,
        encoding=encoding,
        work=work / "segments",
        tags=told,
        audio=None if spec.audio is None else film.sounds["audio"].path,
        subtitles=words if spec.captions == "track" else None,
        on_frame=lambda done: on_event(StageMoved(STAGE, done)),
        keep=True,  # until the store has the film: a disk may be full, a process killed, before that
    )
    if path.is_file():
        stamp(path, told)
    facts = {"frames": len(track), "size": list(size), "fps": str(spec.rate), "margin": margin}
    return Made(_files(path) | ({words.name: words} if spec.captions == "file" and words else {}), facts)


def metadata(film: Film, key: str) -> dict[str, str]:
    """What the film's file tells of how it was made."""
    return tags(
        title=film.title,
        story="\n".join(film.prompts),
        model=film.origin.model,
        method=film.origin.method,
        seed=None if film.origin.composed else film.origin.seed,
        software=software(),
        run_id="",  # a film is kept once for all runs whose film it is
        config_sha256=key,
        made_by_machine=not film.origin.composed,
        given_pictures=film.origin.given,
    )


def _painter(film: Film, stack: ZoomStack, track: Camera) -> tuple[render.Paint | None, float]:
    """What draws on each frame, None where nothing is to be drawn; and the camera's margin."""
    spec, (H, W) = film.spec, stack.levels.shape[-2:]
    margin = render.needed_margin(stack, track, film.size)
    captions = film.prompts if spec.captions == "burnt" else None
    if captions is None and not spec.scale_bar:
        return None, margin
    overlay = _overlay(film, stack, captions, share_in_view(film.size, (W, H), margin))
    positions = track.positions().tolist()
    return lambda frame, number: overlay.draw(frame, positions[number]), margin


def _overlay(film: Film, stack: ZoomStack, captions: Sequence[str] | None, share: float) -> Overlay:
    return Overlay(
        film.size,
        film.encoding.layout,
        captions=captions,
        widths_m=film.widths_m,
        factors=stack.factors + stack.factors[:1] * film.loop,
        scale_bar=film.spec.scale_bar,
        share=share,
        loop=film.loop,
    )


def _words(film: Film, track: Camera, work: Path) -> Path | None:
    """The film's captions as a SubRip file; None where none are wanted as one."""
    if film.spec.captions not in ("file", "track"):
        return None
    file = work / "zoom.srt"
    said = subtitles.cues(track.positions().tolist(), float(film.spec.rate), film.prompts, loop=film.loop)
    file.write_text(subtitles.srt(said), encoding="utf-8")
    return file


def _files(path: Path) -> dict[str, Path]:
    """The film by its name, or each picture of a sequence by its path."""
    if not path.is_dir():
        return {path.name: path}
    return {f"{path.name}/{picture.name}": picture for picture in sorted(path.iterdir())}
