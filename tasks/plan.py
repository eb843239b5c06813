"""From a story and a configuration to a run that can be made, or a refusal.

Nothing is written and, where the model describes itself, nothing is loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from pydantic import TypeAdapter, ValidationError

import prompts
from prompts import Story
from tasks.cost import disk_bytes
from tasks.errors import RefusedError
from tasks.photo import fit
from tasks.run import Run, Tools
from tasks.sample import sampler
from tasks.specs import RunConfig, did_you_mean, in_words
from tasks.stage import canonical_json
from tasks.stages import is_made
from tasks.store import sha256_of
from zoomlib.denoiser import Condition, Denoiser, IdentityCodec
from zoomlib.methods import load_method

SPARE_BYTES = 32 * 2**20


def prepare(config: RunConfig, story: Story, root: Path, tools: Tools | None = None) -> Run:
    """Resolve and accept a run, or raise RefusedError (InvalidInputError from the core) with the remedy."""
    tools = tools or Tools()
    method = load_method(config.method)
    model = tools.describe(config.model.name)
    photo = _photo(config, story, method, model)
    scorer = config.scores.scorer
    run = Run(
        id="",
        story=story,
        config=_resolved(config, story, method, photo),
        root=root,
        folder=root,
        method=method,
        shape=model["shape"],
        size_px=model["size_px"],
        model=model,
        upscaler=_upscaler(config, model, tools),
        scorer=None if scorer == "none" else tools.describe_scorer(scorer),
        photo=photo,
        photo_sha256=None if photo is None else sha256_of(photo),
        tools=tools,
    )
    _check_method(run)
    _check_place(run)
    identity = run_id(run)
    return replace(run, id=identity, folder=root / prompts.slug(story.title) / identity)


def _resolved(config: RunConfig, story: Story, method: ModuleType, photo: Path | None) -> RunConfig:
    update = {
        "sampling": resolve_sampling(config, story, method),
        "p": float(story.p if config.p is None else config.p),
        "photo": photo,
        "model": config.model.model_copy(update={"device": resolve_device(config.model.device)}),
    }
    return config.model_copy(update=update)


def run_id(run: Run) -> str:
    """Twelve hex digits from the content of story, configuration and weights: the same work has the same place."""
    story = run.story.model_dump(mode="json")
    config = run.config.model_dump(mode="json", exclude={"photo": True, "model": {"device", "rows"}})
    for level in story["levels"]:  # by content, not by where it lies on this machine
        level["image"] = None if level["image"] is None else sha256_of(Path(level["image"]))
    weights = [run.model["id"], run.model["revision"]]
    content = {"story": story, "config": config, "photo": run.photo_sha256, "model": weights}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]


def resolve_sampling(config: RunConfig, story: Story, method: ModuleType) -> dict[str, Any]:
    """The method's settings with its defaults filled in; a looping story sets `loop`."""
    known = [field.name for field in fields(method.Config)]
    for name in config.sampling:
        if name not in known:
            raise RefusedError(f"Method {config.method} has no setting {name!r}. {did_you_mean(name, known)}")
    if story.loop and "loop" not in known:
        raise RefusedError(f"The story loops, which method {config.method} cannot do. Set loop: false, or use joint.")
    given = {"loop": True} | config.sampling if story.loop else config.sampling
    try:
        return asdict(TypeAdapter(method.Config).validate_python(given))
    except ValidationError as error:
        raise RefusedError(in_words(error, "sampling.")) from error


def resolve_device(name: str) -> str:
    """The device that `auto` means here; raises RefusedError for one that is not here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=torch.device(name))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:160]
        raise RefusedError(f"Device {name!r} cannot be used here: {reason}. Use --device auto or cpu.") from error
    return name


class _Blueprint:
    """A denoiser of which only the shape is known: enough for a method to say whether it accepts a run."""

    device, dtype, codec = torch.device("cpu"), torch.float32, IdentityCodec()

    def __init__(self, run: Run) -> None:
        self.shape, self.inpaints = run.shape, bool(run.model.get("inpaints"))

    def condition(self, prompts: Sequence[str], *_negatives: object, **_pictures: object) -> Condition:
        """An empty row per prompt: nothing is sampled with it."""
        return Condition({"": torch.zeros(len(prompts), 0)})


def _check_method(run: Run) -> None:
    sampler(run, cast(Denoiser, _Blueprint(run)))


def _photo(config: RunConfig, story: Story, method: ModuleType, model: Mapping[str, Any]) -> Path | None:
    for index, level in enumerate(story.levels):
        if level.seed is not None:
            raise RefusedError(
                f"Level {index} has a seed of its own, which runs do not support. Remove it; use --seed."
            )
        if level.image is not None and index:
            raise RefusedError(
                f"Level {index} names a picture; only level 0, the widest, can start from one. Remove it."
            )
    given = config.photo or story.levels[0].image
    if given is None:
        return None
    if not hasattr(method, "PHOTO"):
        raise RefusedError(f"Method {config.method} cannot start from a photograph. Use --method joint, or no photo.")
    if model["factor"] != 1:
        raise RefusedError("Only models in pixel space can start from a photograph; this one is latent. Leave it out.")
    fit(Path(given), (8, 8))  # refuses what is no picture
    return Path(given).resolve()


def _upscaler(config: RunConfig, model: Mapping[str, Any], tools: Tools) -> Mapping[str, Any] | None:
    wanted = config.enlarge.model
    if wanted == "none" or (wanted == "auto" and config.film.size_px <= max(model["size_px"])):
        return None
    owner = config.model.name if wanted == "auto" else wanted
    net = (model if wanted == "auto" else tools.describe(wanted))["upscaler"]
    if net is None and wanted != "auto":
        raise RefusedError(f"{wanted} has no super-resolution net. Use enlarge.model=auto or none.")
    return None if net is None else {"id": owner, **net}


def existing_parent(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists: where it would be created."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def is_writable(place: Path) -> bool:
    """Whether files can be created in an existing folder."""
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _check_place(run: Run) -> None:
    """Refuse a folder that cannot hold the run; what is there already needs no room."""
    place = existing_parent(run.root)
    if not is_writable(place):
        raise RefusedError(f"Nothing can be written to {place}. Choose another folder with --out.")
    need, free = disk_bytes(run) + SPARE_BYTES, shutil.disk_usage(place).free
    if need > free and not is_made(run):
        raise RefusedError(
            f"Not enough disk: the run needs about {need / 2**20:,.0f} MB and {place} has {free / 2**20:,.0f} MB free. "
            "Free some, choose another folder with --out, or a smaller --size, --fps or --seconds-per-level."
        )
