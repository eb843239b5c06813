"""The run's model: what is asked of it when it is described, and how it is loaded and wrapped for sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tasks.model_spec import ModelSpec
from tasks.run import Run, Tools
from tasks.specs import GuidanceSpec
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser
from zoomlib.guidance import guided

USUAL_GUIDANCE, USUAL_RESCALE = 2.0, 0.7
"""Of models that say nothing of their own."""


def describe(spec: ModelSpec, tools: Tools) -> Mapping[str, Any]:
    """What the configured model, or the first of its fallbacks that is here, says of itself (`zoomlib.models`)."""
    return tools.describe(spec.name, fallbacks=spec.fallbacks, size=spec.size_px, download=spec.download)


def resolved_guidance(spec: GuidanceSpec, model: Mapping[str, Any]) -> GuidanceSpec:
    """The guidance with the model's own numbers filled in."""
    scale, rescale = model.get("guidance", USUAL_GUIDANCE), model.get("rescale", USUAL_RESCALE)
    return spec.model_copy(
        update={
            "scale": scale if spec.scale is None else spec.scale,
            "rescale": rescale if spec.rescale is None else spec.rescale,
        }
    )


def passes(run: Run) -> int:
    """How often guidance runs the model for one estimate."""
    return 1 if run.config.guidance.scale == 1 or run.model.get("distilled") else 2


def load_guided(run: Run) -> Denoiser:
    """The run's model, loaded and wrapped as its configuration says."""
    spec, guidance = run.config.model, run.config.guidance
    denoiser = run.tools.load_denoiser(
        run.model["id"], device=spec.device, dtype=getattr(torch, spec.dtype), size=spec.size_px
    )
    if isinstance(spec.rows, int):
        denoiser = Chunked(denoiser, spec.rows)
    clamp = guidance.clamp
    if clamp is None:
        clamp = run.model.get("clamp", denoiser.codec.factor == 1)
    return guided(denoiser, guidance.scale or 1.0, rescale=guidance.rescale or 0.0, clamp=clamp)
