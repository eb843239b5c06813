"""A picture with a part to be made: one inpainting problem, as every way of solving it sees it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Condition, Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting.seam import join
from zoomlib.ladder import check_eta, check_steps, update
from zoomlib.noise import draw_seed, own_noise
from zoomlib.walk import Record, State, fresh, last, picture_shape

Conditioning = Literal["auto", "native", "renoise"]


@dataclass(frozen=True)
class Config:
    """How a masked part is made.

    steps, eta: of the sampler. conditioning: `native` (the model's own inpainting input), `renoise` (known pixels put
    back at every step, for any model), `auto`, which is native where the model can.
    """

    steps: int = 40
    eta: float = 1.0
    conditioning: Conditioning = "auto"

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        if self.conditioning not in get_args(Conditioning):
            raise InvalidInputError(
                f"conditioning must be one of {', '.join(get_args(Conditioning))}, but is {self.conditioning!r}."
            )


@dataclass(frozen=True, eq=False)
class Filling:
    """Pictures with a part to be made, ready for sampling.

    image: (B, 3, H, W) in [-1, 1] on the CPU; where the mask is 1, it is what stands there before. mask: (B, 1, H, W),
    1 where pixels are to be made, 0 where they are kept. known, unknown: the same in the model's space, on its device;
    a place there is unknown as soon as one of its pixels is.
    """

    denoiser: Denoiser
    condition: Condition
    image: Tensor
    mask: Tensor
    known: Tensor
    unknown: Tensor
    config: Config

    def draw(self, generator: torch.Generator) -> Tensor:
        """White noise like z, (B, C, h, w), by one draw; a picture's own depends on its place in the batch only."""
        return own_noise(range(len(self.image)), self.denoiser.shape, draw_seed(generator), generator.device)

    def begin(self, noise: Tensor) -> Tensor:
        """z at the first step, from noise of unit variance."""
        first = self.denoiser.ladder(self.config.steps)[0]
        return noise.to(self.denoiser.device) * math.hypot(first.alpha, first.sigma)

    @torch.no_grad()
    def states(self, noise: Tensor, generator: torch.Generator) -> Iterator[State]:
        """Make the part, starting from `noise`; yields the state after every step of the ladder."""
        ladder, eta, z = self.denoiser.ladder(self.config.steps), self.config.eta, self.begin(noise)
        for k in range(self.config.steps):
            estimate = self.denoiser.predict_clean(z, ladder[k], self.condition)
            # What is kept takes part in every step as it is: what is made joins it and not the model's copy of it.
            clean = torch.lerp(self.known, estimate, self.unknown)
            z = update(z, clean, ladder[k], ladder[k + 1], eta, fresh(z, ladder[k + 1], eta, self.draw, generator))
            yield State(k + 1, z, clean, estimate, generator.get_state())

    def picture(self, clean: Tensor) -> Tensor:
        """The filled pictures, float32 (B, 3, H, W) on the CPU: kept pixels bit for bit, the border softened."""
        made = self.denoiser.codec.decode(clean).float().cpu()
        return torch.where(self.mask > 0, join(made, self.image, self.mask).clamp(-1, 1), self.image)


RefineNoise = Callable[[Filling, Tensor, torch.Generator], tuple[Tensor, Sequence[Record]]]
"""A plug-in: from a filling and the noise that it would start from to better noise, and the records of its steps."""


def prepare(
    denoiser: Denoiser,
    prompts: Sequence[str],
    image: Tensor,
    mask: Tensor,
    config: Config,
    negatives: Sequence[str] | None = None,
) -> Filling:
    """The filling of `image` (B, 3, H, W) in [-1, 1] where `mask` (B, 1, H, W) is 1, a prompt for each picture.

    Raises InvalidInputError for other shapes and values, and where the model cannot do what the configuration asks.
    """
    B, (_, H, W) = len(prompts), picture_shape(denoiser)
    if image.shape != (B, 3, H, W) or mask.shape != (B, 1, H, W):
        raise InvalidInputError(
            f"Expected an image ({B}, 3, {H}, {W}) and a mask ({B}, 1, {H}, {W}), one for each prompt; got "
            f"{tuple(image.shape)} and {tuple(mask.shape)}. Resize them to the model's size."
        )
    image, mask = image.float().cpu(), mask.float().cpu()
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise InvalidInputError("A mask is 1 where pixels are to be made and 0 where they are kept, nothing between.")
    native = denoiser.inpaints if config.conditioning == "auto" else config.conditioning == "native"
    if native and not denoiser.inpaints:
        raise InvalidInputError("This model has no inpainting input. Use conditioning auto or renoise.")
    told = {"image": image.to(denoiser.device), "mask": mask.to(denoiser.device)} if native else {}
    condition = denoiser.condition(prompts, negatives, **told)
    known = denoiser.codec.encode(image.to(denoiser.device)).float()
    unknown = F.max_pool2d(mask.to(denoiser.device), denoiser.codec.factor)
    return Filling(denoiser, condition, image, mask, known, unknown, config)


def fill(
    filling: Filling, generator: torch.Generator, refine_noise: RefineNoise | None = None
) -> tuple[Tensor, Sequence[Record]]:
    """The filled pictures and the records of the plug-in: one draw for the initial noise, then the sampler's."""
    records: Sequence[Record] = ()
    noise = filling.draw(generator)
    if refine_noise is not None:
        noise, records = refine_noise(filling, noise, generator)
    return filling.picture(last(filling.states(noise, generator)).clean), records
