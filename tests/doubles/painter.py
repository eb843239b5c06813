"""A model for tests of runs: quick, deterministic, different for every prompt and every state."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tasks.run import Tools
from tests.doubles.formula_planes import FormulaPlanes
from zoomlib.denoiser import Codec, Condition, IdentityCodec
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, flow_ladder

SHAPE = (3, 32, 32)


def colour(prompt: str) -> Tensor:
    """A colour (3,) in [-0.6, 0.6] that follows from the prompt."""
    digest = hashlib.sha256(prompt.encode()).digest()
    return torch.tensor([byte / 255 * 1.2 - 0.6 for byte in digest[:3]])


class Painter:
    """Estimates the prompt's colour, with a little of z in it so that every step and all noise counts."""

    device = torch.device("cpu")
    dtype = torch.float32
    codec: Codec = IdentityCodec()
    inpaints = False

    def __init__(self, seconds_per_step: float = 0.0, size: tuple[int, int] | None = None) -> None:
        self.seconds_per_step = seconds_per_step
        self.shape = SHAPE if size is None else (SHAPE[0], *size)
        self.steps = 0

    def ladder(self, steps: int) -> Ladder:
        return flow_ladder(steps)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        return Condition({"colour": torch.stack([colour(prompt) for prompt in prompts])})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        self.steps += 1
        time.sleep(self.seconds_per_step)
        return condition.rows["colour"][:, :, None, None] + 0.3 * torch.tanh(z * (1 + step.time / 1000))


class Doubler:
    """Super-resolution that repeats pixels."""

    factor = 2

    def __call__(self, images: Tensor) -> Tensor:
        return images.repeat_interleave(2, -1).repeat_interleave(2, -2)


@dataclass
class Studio:
    """Tools with the painter, counting what was loaded; `revision` and the rest can be changed between runs.

    multiple: sides of levels must be multiples of it."""

    revision: str = "r1"
    seconds_per_step: float = 0.0
    multiple: int = 1
    loaded: list[str] = field(default_factory=list)
    painters: list[Painter] = field(default_factory=list)

    def describe(self, name: str, *, size: tuple[int, int] | None = None, **options: object) -> dict:
        size = SHAPE[1:] if size is None else size
        if any(side % self.multiple for side in size):
            raise InvalidInputError(f"Both sides must be multiples of {self.multiple}.")
        return {"id": name, "revision": self.revision, "family": "painter", "factor": 1, "shape": (3, *size)} | {
            "multiple": self.multiple,
            "size_px": size,
            "most_steps": 1000,
            "upscaler": {"factor": 2, "revision": "u1"},
        }

    def load_denoiser(self, name: str, *, size: tuple[int, int] | None = None, **options: object) -> Painter:
        self.loaded.append("denoiser")
        self.painters.append(Painter(self.seconds_per_step, size))
        return self.painters[-1]

    def load_upscaler(self, name: str, **options: object) -> Doubler:
        self.loaded.append("upscaler")
        return Doubler()

    def tools(self) -> Tools:
        return Tools(
            describe=self.describe,
            load_denoiser=self.load_denoiser,
            load_upscaler=self.load_upscaler,
            describe_planes=self.describe_planes,
            load_planes=self.load_planes,
        )

    def describe_planes(self, name: str, *, size: tuple[int, int] | None = None, **options: object) -> dict:
        facts = {"kind": "planes", "axes": "horizon", "tile_px": 24, "macs": 1000.0, "flat_px": 32, "distilled": True}
        return self.describe(name, size=size) | facts | {"family": "formula", "upscaler": None}

    def load_planes(self, name: str, *, size: tuple[int, int], **options: object) -> FormulaPlanes:
        self.loaded.append("planes")
        return FormulaPlanes(size)
