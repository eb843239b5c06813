"""From a story and a configuration to a run that can be made, or a refusal.

Nothing is written and, where the model describes itself, nothing is loaded.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import ValidationError

import prompts
from prompts import Story
from tasks import loading
from tasks.blueprint import Blueprint, PlaneBlueprint
from tasks.cascade_plan import cascade_of, with_numbers
from tasks.compose_plan import composed_run
from tasks.cost import disk_bytes
from tasks.errors import RefusedError
from tasks.film import beats, check, film_of, given_sounds, notes_on, resolved
from tasks.given import changes, start_level, taken
from tasks.looking import resolve_vision
from tasks.machine import check_room, check_writable, resolve_device
from tasks.measures import describe_measures, describe_scorer
from tasks.planes import draws_plane, notes_on_planes
from tasks.run import GivenFile, Run, Tools
from tasks.sample import sampler
from tasks.sizes import check_size, described, notes_on_size
from tasks.specs import RunConfig, adapter_of, did_you_mean, in_words
from tasks.stage import canonical_json
from tasks.stages import is_made
from tasks.store import sha256_of
from tasks.styles import styled
from tasks.unread import notes_on_texts
from zoomlib.denoiser import Denoiser
from zoomlib.geometry import margin_factor
from zoomlib.methods import load_method, method_names

SMALLER = "a smaller --size, --fps or --seconds-per-level"
_NOT_CONTENT: Any = {
    "preset": True,
    "photo": True,
    "compose": {"folder"},
    "model": {"device", "rows", "fallbacks", "download", "offload", "compile", "channels_last"},
    "film": {"audio", "beat", "device"},
    "scores": {"video", "measures"},
    "vision": {"base_url", "timeout_s", "retries"},
    "plan": True,
}
"""Settings that say where and how, not what: they do not make another run."""


def prepare(
    config: RunConfig, story: Story, root: Path, tools: Tools | None = None, *, told: Mapping[str, Any] | None = None
) -> Run:
    """Resolve and accept a run, or raise RefusedError (InvalidInputError from the core) with the remedy.

    told: how the story came about, as `Run.told`.
    """
    tools = tools or Tools()
    if config.compose is not None:
        return accepted(composed_run(config, story, root, tools))
    story = styled(config, story)
    method = load_method(config.method)
    model = described(config, story, method, tools)
    photo, images = given_files(config, story, method)
    scorer = describe_scorer(config.scores, tools)
    unguided = loading.notes_on_guidance(config.guidance, model)
    config = _resolved(config, story, method, model, photo)
    cascade = cascade_of(config, model, tools)
    run = Run(
        id="",
        story=story,
        config=config.model_copy(update={"enlarge": with_numbers(config.enlarge, cascade)}),
        root=root,
        folder=root,
        method=method,
        shape=model["shape"],
        size_px=model["size_px"],
        model=model,
        cascade=cascade,
        scorer=scorer,
        measures=describe_measures(config.scores.measures, scorer),
        photo=photo,
        images=images,
        sounds=given_sounds(config.film),
        tools=tools,
        told=told or {},
    )
    check_size(run)
    notes = (*loading.notes_on_model(run), *notes_of(run), *notes_on_size(run), *notes_on_texts(run))
    run = replace(run, notes=(*notes, *notes_on_planes(run), *unguided))
    _check_base(run)
    _check_method(run)
    return accepted(run)


def accepted(run: Run) -> Run:
    """A run whose levels can be made, with its film and place accepted too, and its id. Raises as `prepare`."""
    film = film_of(run)
    check(film)
    run = replace(run, notes=(*run.notes, *notes_on(film)))
    spec = resolved(film).model_copy(update={"device": resolve_device(film.spec.device)})
    run = replace(run, config=run.config.model_copy(update={"film": spec}))
    _check_place(run)
    if "beat" in film.sounds and not is_made(run):
        beats(film)  # music without a beat is refused before levels are sampled
    identity = run_id(run)
    return replace(run, id=identity, folder=run.root / prompts.slug(run.story.title) / identity)


def _resolved(
    config: RunConfig, story: Story, method: ModuleType, model: Mapping[str, Any], photo: GivenFile | None
) -> RunConfig:
    sampling = resolve_sampling(config, story, method, model.get("steps"))
    loading.check_steps(sampling.get("steps"), model)
    update = {
        "sampling": sampling,
        "p": resolve_p(config, story, sampling.get("margin"), model["size_px"][1]),
        "photo": None if photo is None else photo.path,
        "model": loading.resolved_model(config.model, model),
        "guidance": loading.resolved_guidance(config.guidance, model),
        "vision": resolve_vision(config, method),
    }
    return config.model_copy(update=update)


def resolve_p(config: RunConfig, story: Story, margin: float | None, width: int) -> float:
    """The zoom factor: that of the margin around a picture of `width` pixels, or the configured one, or the story's.

    Raises RefusedError where a configured one is not the margin's.
    """
    if margin is None:
        return float(story.p if config.p is None else config.p)
    p = margin_factor(margin, width)
    if config.p is not None and not math.isclose(config.p, p, rel_tol=1e-6):
        raise RefusedError(
            f"A margin of {margin:g} around pictures {width} pixels wide is a zoom factor of {p:g}, and p is "
            f"{config.p:g}. Leave one of the two out."
        )
    return p


def run_id(run: Run) -> str:
    """Twelve hex digits from the content of story, configuration and weights: the same work has the same place."""
    story = run.story.model_dump(mode="json")
    config = run.config.model_dump(mode="json", exclude=_NOT_CONTENT)
    for level in story["levels"]:  # by content, not by where it lies on this machine
        level["image"] = None if level["image"] is None else sha256_of(Path(level["image"]))
    weights = [run.model["id"], run.model["revision"]]
    if run.config.enlarge.stages:
        weights += [one for stage in run.cascade for one in (stage.model["id"], stage.model["revision"])]
    photo = None if run.photo is None else run.photo.sha256
    sounds = {name: given.sha256 for name, given in run.sounds.items()}
    content = {"story": story, "config": config, "photo": photo, "sounds": sounds, "model": weights}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]


def resolve_sampling(config: RunConfig, story: Story, method: ModuleType, steps: int | None = None) -> dict[str, Any]:
    """The method's settings with its defaults filled in; a looping story sets `loop`, a model may have its `steps`."""
    known = [field.name for field in fields(method.Config)]
    _check_names(config.method, method.Config, config.sampling)
    if story.loop and "loop" not in known:
        raise RefusedError(f"The story loops, which method {config.method} cannot do. Set loop: false, or use joint.")
    usual: dict[str, Any] = {"loop": True} if story.loop else {}
    if steps is not None and "steps" in known:
        usual["steps"] = steps
    given = usual | config.sampling
    try:
        found = asdict(adapter_of(method.Config).validate_python(given))
    except ValidationError as error:
        raise RefusedError(in_words(error, "sampling.")) from error
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # tuples as lists, as in the run's file


def _check_names(method: str, spec: type, settings: Mapping[str, Any]) -> None:
    """Refuse a setting that a method does not have; its settings may have settings of their own."""
    known = {field.name: field for field in fields(spec)}
    for name, value in settings.items():
        if name not in known:
            raise RefusedError(f"Method {method} has no setting {name!r}. {did_you_mean(name, list(known))}")
        inner = known[name].default
        if is_dataclass(inner) and not isinstance(inner, type) and isinstance(value, Mapping):
            _check_names(method, type(inner), value)


def _check_method(run: Run) -> None:
    blueprint = PlaneBlueprint(run) if draws_plane(run.method) else Blueprint(run)
    sampler(run, cast(Denoiser, blueprint))


def _check_base(run: Run) -> None:
    base, count = run.config.base, len(run.story.levels)
    if base is None:
        return
    if len(base.levels) != count:
        raise RefusedError(
            f"The story has {count} levels, and base.levels says of {len(base.levels)} where they come from. "
            "Name one of the base's levels, or null, for each."
        )
    both = [level for level in run.images if base.levels[level] is not None]
    if both:
        raise RefusedError(
            f"Level {both[0]} is kept from run {base.run} and names a picture too. Leave one of them out."
        )


def given_files(config: RunConfig, story: Story, method: ModuleType) -> tuple[GivenFile | None, dict[int, GivenFile]]:
    """The picture that a run starts from, and those of single levels; raises RefusedError where the method has no use
    for them, InvalidInputError where a file is none.

    The configuration's photograph takes the place of a picture of the level that the method starts at.
    """
    named = {level: Path(entry.image) for level, entry in enumerate(story.levels) if entry.image is not None}
    start, photo = start_level(method, len(story.levels)), config.photo
    if photo is not None and start is None:
        raise RefusedError(
            f"Method {config.method} cannot start from a photograph. Use one of {_methods_with('PHOTO')}, or no photo."
        )
    images = {level: path for level, path in named.items() if photo is None or level != start}
    if images and not getattr(method, "IMAGES", False):
        raise RefusedError(
            f"Level {min(images)} names a picture, and method {config.method} takes none. Use one of "
            f"{_methods_with('IMAGES')}, or remove it."
        )
    return None if photo is None else taken(photo), {level: taken(path) for level, path in images.items()}


def _methods_with(name: str) -> str:
    return ", ".join(method for method in method_names() if getattr(load_method(method), name, False))


def notes_of(run: Run) -> tuple[str, ...]:
    """What is done to the run's pictures before they are used, a sentence each."""
    start = start_level(run.method, len(run.story.levels))
    pictures = [*([] if run.photo is None else [(start, run.photo)]), *sorted(run.images.items(), key=itemgetter(0))]
    return tuple(
        f"{picture.path.name}, level {level}: {said}"
        for level, picture in pictures
        for said in changes(picture.path, run.size_px)
    )


def _check_place(run: Run) -> None:
    """Refuse a folder that cannot hold the run; what is there already needs no room, and may only be read."""
    try:
        place = check_writable(run.root, "Choose another folder with --out.")
        check_room(place, disk_bytes(run), "the run", f"Free some, choose another folder with --out, or {SMALLER}.")
    except RefusedError:
        if not is_made(run):
            raise
