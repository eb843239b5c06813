"""One level to be drawn so that it agrees with the window of the wider one and shows a deeper one that is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Condition, Denoiser
from zoomlib.inpainting.seam import join
from zoomlib.ladder import Step
from zoomlib.magnifier import Magnifier
from zoomlib.walk import Consolidate, State, walk

_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Above:
    """The wider level's window, `shown` (3, h, w), through its glass; weight, (h, w) or 1.0: how it binds, 0 to 1;
    whole: the share of the steps for which it binds as a whole, whatever the weight."""

    glass: Magnifier
    shown: Tensor
    weight: Tensor | float = 1.0
    whole: float = 1.0

    def goal(self, deep: Tensor, whole: bool = False) -> Tensor:
        """What a deep level (..., 3, H, W) should show in the window, as far as that binds it."""
        if whole or isinstance(self.weight, float):
            return self.shown
        seen = self.glass.shrink(deep)
        return torch.lerp(seen, self.shown.to(seen), self.weight.to(seen))


@dataclass(frozen=True, eq=False)
class Enlarging:
    """The problem of one level.

    prompts, negatives: one text each, or no negatives. canvas: (3, H, W) on the CPU, what is there before. mask:
    (1, H, W), 0 where the canvas stays, as it shows a deeper level. above: the window that the level agrees with and
    whose enlargement the canvas is; without one the level begins with noise.
    """

    denoiser: Denoiser
    prompts: Sequence[str]
    negatives: Sequence[str] | None
    canvas: Tensor
    mask: Tensor
    above: Above | None

    def states(self, steps: int, made: int, eta: float, generator: torch.Generator) -> Iterator[State]:
        """Draw the level: the last `made` of that many steps from the noised canvas, or all of them from noise."""
        known, state = self._encoded(), None
        if self.above is not None:
            now = self.denoiser.ladder(steps)[steps - made]
            z = now.alpha * known + now.sigma * self._noise(generator).to(known.device)
            state = State(now.index, z, known, known, generator.get_state())
        for until, hold in self._phases(steps, made, known):
            walked = walk(
                self.denoiser,
                self._condition(),
                steps=steps,
                eta=eta,
                draw=self._noise,
                consolidate=hold,
                generator=generator,
                state=state,
            )
            for reached in islice(walked, until - (0 if state is None else state.index)):
                state = reached
                yield state

    def picture(self, clean: Tensor) -> tuple[Tensor, float | None]:
        """The level of the last state in pixels, in [-1, 1], and its largest distance from the window that binds it."""
        made = self.denoiser.codec.decode(clean)[0].float().cpu().clamp(-1, 1)
        made = self._inset(join(made[None], self.canvas[None], self.mask[None])[0][0].clamp(-1, 1))
        if self.above is None:
            return made, None
        glass, goal = self.above.glass, self.above.goal(made)
        for _ in range(_ROUNDS if self._framed else 1):
            made = self._inset(glass.confine(made, goal))
        return made, float((glass.shrink(made) - goal).abs().max())

    @property
    def _framed(self) -> bool:
        """Whether the level shows a deeper one."""
        return not bool(self.mask.all())

    def _inset(self, made: Tensor) -> Tensor:
        return torch.where(self.mask > 0, made, self.canvas)

    def _noise(self, generator: torch.Generator) -> Tensor:
        return torch.randn(1, *self.denoiser.shape, generator=generator, device=generator.device)

    def _encoded(self) -> Tensor:
        return self.denoiser.codec.encode(self.canvas[None].to(self.denoiser.device)).float()

    def _condition(self) -> Condition:
        if not (self._framed and self.denoiser.inpaints):
            return self.denoiser.condition(self.prompts, self.negatives)
        told = {name: x[None].to(self.denoiser.device) for name, x in (("image", self.canvas), ("mask", self.mask))}
        return self.denoiser.condition(self.prompts, self.negatives, **told)

    def _phases(self, steps: int, made: int, known: Tensor) -> list[tuple[int, Consolidate]]:
        """Up to which step the level is held in which way."""
        until_end = (steps, self._hold(known, whole=False))
        if self.above is None or isinstance(self.above.weight, float):
            return [until_end]
        return [(steps - made + round(self.above.whole * made), self._hold(known, whole=True)), until_end]

    def _hold(self, known: Tensor, whole: bool) -> Consolidate:
        unknown = F.max_pool2d(self.mask[None].to(known.device), self.denoiser.codec.factor)
        # Latents have no means over areas of pixels: they meet the window at the end.
        above = self.above if self.denoiser.codec.factor == 1 else None

        def hold(clean: Tensor, _: Step) -> Tensor:
            agreed = clean if above is None else above.glass.project(clean, above.goal(clean, whole).to(clean))
            return torch.lerp(known, agreed, unknown)

        return hold
