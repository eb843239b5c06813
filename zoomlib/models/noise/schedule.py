"""Noise levels that models were trained on, read from a scheduler configuration of diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, Literal

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, check_steps, ddim_ladder

Spacing = Literal["trailing", "leading", "linspace"]
CONSISTENCY = ("LCMScheduler", "TCDScheduler")
"""Schedulers of models that answer at once from noise alone: a run begins there, whatever spacing they name."""
OTHER_NOISE = (
    "EDM",
    "FlowMatch",
    "CosineDPM",
    "DDPMWuerstchen",
    "VQDiffusion",
    "Karras",
    "Score",
    "Amused",
    "CogVideo",
)
"""How the names of schedulers begin whose noise does not follow from betas."""
BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2", "laplace", "sigmoid")
SPACINGS = ("trailing", "leading", "linspace")
PREDICTIONS = ("epsilon", "v_prediction", "sample")
SAYS_NOTHING = (
    "This model predicts noise, and its schedule begins with noise alone, of which that says nothing. Its scheduler's "
    "rescale_betas_zero_snr must be false, or its prediction_type v_prediction."
)


def check_betas(config: Mapping[str, Any]) -> None:
    """Raise InvalidInputError for a scheduler whose noise does not follow from known betas, or whose model predicts
    neither noise, the clean sample, nor v, or noise where a run begins with nothing else."""
    name, predicts = str(config.get("_class_name")), config.get("prediction_type", "epsilon")
    if name.startswith(OTHER_NOISE):
        raise InvalidInputError(
            f"The model's scheduler is {name}, whose noise levels do not follow from betas. A model of this "
            "architecture with such noise has no adapter here; docs/models.md lists those that have."
        )
    if predicts not in PREDICTIONS:
        raise InvalidInputError(
            f"The model's scheduler says that it predicts {predicts!r}; known here are {', '.join(PREDICTIONS)}. Its "
            "scheduler/scheduler_config.json is another model's, or the model has no adapter here."
        )
    betas, spacing = config.get("beta_schedule", "linear"), config.get("timestep_spacing", "leading")
    if spacing not in SPACINGS or (betas not in BETAS and config.get("trained_betas") is None):
        raise InvalidInputError(
            f"The model's scheduler names the betas {betas!r} and the spacing {spacing!r} of times; known here are "
            f"{', '.join(BETAS)}, and {', '.join(SPACINGS)}. Fetch the model again."
        )
    from_noise = config.get("timestep_spacing") in ("trailing", "linspace")
    if predicts == "epsilon" and from_noise and config.get("rescale_betas_zero_snr"):
        raise InvalidInputError(SAYS_NOTHING)


def spacing_of(config: Mapping[str, Any]) -> Spacing:
    """How a scheduler's times are spaced: as its configuration says, else as its class has it."""
    import diffusers

    kind = getattr(diffusers, str(config.get("_class_name")), None)
    usual = signature(kind).parameters.get("timestep_spacing") if isinstance(kind, type) else None
    spacing: Spacing = config.get("timestep_spacing", "leading" if usual is None else usual.default)
    return spacing


def most_steps(config: Mapping[str, Any]) -> int:
    """How many steps a run can have: as many as there are times, of consistency models those of the distillation."""
    if config.get("_class_name") in CONSISTENCY:
        return int(config.get("original_inference_steps", 50))
    return int(config.get("num_train_timesteps", 1000))


class VariancePreserving:
    """A model of noise in betas: DDPM, DDIM and all their kin, whatever sampler its folder names.

    Raises InvalidInputError for the configuration of another kind of noise.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import DDPMScheduler

        check_betas(config)
        name = config.get("_class_name")
        scheduler = DDPMScheduler.from_config(dict(config))
        self.alphas_cumprod: Tensor = scheduler.alphas_cumprod.double()
        self.prediction: str = scheduler.config.prediction_type
        self.spacing: Spacing = "trailing" if name in CONSISTENCY else spacing_of(config)
        self.offset = int(config.get("steps_offset", 0))

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - of flows it depends on the size
        """Noise levels of a run, spaced as the configuration says."""
        return ddim_ladder(self.alphas_cumprod, steps, self.spacing, self.offset)

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from what the model predicts: the noise, the clean sample, or v (arXiv 2202.00512)."""
        if self.prediction == "sample":
            return out
        if self.prediction == "v_prediction":
            return step.alpha * z - step.sigma * out
        if step.alpha == 0:
            raise InvalidInputError(SAYS_NOTHING)
        return (z - step.sigma * out) / step.alpha


class Flow:
    """A rectified flow, z = (1 - sigma) x + sigma eps, whose network predicts eps - x (arXiv 2209.03003).

    The noise levels are those of diffusers' `FlowMatchEulerDiscreteScheduler` itself: shifted towards noise by the
    configured shift, or by one that grows with the picture (`use_dynamic_shifting`; arXiv 2403.03206, section 5.3.2),
    and stretched to end where it says. patch: side of the network's patches in places of z; pictures are as large as
    they have patches. even: start from sigmas 1, (n - 1) / n, .. 1 / n; else from the training's times, first to last.
    Raises InvalidInputError for a scheduler that runs no such flow.
    """

    def __init__(self, config: Mapping[str, Any], patch: int = 2, *, even: bool = True) -> None:
        from diffusers import FlowMatchEulerDiscreteScheduler

        named = str(config.get("_class_name", "FlowMatchEulerDiscreteScheduler"))
        if not named.startswith("FlowMatch") or config.get("invert_sigmas"):
            raise InvalidInputError(
                f"The scheduler {named} of this model is not read here as a flow. Expected a "
                "FlowMatchEulerDiscreteScheduler without invert_sigmas in scheduler/scheduler_config.json."
            )
        self.scheduler: Any = FlowMatchEulerDiscreteScheduler.from_config(dict(config))
        self.patch, self.even = patch, even

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:
        """Noise levels of a run over z of that height and width."""
        check_steps(steps)
        sigmas = [1 - k / steps for k in range(steps)] if self.even else None
        config = self.scheduler.config
        shift = {"mu": self.size_shift(size)} if config.use_dynamic_shifting else {}
        self.scheduler.set_timesteps(None if self.even else steps, sigmas=sigmas, **shift)
        sigma = self.scheduler.sigmas.double()
        return Ladder(1 - sigma, sigma, torch.cat([self.scheduler.timesteps.double(), torch.zeros(1).double()]))

    def size_shift(self, size: tuple[int, int]) -> float:
        """How far noise levels are shifted for z of that height and width: on a line through two numbers of patches."""
        config = self.scheduler.config
        few, many = config.base_image_seq_len, config.max_image_seq_len
        share = ((size[0] // self.patch) * (size[1] // self.patch) - few) / (many - few)
        return float(config.base_shift + share * (config.max_shift - config.base_shift))

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from the predicted velocity."""
        return z - step.sigma * out


class SolverFlow(Flow):
    """A flow whose noise levels are those of diffusers' `DPMSolverMultistepScheduler` with `use_flow_sigmas`.

    Raises InvalidInputError for another scheduler, and for sigmas of another spacing.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import DPMSolverMultistepScheduler

        spacings = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")
        named = str(config.get("_class_name"))
        if named != "DPMSolverMultistepScheduler" or any(config.get(spacing) for spacing in spacings):
            raise InvalidInputError(
                f"The scheduler {named} of this model is not read here as a flow. Expected a "
                "DPMSolverMultistepScheduler whose only spacing is use_flow_sigmas."
            )
        whole = dict(config) | {"final_sigmas_type": "zero"}  # a ladder ends clean
        self.scheduler: Any = DPMSolverMultistepScheduler.from_config(whole)

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - its shift is always the same
        """Noise levels of a run; the network's times are whole numbers, as its pipeline has them."""
        check_steps(steps)
        self.scheduler.set_timesteps(steps)
        sigma = self.scheduler.sigmas.double()
        return Ladder(1 - sigma, sigma, torch.cat([self.scheduler.timesteps.double(), torch.zeros(1).double()]))


def flow_of(config: Mapping[str, Any], patch: int = 2, *, even: bool = True) -> Flow:
    """The flow that a scheduler's configuration describes, by whichever of the two kinds of scheduler."""
    return SolverFlow(config) if config.get("use_flow_sigmas") else Flow(config, patch, even=even)
