"""The run's model: what is asked of it when it is described, and how it is loaded and wrapped for sampling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from tasks.errors import RefusedError
from tasks.machine import resolve_devices
from tasks.model_spec import ModelSpec
from tasks.run import Run, Tools
from tasks.specs import GuidanceSpec
from zoomlib.careful import Note, unheard
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser
from zoomlib.guidance import guided
from zoomlib.models.files.extra_files import Lora
from zoomlib.models.placement import Placement, usual_dtype
from zoomlib.sharding import Sharded

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SMALL_BYTES = 2**30
"""Weights below which a model runs in float32 unless told otherwise: it gains little by half precision."""
USUAL_GUIDANCE, USUAL_RESCALE = 2.0, 0.7
"""Of models that say nothing of their own."""


def describe(spec: ModelSpec, tools: Tools) -> Mapping[str, Any]:
    """What the configured model, or the first of its fallbacks that is here, says of itself (`zoomlib.models`)."""
    spec = spec.model_copy(update={"device": resolve_devices(spec.device)})
    options = {"fallbacks": spec.fallbacks, "size": spec.size_px, "download": spec.download, **changes(spec)}
    wanted = partial(tools.describe, spec.name, **options)
    model = wanted(dtype=dtype_of(spec))
    return model if dtype_of(spec, model) == dtype_of(spec) else wanted(dtype=dtype_of(spec, model))


def changes(spec: ModelSpec) -> dict[str, Any]:
    """What changes the model's weights, words and drafts, as `zoomlib.models` takes it; without what is not set."""
    loras = tuple(Lora(lora.name, lora.weight) for lora in spec.loras)
    named = (("loras", loras), ("embeddings", spec.embeddings), ("tiny_vae", spec.tiny_vae))
    return {name: given for name, given in named if given}


def dtype_of(spec: ModelSpec, model: Mapping[str, Any] | None = None) -> torch.dtype:
    """The precision in which a model runs; `auto` needs its description to know whether it is a small one."""
    if spec.dtype != "auto":
        return DTYPES[spec.dtype]
    stored = None if model is None else model.get("bytes")
    return usual_dtype(spec.devices[0], small=stored is not None and stored < SMALL_BYTES)


def resolved_model(spec: ModelSpec, model: Mapping[str, Any]) -> ModelSpec:
    """The model's settings as they hold here: devices and precision by name, nothing off-loaded from a CPU to itself.

    Raises RefusedError for a device that is not here, InvalidInputError for what does not go together.
    """
    device = resolve_devices(spec.device)
    spec = spec.model_copy(update={"device": device})
    dtype = next(name for name, kind in DTYPES.items() if kind == dtype_of(spec, model))
    on_cpu = all(torch.device(name).type == "cpu" for name in spec.devices)
    spec = spec.model_copy(update={"dtype": dtype, "offload": "none" if on_cpu else spec.offload})
    if model.get("kind") == "planes":  # the usual size follows from the story, and levels that are added have the same
        height, width = model["size_px"]
        spec = spec.model_copy(update={"size": f"{width}x{height}"})
    if len(spec.devices) > 1 and spec.compile not in ("none", "default"):
        raise RefusedError(
            f"CUDA graphs (compile={spec.compile}) are recorded by one device at a time, and there are "
            f"{len(spec.devices)}. Use model.compile=default, or one device."
        )
    for name in spec.devices:
        placement_of(spec, name)
    return spec


def placement_of(spec: ModelSpec, device: str) -> Placement:
    """Where and how a resolved model runs on one of its devices."""
    dtype = DTYPES[spec.dtype]
    return Placement(torch.device(device), dtype, spec.offload, spec.compile, spec.channels_last)


def check_steps(steps: int | None, model: Mapping[str, Any]) -> None:
    """Raise RefusedError for more steps than the model has noise levels, before weights are loaded."""
    most = model.get("most_steps")
    if steps is not None and most is not None and steps > most:
        raise RefusedError(
            f"This model knows {most} noise levels, and {steps} steps were asked for. Use --steps {most}."
        )


def resolved_guidance(spec: GuidanceSpec, model: Mapping[str, Any]) -> GuidanceSpec:
    """The guidance with the model's own numbers filled in; none at all for planes, which follow no words."""
    if model.get("kind") == "planes":
        return GuidanceSpec()
    scale, rescale = model.get("guidance", USUAL_GUIDANCE), model.get("rescale", USUAL_RESCALE)
    return spec.model_copy(
        update={
            "scale": scale if spec.scale is None else spec.scale,
            "rescale": rescale if spec.rescale is None else spec.rescale,
        }
    )


def notes_on_guidance(spec: GuidanceSpec, model: Mapping[str, Any]) -> tuple[str, ...]:
    """That guidance was asked for where nothing is guided."""
    if model.get("kind") != "planes" or spec == GuidanceSpec():
        return ()
    return ("Planes follow no words, so that nothing is guided; the settings of guidance are left out.",)


def notes_on_model(run: Run) -> tuple[str, ...]:
    """That another model draws than the one that was named first, where it does."""
    named, found = run.config.model.name, run.model["id"]
    if found == named:
        return ()
    return (f"The model {named} is not here, and could not be got; {found} draws in its place (model.fallbacks).",)


def passes(run: Run) -> int:
    """How often guidance runs the model for one estimate."""
    return 1 if run.config.guidance.scale == 1 or run.model.get("distilled") else 2


def load_guided(run: Run, on_note: Note = unheard) -> Denoiser:
    """The run's model, loaded and wrapped as its configuration says; `on_note` is told what is done otherwise."""
    spec, guidance = run.config.model, run.config.guidance
    replicas = [Chunked(_loaded(run, device, on_note), spec.rows, on_note) for device in spec.devices]
    denoiser = replicas[0] if len(replicas) == 1 else Sharded(replicas)
    clamp = guidance.clamp
    if clamp is None:
        clamp = run.model.get("clamp", denoiser.codec.factor == 1)
    return guided(denoiser, guidance.scale or 1.0, rescale=guidance.rescale or 0.0, clamp=clamp)


def _loaded(run: Run, device: str, on_note: Note) -> Denoiser:
    """The run's model on one of its devices. What is not set is not passed on: not every program's models know it."""
    spec = run.config.model
    options: dict[str, Any] = {"device": device, "dtype": DTYPES[spec.dtype], "size": spec.size_px, "on_note": on_note}
    options |= changes(spec)
    placement = placement_of(spec, device)
    if placement != Placement(placement.device, placement.dtype):
        options["placement"] = placement
    return run.tools.load_denoiser(run.model["id"], **options)
