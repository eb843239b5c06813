"""The sampling stage: levels by the run's method, resumable at the step where it was killed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tasks.events import Listener, StageMoved, StageStarted
from tasks.photo import fitted_photo
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from tasks.store import replacing
from tasks.versions import versions
from zoomlib.denoiser import Chunked, Denoiser, Guided
from zoomlib.methods.joint import State

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
    left = load_state(checkpoint, denoiser.device)
    steps = int(run.config.sampling["steps"])
    unit = f"steps, {len(run.story.levels)} levels"
    on_event(StageStarted(NAME, steps, unit, done=left.index if left else 0))
    states = [left] if left else []
    began = time.perf_counter()
    for state in run.method.sample(denoiser, run.story.prompts(), **sampling_arguments(run), state=left):
        save_state(state, checkpoint)
        on_event(StageMoved(NAME, state.index))
        states = [state]
    steps_made = states[0].index - (left.index if left else 0)
    pace = (time.perf_counter() - began) / (steps_made * evaluations_per_step(run)) if steps_made else None
    levels, estimate = (_pixels(denoiser, tensor) for tensor in (states[0].clean, states[0].estimate))
    file = work / "sampled.safetensors"
    save_file({"levels": levels, "estimate": estimate}, file)
    facts = {"shape": list(levels.shape), "device": str(denoiser.device), "versions": versions()}
    return Made({"sampled": file}, facts | {"evaluation_s": pace})


def evaluations_per_step(run: Run) -> int:
    """How many levels the model sees in a step, guidance counted."""
    return len(run.story.levels) * (1 if run.config.guidance.scale == 1 else 2)


def load_guided(run: Run) -> Denoiser:
    """The run's model, loaded and wrapped as its configuration says."""
    spec, guidance = run.config.model, run.config.guidance
    denoiser = run.tools.load_denoiser(spec.name, device=spec.device, dtype=getattr(torch, spec.dtype))
    if spec.rows:
        denoiser = Chunked(denoiser, spec.rows)
    clamp = denoiser.codec.factor == 1 if guidance.clamp is None else guidance.clamp
    return Guided(denoiser, guidance.scale, rescale=guidance.rescale, clamp=clamp)


def sampling_arguments(run: Run) -> dict[str, Any]:
    """What the method's `sample` takes besides denoiser and prompts."""
    photo = fitted_photo(run, run.shape[1:])
    return {
        **run.config.sampling,
        "p": run.p,
        "negatives": run.story.negatives() if any(run.story.negatives()) else None,
        "focus": run.focus,
        "generator": torch.Generator().manual_seed(run.config.seed),
        **({} if photo is None else {"photo": photo}),  # not every method takes one
    }


def save_state(state: State, path: Path) -> None:
    """Write the sampler's state, whole or not at all."""
    # Clones: a method that consolidates nothing has one tensor under two names, which the format refuses.
    tensors = {name: getattr(state, name).detach().cpu().clone().contiguous() for name in _TENSORS}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"index": str(state.index)})


def load_state(path: Path, device: torch.device | str = "cpu") -> State | None:
    """The state that an interrupted run left, or None. The generator's state stays on the CPU, as torch wants it."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
            index = int(file.metadata()["index"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    moved = {name: tensors[name].to(device) for name in ("z", "clean", "estimate")}
    return State(index=index, generator_state=tensors["generator_state"], **moved)


def _pixels(denoiser: Denoiser, tensor: Tensor) -> Tensor:
    return denoiser.codec.decode(tensor).float().cpu().clone().contiguous()


SAMPLING = Stage(NAME, (), sampling_inputs, make_samples)
