"""The sampling stage: levels by the run's method, resumable at the step where it was killed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tasks import planes
from tasks.events import Listener, StageMoved, StageStarted
from tasks.given import fitted_photo, given_levels, given_pictures, sampled_file, stack_file, untouched
from tasks.loading import load_guided, passes
from tasks.looking import describe, spent
from tasks.noting import Notes
from tasks.planes import draws_plane
from tasks.run import Results, Run, Stage
from tasks.services import spent_since
from tasks.specs import adapter_of
from tasks.stage import Json, Made
from tasks.store import replacing
from tasks.versions import versions
from zoomlib.denoiser import Denoiser
from zoomlib.scene import Run as MethodRun
from zoomlib.scene import Scene, Work, pictures
from zoomlib.walk import State

NAME, RECORDS = "sampling", "records.json"
_TENSORS = ("z", "clean", "estimate", "generator_state")


def sampling_inputs(run: Run, _results: Results) -> Json:
    """Everything that the sampled levels depend on, except the machine."""
    return _given_inputs(run) | {
        **(_plane_inputs(run) if draws_plane(run.method) else _told_inputs(run)),
        "p": run.p,
        "focus": plain_focus(run),
        "method": run.config.method,
        "seed": run.config.seed,
        "model": run.model["id"],
        "revision": run.model["revision"],
        "dtype": run.config.model.dtype,
    }


def _told_inputs(run: Run) -> dict[str, Json]:
    """What a denoiser is told."""
    return {
        "prompts": list(run.story.prompts()),
        "negatives": list(run.story.negatives()),
        "photo": None if run.photo is None else run.photo.sha256,
        "sampling": run.config.sampling,
        "guidance": run.config.guidance.model_dump(mode="json"),
    }


def _plane_inputs(run: Run) -> dict[str, Json]:
    """What a plane shows depends on no words, nor on how much a run is allowed."""
    settings = {name: value for name, value in run.config.sampling.items() if name != "most_mpx"}
    return {"levels": len(run.story.levels), "sampling": settings}


def _given_inputs(run: Run) -> dict[str, Json]:
    """What only some runs depend on; the others' keys do not know of it."""
    base, inputs = run.config.base, dict[str, Json]()
    if run.images:
        inputs["images"] = {str(level): picture.sha256 for level, picture in sorted(run.images.items())}
    if run.config.model.size is not None:
        inputs["size"] = list(run.size_px)
    if seeds_of(run):
        inputs["seeds"] = {str(level): seed for level, seed in seeds_of(run).items()}
    if base is not None:
        inputs["base"] = {"sampled": base.sampled, "levels": list(base.levels), "open": list(base.open)}
    if run.config.vision.model is not None:
        inputs["vision"] = run.config.vision.model
    return inputs


def seeds_of(run: Run) -> dict[int, int]:
    """Seeds of single levels, by level."""
    return {level: entry.seed for level, entry in enumerate(run.story.levels) if entry.seed is not None}


def plain_focus(run: Run) -> Json:
    """The focus of every level as lists, or None."""
    return None if run.focus is None else [None if point is None else list(point) for point in run.focus]


def make_samples(run: Run, _results: Results, work: Path, on_event: Listener) -> Made:
    """Sample the levels, writing the sampler's state after every step; goes on from the state found in `work`."""
    checkpoint = work / "state.safetensors"
    notes = Notes(NAME, on_event)
    denoiser: Denoiser = cast(Denoiser, planes.load(run)) if draws_plane(run.method) else load_guided(run, notes)
    left = last = load_state(checkpoint, denoiser.device)
    steps, unit = work_of(run).steps, f"steps, {len(run.story.levels)} levels"
    on_event(StageStarted(NAME, steps, unit, done=left.index if left else 0))
    before = spent(run)
    began = time.perf_counter()
    for state in sampler(run, denoiser, left):
        if last is None or state.resumes_at > last.resumes_at or state.index == steps:
            save_state(state, checkpoint)
        on_event(StageMoved(NAME, state.index))
        last = state
    if last is None:
        raise ValueError(f"Method {run.config.method} made no step.")
    passed = (last.index - (left.index if left else 0)) / steps * evaluations(run)
    pace = (time.perf_counter() - began) / passed if passed else None
    facts = {"evaluation_s": pace} | ({} if before is None else {"spent": spent_since(before, run.services.spent)})
    made = _made(run, last, denoiser, work, facts)
    return replace(made, facts=made.facts | notes.facts())


def _made(run: Run, state: State, denoiser: Denoiser, work: Path, facts: dict[str, Json]) -> Made:
    levels, estimate = (x.clone().contiguous() for x in pictures(denoiser, state))
    for level, kept in untouched(run).items():
        levels[level] = kept
    files = {"sampled": work / "sampled.safetensors"} | _kept_files(run)
    save_file({"levels": levels, "estimate": estimate}, files["sampled"])
    if state.records:
        files[RECORDS] = work / RECORDS
        text = json.dumps([dict(record) for record in state.records], indent=1, ensure_ascii=False)
        files[RECORDS].write_text(text + "\n", encoding="utf-8")
    return Made(files, facts | {"shape": list(levels.shape), "device": str(denoiser.device), "versions": versions()})


def _kept_files(run: Run) -> dict[str, Path]:
    """The base's files, named as this run's own: cleaning then leaves them where the base is deleted."""
    base = run.config.base
    if base is None or base.sampled is None:
        return {}
    finished = {f"base_{level:02d}": stack_file(run, base, level) for level in range(len(base.stack))}
    return {"base": sampled_file(run, base)} | {name: file for name, file in finished.items() if file is not None}


def method_config(run: Run) -> Any:
    """The settings of the run's method."""
    return adapter_of(run.method.Config).validate_python(run.config.sampling)


def work_of(run: Run) -> Work:
    """What the run's method takes."""
    work: Work = method_config(run).work(len(run.story.levels), given_levels(run))
    return work


def evaluations(run: Run) -> int:
    """How many levels pass the model in the whole run, guidance counted; of a plane, how many tiles are painted."""
    if draws_plane(run.method):
        return planes.painted(run, method_config(run), given_levels(run))
    return work_of(run).evaluations * passes(run)


def sampler(run: Run, denoiser: Denoiser, state: State | None = None) -> Iterator[State]:
    """The run's sampler, from the start or from a state; everything that cannot be done is refused at once."""
    generator = torch.Generator().manual_seed(run.config.seed)
    method: MethodRun = run.method.run
    return method(denoiser, run.story.prompts(), method_config(run), scene(run), generator=generator, state=state)


def scene(run: Run) -> Scene:
    """How the run's levels lie, and what it starts from."""
    negatives = run.story.negatives() if any(run.story.negatives()) else None
    return Scene(
        run.p,
        run.focus,
        negatives,
        photo=fitted_photo(run, run.size_px),
        images=given_pictures(run, run.size_px),
        open=frozenset(() if run.config.base is None else run.config.base.open),
        seeds=seeds_of(run),
        describe=describe(run),
    )


def save_state(state: State, path: Path) -> None:
    """Write the sampler's state, whole or not at all."""
    # Clones: a method that consolidates nothing has one tensor under two names, which the format refuses.
    tensors = {name: getattr(state, name).detach().cpu().clone().contiguous() for name in _TENSORS}
    facts = {"index": state.resumes_at, "pictures": state.pictures, "records": [dict(r) for r in state.records]}
    text = json.dumps(facts)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"state": text, "sha256": _digest(tensors, text)})


def _digest(tensors: Mapping[str, torch.Tensor], facts: str) -> str:
    """SHA-256 of a state: on a failing disk it would draw wrong pictures that nobody notices."""
    digest = hashlib.sha256(facts.encode())
    for name in _TENSORS:
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_state(path: Path, device: torch.device | str = "cpu") -> State | None:
    """The state that an interrupted run left, or None. The generator's state stays on the CPU, as torch wants it."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
            told = file.metadata()
            facts = json.loads(told["state"])
            if told.get("sha256") not in (None, _digest(tensors, told["state"])):  # None: of an earlier release
                return None
            index, in_pixels, records = int(facts["index"]), bool(facts["pictures"]), tuple(facts["records"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    moved = {name: tensors[name].to(device) for name in ("z", "clean", "estimate")}
    return State(index=index, generator_state=tensors["generator_state"], pictures=in_pixels, records=records, **moved)


SAMPLING = Stage(NAME, (), sampling_inputs, make_samples, gpu=True)
