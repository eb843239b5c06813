"""A picture with a part to be made: one inpainting problem, as every way of solving it sees it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Condition, Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting.langevin import Langevin, relax
from zoomlib.inpainting.renoise import at_level, back
from zoomlib.inpainting.seam import join
from zoomlib.ladder import Step, check_eta, check_steps, update
from zoomlib.noise import draw_seed, own_noise
from zoomlib.walk import Record, State, fresh, last, picture_shape

Conditioning = Literal["auto", "native", "renoise", "langevin"]


@dataclass(frozen=True)
class Config:
    """How a masked part is made.

    steps, eta: of the sampler. conditioning: `native` (the model's own inpainting input), `renoise` (kept places
    re-noised at every step, for any model), `langevin` (with Langevin steps at every noise level, for any model),
    `auto`, which is native where the model can and renoise where not. resampling: how often every step is taken, going
    back by noising in between (RePaint, arXiv 2201.09865). strength: the share of the steps that is walked, the last
    ones; below 1 the part starts from what stands there before, noised. langevin: settings of the Langevin steps.
    """

    steps: int = 40
    eta: float = 1.0
    conditioning: Conditioning = "auto"
    resampling: int = 1
    strength: float = 1.0
    langevin: Langevin = field(default_factory=Langevin)

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        if self.conditioning not in get_args(Conditioning):
            raise InvalidInputError(
                f"conditioning must be one of {', '.join(get_args(Conditioning))}, but is {self.conditioning!r}."
            )
        if (
            isinstance(self.resampling, bool)
            or not isinstance(self.resampling, int)
            or not 1 <= self.resampling <= 1000
        ):
            raise InvalidInputError(f"resampling must be a whole number of 1 to 1000, but is {self.resampling!r}.")
        if isinstance(self.strength, bool) or not isinstance(self.strength, int | float) or not 0 < self.strength <= 1:
            raise InvalidInputError(f"strength must lie above 0 and be at most 1, but is {self.strength!r}.")

    @property
    def made(self) -> int:
        """The steps that are walked: states of a filling."""
        return max(1, round(self.steps * self.strength))

    @property
    def evaluations(self) -> int:
        """How often a picture passes the model, guidance not counted."""
        inner = self.langevin
        levels = max(self.made - inner.early_stop, 0) if self.conditioning == "langevin" else 0
        return self.made * self.resampling + levels * inner.inner_steps


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

    @property
    def start(self) -> int:
        """The step of the ladder that the walk begins with."""
        return self.config.steps - self.config.made

    def begin(self, noise: Tensor) -> Tensor:
        """z at the first step, from noise of unit variance."""
        first = self.denoiser.ladder(self.config.steps)[self.start]
        noise = noise.to(self.denoiser.device)
        given = at_level(self.known, first, noise)
        # Of what stands nowhere yet we know that its variance is 1: noise of that variance stands for it.
        return given if self.start else torch.lerp(given, noise * math.hypot(first.alpha, first.sigma), self.unknown)

    @torch.no_grad()
    def states(self, noise: Tensor, generator: torch.Generator) -> Iterator[State]:
        """Make the part, starting from `noise`; yields the state after every step that is walked."""
        ladder, config, z = self.denoiser.ladder(self.config.steps), self.config, self.begin(noise)
        for k in range(self.start, config.steps):
            now, then = ladder[k], ladder[k + 1]
            for again in range(config.resampling):
                if again:
                    z = back(z, now, then, self._noise(generator))
                if again or k > self.start:
                    z = self._renoised(z, now, generator)
                z, estimate = self._estimated(z, now, generator, inner=not again)
                # What is kept takes part in every step as it is: what is made joins it and not the model's copy of it.
                clean = torch.lerp(self.known, estimate, self.unknown)
                z = update(z, clean, now, then, config.eta, fresh(z, then, config.eta, self.draw, generator))
            yield State(k + 1, z, clean, estimate, generator.get_state())

    def _noise(self, generator: torch.Generator) -> Tensor:
        return self.draw(generator).to(self.denoiser.device)

    def _renoised(self, z: Tensor, now: Step, generator: torch.Generator) -> Tensor:
        """z with its known places noised anew, where the configuration says so."""
        if self.config.conditioning != "renoise":
            return z
        return torch.lerp(at_level(self.known, now, self._noise(generator)), z, self.unknown)

    def _estimated(self, z: Tensor, now: Step, generator: torch.Generator, inner: bool) -> tuple[Tensor, Tensor]:
        """z, after Langevin steps where the configuration says so, and the model's estimate of it."""
        settings = self.config.langevin
        inner = inner and self.config.conditioning == "langevin"
        if not inner or now.index + settings.early_stop >= self.config.steps:
            return z, self.denoiser.predict_clean(z, now, self.condition)
        return relax(
            z,
            now,
            known=self.known,
            unknown=self.unknown,
            predict=lambda z: self.denoiser.predict_clean(z, now, self.condition),
            draw=lambda: self._noise(generator),
            settings=settings,
        )

    def picture(self, clean: Tensor) -> Tensor:
        """The filled pictures, float32 (B, 3, H, W) on the CPU: kept pixels bit for bit, the rest joined to them."""
        return self.joined(clean)[0]

    def joined(self, clean: Tensor) -> tuple[Tensor, tuple[Record, ...]]:
        """As `picture`, with a record of what was corrected, for each picture of the batch."""
        made = self.denoiser.codec.decode(clean).float()
        filled, records = join(made, self.image, self.mask)
        return torch.where(self.mask > 0, filled.clamp(-1, 1), self.image), records


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
    if config.conditioning == "auto":
        config = replace(config, conditioning="native" if denoiser.inpaints else "renoise")
    if not bool(image.isfinite().all()):
        raise InvalidInputError("The image holds values that are not finite. Pass pixels in [-1, 1], also to be made.")
    native = config.conditioning == "native"
    if native and not denoiser.inpaints:
        raise InvalidInputError(
            f"conditioning native expects a model with {denoiser.shape[0] + 1} input channels more than its "
            f"{denoiser.shape[0]}, for a mask and a kept picture; this one has none. Use auto, renoise or langevin."
        )
    told = {"image": image.to(denoiser.device), "mask": mask.to(denoiser.device)} if native else {}
    condition = denoiser.condition(prompts, negatives, **told)
    known = denoiser.codec.encode(image.to(denoiser.device)).float()
    unknown = F.max_pool2d(mask.to(denoiser.device), denoiser.codec.factor)
    return Filling(denoiser, condition, image, mask, known, unknown, config)


def fill(
    filling: Filling, generator: torch.Generator, refine_noise: RefineNoise | None = None
) -> tuple[Tensor, Sequence[Record]]:
    """The filled pictures and all records, the plug-in's and the border's: one draw for the initial noise, then the
    sampler's."""
    records: Sequence[Record] = ()
    noise = filling.draw(generator)
    if refine_noise is not None:
        noise, records = refine_noise(filling, noise, generator)
    pictures, joins = filling.joined(last(filling.states(noise, generator)).clean)
    return pictures, (*records, *joins)
