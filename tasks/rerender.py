"""A film of a finished run, rendered again: another size, rate, camera or kind of file, and nothing is sampled."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from tasks import begun
from tasks.cost import film_bytes
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageWaiting, ignore
from tasks.film import Film, Origin, beats, changed, check, given_sounds, model_name, notes_on, resolved
from tasks.film_spec import FilmSpec
from tasks.filming import STAGE, make_film
from tasks.finished import RENDERS, STACK, Finished, intact, unpack_stack
from tasks.folder import writing
from tasks.machine import check_room, check_writable, resolve_device
from tasks.specs import RunConfig, with_values
from tasks.stage import Json, Manifest, StageKey, Workshop
from tasks.store import Artifact, is_copy, left_beside, remove, write_bytes
from tasks.versions import algorithm, software
from zoomlib.film.formats import FORMATS
from zoomlib.film.sequence import check_sequence
from zoomlib.film.whole import move

PREVIEW_PX, PREVIEW_FPS = 320, 12.0
SMALLER = "Free some, name another place with --to, or choose a smaller --size or --fps."


@dataclass(frozen=True)
class Rendering:
    """A film that can be made of a run. `target`: where it goes, a file, or the folder of a sequence of pictures."""

    run: Finished
    film: Film
    target: Path
    key: StageKey

    @property
    def workshop(self) -> Workshop:
        """Where it is kept and its making can be gone on with."""
        return self.run.workshop

    def in_progress(self) -> AbstractContextManager[None]:
        """Keeps what it uses of the store from being swept away."""
        return begun.in_progress(self.workshop.root)

    @property
    def words(self) -> Path:
        """Where its captions go, where they are a file: players look for the film's own name."""
        stem = self.target.stem if self.film.encoding.suffix else self.target.name
        return self.target.with_name(f"{stem}.srt")

    @property
    def settings(self) -> Path:
        """Where its resolved settings go."""
        return self.target.with_name(f"{self.target.name}.json")

    def places(self, manifest: Manifest) -> Iterator[tuple[Path, Artifact]]:
        """Where each of its files goes."""
        for name, artifact in manifest.artifacts.items():
            folder, _, file = name.rpartition("/")
            own = self.target / file if folder else self.target
            yield self.words if name.endswith(".srt") else own, artifact

    def notes(self) -> tuple[str, ...]:
        """What a user should know before it is made, a sentence each."""
        (H, W), (width, height) = self.film.level_px, self.film.size
        if max(width / W, height / H) <= 1:
            return notes_on(self.film)
        return (
            *notes_on(self.film),
            f"The levels have {W} x {H} px; frames of {width} x {height} are larger and show no more detail.",
        )


def planned(
    run: Finished,
    changes: Mapping[str, object],
    *,
    to: Path | None = None,
    preview: bool = False,
    force: bool = False,
) -> Rendering:
    """The film of `run` with `changes`, values of `film.` settings by dotted path, to be written to `to` or among the
    run's renders.

    preview: small, with few frames, quickly coded, where `changes` do not say otherwise. force: what lies at `to` may
    be replaced. Raises RefusedError, or InvalidInputError of the core, for what cannot be made, before any work.
    """
    film = film_of_finished(run, _asked(run.config.film, _with_format(changes, to), preview))
    check(film)
    film = replace(film, spec=resolved(film).model_copy(update={"device": resolve_device(film.spec.device)}))
    key = StageKey(STAGE, algorithm(STAGE), film.inputs(run.stack_files))
    target = run.folder / RENDERS / _name(film, key, preview) if to is None else to.absolute()
    rendering = Rendering(run, film, target, key)
    manifest = rendering.workshop.find(key)
    _check_kind(rendering)
    if to is not None and not force:
        _check_free(rendering, manifest)
    if manifest is None or force:
        beats(film)
    for folder in (target.parent, rendering.workshop.root):
        place = check_writable(folder, "Name another place with --to, or copy the run to where you may write.")
        check_room(place, 0 if manifest else 4 * film_bytes(film), "the film", SMALLER)
    return rendering


def make(rendering: Rendering, on_event: Listener = ignore, *, force: bool = False) -> dict[str, Json]:
    """Find or make the film and put it in its place; returns plain facts of what came of it."""
    film, key = rendering.film, rendering.key
    manifest, made = rendering.workshop.make(
        key,
        lambda work: make_film(film, unpack_stack(rendering.run, work / STACK), work, on_event, key.digest),
        force=force,
        on_wait=lambda: on_event(StageWaiting(STAGE)),
    )
    on_event(StageDone(STAGE, made, manifest.seconds))
    with writing(rendering.workshop, rendering.run.id):
        _place(rendering, manifest)
    return {"film": str(rendering.target), "made": made, "seconds": manifest.seconds, **manifest.facts}


def _place(rendering: Rendering, manifest: Manifest) -> None:
    """Put the film, whole, where it goes, then what stands beside it; the caller holds the lock of the run's folder."""
    own, store, files = rendering.target, rendering.workshop.store, dict(rendering.places(manifest))
    remove(left for path in (own, rendering.words, rendering.settings) for left in left_beside(path))
    pictures = {path: artifact for path, artifact in files.items() if path.parent == own}
    if pictures and not _is_ours(own, rendering, files):
        growing = own.with_name(f".{own.name[:40]}.{uuid.uuid4().hex}.part")
        for path, artifact in pictures.items():
            store.copy_out(artifact, growing / path.name)
        move(growing, own)
    for path in files.keys() - pictures.keys():
        store.copy_out(files[path], path)
    text = json.dumps(summary(rendering, manifest), indent=2, ensure_ascii=False) + "\n"
    write_bytes(rendering.settings, text.encode())


def summary(rendering: Rendering, manifest: Manifest) -> Json:
    """The resolved settings of a film and what it was made of, for the file beside it."""
    return {
        "run_id": rendering.run.id,
        "story": rendering.film.title,
        "software": software(),
        "film": rendering.film.spec.model_dump(mode="json"),
        **manifest.facts,
        "stages": {STAGE: {"key": rendering.key.digest, "seconds": manifest.seconds}},
        "files": {path.name: artifact.sha256 for path, artifact in rendering.places(manifest)},
    }


def _with_format(changes: Mapping[str, object], to: Path | None) -> dict[str, object]:
    """The changes, with the format that the name of the file tells where they do not. Raises RefusedError for none."""
    for path in changes:
        if not path.startswith("film."):
            raise RefusedError(
                f"A film is rendered from levels that are there already, so that {path} cannot be set. "
                "Set what begins with film., or make another run with tenfold zoom."
            )
    asked = changes.get("film.format")
    if to is None or (asked is None and not to.suffix):
        return dict(changes)
    fitting = [name for name, kind in FORMATS.items() if kind.suffix == to.suffix.lower() and asked in (None, name)]
    if not fitting and (asked is None or asked in FORMATS):
        known = ", ".join(sorted(kind.suffix for kind in FORMATS.values() if kind.suffix))
        raise RefusedError(
            f"{to.name} is no name for a film{'' if asked is None else f' in {asked}'}. End it with one of {known}; "
            "a sequence of pictures (--format png) goes to a folder, whose name has no such end."
        )
    return {**changes, **({"film.format": fitting[0]} if fitting else {})}


def _asked(spec: FilmSpec, changes: Mapping[str, object], preview: bool) -> FilmSpec:
    """The run's settings of the film with changes on top."""
    if preview:
        coding = {} if "film.format" in changes else {"film.format": "mp4", "film.codec": "h264"}
        quick = {"film.preset": "ultrafast"} if coding and "film.codec" not in changes else {}
        small = {"film.size_px": min(spec.size_px, PREVIEW_PX), "film.fps": min(float(spec.rate), PREVIEW_FPS)}
        changes = {**coding, **quick, **small, **changes}
    freed = changed(spec, {path.removeprefix("film."): value for path, value in changes.items()})
    return with_values(RunConfig(film=freed), changes).film


def film_of_finished(run: Finished, spec: FilmSpec) -> Film:
    """A film of a finished run by these settings. Raises RefusedError where its pictures or sounds are gone."""
    levels, facts = run.story.levels, run.facts
    with Image.open(intact(run, "level_00.png")) as picture:
        width, height = picture.size
    return Film(
        spec=spec,
        title=run.story.title,
        prompts=tuple(level.prompt for level in levels),
        widths_m=tuple(level.width_m for level in levels),
        level_px=(height, width),
        origin=Origin(
            run.config.method,
            run.config.seed,
            model_name(facts["model"]),
            composed=run.config.compose is not None,
            given=facts["photo_sha256"] is not None or bool(facts["images_sha256"]),
        ),
        loop=bool(run.config.sampling.get("loop")),
        sounds=given_sounds(spec),
    )


def _name(film: Film, key: StageKey, preview: bool) -> str:
    """A plain name that tells the film's size, rate and way, and is another one for every other film."""
    spec, (width, height) = film.spec, film.size
    words = ["preview"] * preview + [f"{width}x{height}", f"{float(round(spec.rate, 3)):g}fps"]
    words += [spec.direction] * (spec.direction != "in") + [key.digest[:8]]
    return "-".join(words) + film.encoding.suffix


def _check_kind(rendering: Rendering) -> None:
    """Refuse a name of another kind than the film, and a place that holds what even force must not replace."""
    target, suffix = rendering.target, rendering.film.encoding.suffix
    if not suffix:
        check_sequence(target)
    elif target.suffix.lower() != suffix or target.is_dir():
        raise RefusedError(f"{target} is no name for this film: name a file that ends with {suffix}.")


def _check_free(rendering: Rendering, manifest: Manifest | None) -> None:
    """Refuse to write over what is something else."""
    files = {} if manifest is None else dict(rendering.places(manifest))
    words = [rendering.words] if rendering.film.spec.captions == "file" else []
    for path in (rendering.target, *words, rendering.settings):
        if path.exists() and not _is_ours(path, rendering, files):
            raise RefusedError(f"{path} is there already and is something else. Add --force to replace it.")


def _is_ours(path: Path, rendering: Rendering, files: Mapping[Path, Artifact]) -> bool:
    """Whether what lies there is what this rendering would put there."""
    if path == rendering.settings:
        try:
            key: object = json.loads(path.read_text(encoding="utf-8"))["stages"][STAGE]["key"]
            return key == rendering.key.digest
        except (OSError, ValueError, KeyError, TypeError):
            return False
    if path.is_dir():
        own = {file: artifact for file, artifact in files.items() if file.parent == path}
        return set(path.iterdir()) <= own.keys() and all(is_copy(file, own[file]) for file in path.iterdir())
    return path in files and is_copy(path, files[path])
