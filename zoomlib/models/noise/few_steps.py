"""Models that were distilled to few steps, known by their scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoomlib.models.noise.schedule import CONSISTENCY


@dataclass(frozen=True)
class Quick:
    """What suits a model that was distilled to few steps."""

    steps: int
    guidance: float


def few_steps(scheduler: Mapping[str, Any], distilled: bool) -> Quick | None:
    """Whether a model was made for few steps, by its scheduler's configuration; `distilled`: it takes a guidance scale.

    Consistency models (arXiv 2310.04378) name their scheduler. Adversarial distillations (arXiv 2311.17042, Turbo, and
    arXiv 2402.13929, Lightning) come with an Euler scheduler whose times trail, which models of noise otherwise do not.
    """
    name = str(scheduler.get("_class_name"))
    if name in CONSISTENCY:
        return Quick(4, 8.0 if distilled else 1.0)
    trails = name.startswith("Euler") and scheduler.get("timestep_spacing") == "trailing"
    plain = scheduler.get("prediction_type", "epsilon") != "v_prediction" and not scheduler.get(
        "rescale_betas_zero_snr"
    )
    return Quick(4, 1.0) if trails and plain else None
