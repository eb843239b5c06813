"""AlignNoise: outpainting whose initial noise is bettered first, by the model's attention and by frequencies.

Written from a description of AlignNoise (ACM Multimedia 2025), which has no public text yet. `refine` is the plug-in
for every way of filling; the method is the outpainting engine with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Filling
from zoomlib.inpainting.alignment import Alignment, align
from zoomlib.inpainting.frequency import LowPass, refine_frequencies
from zoomlib.methods.outpaint import Config as OutpaintConfig
from zoomlib.methods.outpaint import Mode
from zoomlib.methods.outpaint import run as outpaint
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.walk import Record, State

__all__ = [
    "EXTENDS",
    "IMAGES",
    "NESTS",
    "PHOTO",
    "Config",
    "Refinement",
    "State",
    "refine",
    "run",
    "sample",
    "sample_stack",
]

PHOTO = "deepest"
IMAGES = True
EXTENDS = ("wider",)
NESTS = True


@dataclass(frozen=True)
class Refinement(Alignment, LowPass):
    """Settings of both stages (`Alignment` and `LowPass`), each of which can be left out."""

    stage_1: bool = True
    stage_2: bool = True

    def __post_init__(self) -> None:
        Alignment.__post_init__(self)
        LowPass.__post_init__(self)
        for name in ("stage_1", "stage_2", "project"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInputError(f"{name} must be true or false, but is {getattr(self, name)!r}.")


def refine(
    filling: Filling, noise: Tensor, generator: torch.Generator, config: Refinement | None = None
) -> tuple[Tensor, list[Record]]:
    """Better noise (B, C, H, W) for a filling, and a record of every look at it.

    Stage 1 (`alignment.align`) costs a gradient through the model for each of its steps and draws nothing; stage 2
    (`frequency.refine_frequencies`) costs as much as the filling itself and draws from the generator. Hand it, with
    `functools.partial` for other settings, to `refine_noise` of `inpaint`, `fill` or `outpaint.sample_stack`. Raises
    InvalidInputError, by name, for a model that shows no attention on the wanted grid.
    """
    config = Refinement() if config is None else config
    records = list[Record]()
    if config.stage_1:
        noise, found = align(filling, noise, config)
        records += found
    if config.stage_2:
        noise, found = refine_frequencies(filling, noise, generator, config)
        records += found
    return noise, records


@dataclass(frozen=True)
class Config(Refinement, OutpaintConfig):
    """Settings of outpainting and of both stages. eta is 0 here, as the noise of later steps would wash out what the
    start was bettered for."""

    eta: float = 0.0
    mode: Mode = "direct"

    def __post_init__(self) -> None:
        Refinement.__post_init__(self)
        OutpaintConfig.__post_init__(self)

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """As outpainting, and for every border the looks of stage 1, which cost three times a step each, their
        gradient counted, and another fill for stage 2."""
        plain, fill = OutpaintConfig.work(self, levels, given), self.filling().evaluations
        borders = sum(self.fills(level, levels, given) for level in range(levels - 1))
        each = self.stage_1 * 3 * (self.iterations + 1) + self.stage_2 * fill
        return replace(plain, evaluations=plain.evaluations + borders * each)


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Outpaint a scene from the deepest level out, with better noise for every border; as `zoomlib.scene.Run`.

    Raises InvalidInputError also, before any sampling, for a model without self-attention on the wanted grid.
    """
    plug_in = partial(refine, config=config)
    states = outpaint(denoiser, prompts, config, scene, generator=generator, state=state, refine_noise=plug_in)
    if config.stage_1:
        _check_attention(denoiser, prompts[:1], config)
    return states


@torch.no_grad()
def _check_attention(denoiser: Denoiser, prompts: Sequence[str], config: Config) -> None:
    """One look, to learn before the run whether the model shows what stage 1 needs."""
    z = torch.zeros(1, *denoiser.shape, device=denoiser.device)
    attentive(denoiser).attention_maps(z, denoiser.ladder(config.steps)[0], denoiser.condition(prompts), config.grid)


sample, sample_stack = keyword_forms(Config, run)
