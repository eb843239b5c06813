"""Prompts written by looking: the vision model of a run, as the function that a scene takes."""

from __future__ import annotations

import io
from dataclasses import fields
from types import ModuleType
from typing import TYPE_CHECKING

from torch import Tensor

from tasks import environment
from tasks.errors import RefusedError
from tasks.run import Run
from tasks.specs import RunConfig, VisionSpec
from zoomlib.images import to_pil
from zoomlib.scene import Describe

if TYPE_CHECKING:
    from prompts.service.budget import Spent


def looks(method: ModuleType) -> bool:
    """Whether a method writes prompts by looking at pictures itself."""
    return any(field.name == "looking" for field in fields(method.Config))


def resolve_vision(config: RunConfig, method: ModuleType) -> VisionSpec:
    """The run's vision model, that of the environment where the method can use one and none is named.

    One that only looks at drafts, or says what a photograph shows, has made the story and is no part of the run. Raises
    RefusedError where one is named and nothing has a use for it.
    """
    spec = config.vision
    if looks(method):
        return spec.model_copy(update={"model": spec.model or environment.read().vision_model})
    if spec.model is not None and not config.plan.refine and config.photo is None:
        raise RefusedError(
            f"Method {config.method} does not look at pictures. Leave vision.model out, use superres, refine the story "
            "by looking at drafts (--refine 2), or begin with a photograph (--photo)."
        )
    return spec.model_copy(update={"model": None})


def describe(run: Run) -> Describe | None:
    """The function that writes a level's prompt from two views; None where the run has no vision model.

    Nothing is asked yet. Raises RefusedError where the service cannot be used, as without a key.
    """
    service = None if run.config.vision.model is None else run.services.vision()
    if service is None:
        return None
    from prompts.seeing.looking import look_with

    look = look_with(service)
    return lambda previous, present, level: look(png(previous), png(present), level)


def spent(run: Run) -> Spent | None:
    """What the command's services have taken so far; None for a run that looks at nothing."""
    return None if run.config.vision.model is None else run.services.spent


def png(picture: Tensor) -> bytes:
    """A picture (3, H, W) in [-1, 1] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    to_pil(picture).save(buffer, format="PNG")
    return buffer.getvalue()
