"""Which noise a latent diffusion model knows, by its scheduler's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoomlib.models.backbone import Schedule
from zoomlib.models.noise.consistency import Consistency
from zoomlib.models.noise.edm import Edm
from zoomlib.models.noise.schedule import CONSISTENCY, VariancePreserving, check_betas, most_steps

EDM = ("EDMEulerScheduler", "EDMDPMSolverMultistepScheduler")


def check_noise(config: Mapping[str, Any]) -> None:
    """Raise InvalidInputError, by name, for a scheduler of another kind of noise; nothing is imported to know it."""
    if config.get("_class_name") not in EDM:
        check_betas(config)


def most(config: Mapping[str, Any]) -> int | None:
    """How many steps a run can have; None where there is no bound."""
    return None if config.get("_class_name") in EDM else most_steps(config)


def noise_of(config: Mapping[str, Any]) -> Schedule:
    """Noise levels and what predictions mean."""
    name = config.get("_class_name")
    if name in EDM:
        return Edm(config)
    return Consistency(config) if name in CONSISTENCY else VariancePreserving(config)
