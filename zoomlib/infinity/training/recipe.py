"""How generators of planes are trained: every number of it, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import TINY, TINY_DISCRIMINATOR, DiscriminatorConfig, GeneratorConfig


@dataclass(frozen=True)
class Recipe:
    """A training.

    full_px: side of the pictures that patches are cut from. The crop may start anywhere in them, and one pixel of them
    is one pixel of the plane. r1_every, path_every: steps from one penalty to the next, 0 for none. ema: decay a step,
    ema_warm_up: steps over which it grows towards that. r1, path, diversity, auxiliary: weights of these terms.
    style_mixing: chance that a batch has two global latents, from a random layer on the other one. precision: of the
    passes through the networks; penalties and sums are float32.
    """

    generator: GeneratorConfig = TINY
    discriminator: DiscriminatorConfig = TINY_DISCRIMINATOR
    data: str = "landscapes"
    full_px: int = 101
    iterations: int = 10_000
    batch: int = 8
    seed: int = 0
    learning_rate: float = 2e-3
    beta: float = 0.99
    r1: float = 1.0
    r1_every: int = 16
    path: float = 2.0
    path_every: int = 0
    path_from: int = 0
    diversity: float = 0.1
    auxiliary: float = 1.0
    style_mixing: float = 0.0
    ema: float = 0.998
    ema_warm_up: int = 200
    flip: bool = True
    precision: str = "float32"
    checkpoint_steps: int = 250
    sheet_steps: int = 500

    def __post_init__(self) -> None:
        if self.batch < 2 or self.batch % 2:
            raise InvalidInputError(
                f"batch must be even, as latents come in pairs, but is {self.batch}. Take 8, or 16."
            )
        if self.full_px < self.generator.patch_px or self.discriminator.patch_px != self.generator.patch_px:
            raise InvalidInputError(
                f"The generator makes patches of {self.generator.patch_px} px; the discriminator reads "
                f"{self.discriminator.patch_px} px, and pictures are of {self.full_px} px. Make the discriminator's "
                "patch_px the same, and full_px at least that."
            )
        if self.precision not in ("float32", "bfloat16"):
            raise InvalidInputError(f"precision is float32 or bfloat16, not {self.precision!r}.")
        if min(self.iterations, self.checkpoint_steps, self.sheet_steps) < 1 or self.learning_rate <= 0:
            raise InvalidInputError("iterations, checkpoint_steps, sheet_steps and learning_rate must be above 0.")

    @property
    def rows_px(self) -> int:
        """How far down a patch may start in a picture."""
        return self.full_px - self.generator.patch_px

    @property
    def shift_cells(self) -> float:
        """How far above or below the horizon the centre of a made patch may lie, as real ones do."""
        return self.rows_px / 2 / float(2**self.generator.blocks)

    def as_json(self) -> dict[str, Any]:
        """Plain values by name."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {"generator": self.generator.as_json(), "discriminator": self.discriminator.as_json()}


def _gpu() -> Recipe:
    """Twenty minutes of one large GPU (an estimate; it was never run): the paper's shape at half its width."""
    return Recipe(
        generator=GeneratorConfig(local=128, texture=(256,) * 4),
        discriminator=DiscriminatorConfig(channels=(64, 128, 256, 256, 256, 256)),
        full_px=197,
        iterations=30_000,
        batch=32,
        r1=10.0,
        path_every=4,
        path_from=5_000,
        diversity=1.0,
        style_mixing=0.9,
        precision="bfloat16",
        checkpoint_steps=500,
        sheet_steps=1_000,
    )


def _paper() -> Recipe:
    """The paper's training: 800,000 iterations of patches of 101 px out of 197; days of one GPU."""
    return Recipe(
        generator=GeneratorConfig(),
        discriminator=DiscriminatorConfig(),
        full_px=197,
        iterations=800_000,
        batch=16,
        r1=10.0,
        path_every=4,
        diversity=1.0,
        style_mixing=0.9,
        ema=0.5 ** (32 / 10_000),
        checkpoint_steps=1_000,
        sheet_steps=5_000,
    )


def _maps() -> Recipe:
    """As `cpu`, of land from above: a plane that repeats along both axes and is alike in every row."""
    return Recipe(generator=replace(TINY, axes="periodic"), data="maps", full_px=69, auxiliary=0.0)


RECIPES = {"cpu": Recipe, "cpu-maps": _maps, "gpu": _gpu, "paper": _paper}


def recipe_named(name: str) -> Recipe:
    """One of RECIPES. Raises InvalidInputError for another name."""
    if name not in RECIPES:
        raise InvalidInputError(f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}.")
    return RECIPES[name]()
