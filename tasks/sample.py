"""The sampling stage: levels by the run's method, resumable at the step where it was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tasks.events import Listener, StageMoved, StageStarted
from tasks.photo import fitted_photo
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from tasks.store import replacing
from tasks.versions import versions
from zoomlib.denoiser import Chunked, Denoiser, Guided
from zoomlib.scene import Run as MethodRun
from zoomlib.scene import Scene, Work, pictures
from zoomlib.walk import State

NAME = "sampling"
_TENSORS = ("z", "clean", "estimate", "generator_state")


def sampling_inputs(run: Run, _results: Results) -> Json:
    """Everything that the sampled levels depend on, except the machine."""
    return {
        "prompts": list(run.story.prompts()),
        "negatives": list(run.story.negatives()),
        "p": run.p,
        "focus": plain_focus(run),
        "photo": run.photo_sha256,
        "method": run.config.method,
        "sampling": run.config.sampling,
        "guidance": run.config.guidance.model_dump(mode="json"),
        "seed": run.config.seed,
        "model": run.model["id"],
        "revision": run.model["revision"],
        "dtype": run.config.model.dtype,
    }


def plain_focus(run: Run) -> Json:
    """The focus of every level as lists, or None."""
    return None if run.focus is None else [None if point is None else list(point) for point in run.focus]


def make_samples(run: Run, _results: Results, work: Path, on_event: Listener) -> Made:
    """Sample the levels, writing the sampler's state after every step; goes on from the state found in `work`."""
    checkpoint = work / "state.safetensors"
    denoiser = load_guided(run)
    left = last = load_state(checkpoint, denoiser.device)
    steps, unit = work_of(run).steps, f"steps, {len(run.story.levels)} levels"
    on_event(StageStarted(NAME, steps, unit, done=left.index if left else 0))
    began = time.perf_counter()
    for state in sampler(run, denoiser, left):
        if last is None or state.resumes_at > last.resumes_at or state.index == steps:
            save_state(state, checkpoint)
        on_event(StageMoved(NAME, state.index))
        last = state
    if last is None:
        raise ValueError(f"Method {run.config.method} made no step.")
    steps_made = last.index - (left.index if left else 0)
    pace = (time.perf_counter() - began) / (steps_made / steps * evaluations(run)) if steps_made else None
    return _made(last, denoiser, work, {"evaluation_s": pace})


def _made(state: State, denoiser: Denoiser, work: Path, facts: dict[str, Json]) -> Made:
    levels, estimate = (x.clone().contiguous() for x in pictures(denoiser, state))
    file = work / "sampled.safetensors"
    save_file({"levels": levels, "estimate": estimate}, file)
    facts |= {"shape": list(levels.shape), "device": str(denoiser.device), "versions": versions()}
    return Made({"sampled": file}, facts | {"records": [dict(record) for record in state.records]})


def work_of(run: Run) -> Work:
    """What the run's method takes."""
    config: Any = run.method.Config(**run.config.sampling)
    work: Work = config.work(len(run.story.levels))
    return work


def evaluations(run: Run) -> int:
    """How many levels pass the model in the whole run, guidance counted."""
    return work_of(run).evaluations * (1 if run.config.guidance.scale == 1 else 2)


def load_guided(run: Run) -> Denoiser:
    """The run's model, loaded and wrapped as its configuration says."""
    spec, guidance = run.config.model, run.config.guidance
    denoiser = run.tools.load_denoiser(spec.name, device=spec.device, dtype=getattr(torch, spec.dtype))
    if spec.rows:
        denoiser = Chunked(denoiser, spec.rows)
    clamp = denoiser.codec.factor == 1 if guidance.clamp is None else guidance.clamp
    return Guided(denoiser, guidance.scale, rescale=guidance.rescale, clamp=clamp)


def sampler(run: Run, denoiser: Denoiser, state: State | None = None) -> Iterator[State]:
    """The run's sampler, from the start or from a state; everything that cannot be done is refused at once."""
    config = run.method.Config(**run.config.sampling)
    generator = torch.Generator().manual_seed(run.config.seed)
    method: MethodRun = run.method.run
    return method(denoiser, run.story.prompts(), config, scene(run), generator=generator, state=state)


def scene(run: Run) -> Scene:
    """How the run's levels lie, and what it starts from."""
    negatives = run.story.negatives() if any(run.story.negatives()) else None
    return Scene(run.p, run.focus, negatives, photo=fitted_photo(run, run.shape[1:]))


def save_state(state: State, path: Path) -> None:
    """Write the sampler's state, whole or not at all."""
    # Clones: a method that consolidates nothing has one tensor under two names, which the format refuses.
    tensors = {name: getattr(state, name).detach().cpu().clone().contiguous() for name in _TENSORS}
    facts = {"index": state.resumes_at, "pictures": state.pictures, "records": [dict(r) for r in state.records]}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"state": json.dumps(facts)})


def load_state(path: Path, device: torch.device | str = "cpu") -> State | None:
    """The state that an interrupted run left, or None. The generator's state stays on the CPU, as torch wants it."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
            facts = json.loads(file.metadata()["state"])
            index, in_pixels, records = int(facts["index"]), bool(facts["pictures"]), tuple(facts["records"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    moved = {name: tensors[name].to(device) for name in ("z", "clean", "estimate")}
    return State(index=index, generator_state=tensors["generator_state"], pictures=in_pixels, records=records, **moved)


SAMPLING = Stage(NAME, (), sampling_inputs, make_samples)
