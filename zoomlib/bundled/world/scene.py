"""What every scene of the procedural world is made from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.bundled.world.fields import fractal_noise, grid, hsv, per_image, splats, uniform


@dataclass
class Scene:
    """What a picture is made from: `hue`, `saturation`, `near` are (B,); randomness comes from `generator`."""

    generator: torch.Generator
    size: int
    hue: Tensor
    saturation: Tensor
    near: Tensor

    def __post_init__(self) -> None:
        self.batch = self.hue.shape[0]
        self.x, self.y = grid(self.size)

    def draw(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One uniform number a picture, (B,)."""
        return uniform(self.generator, self.batch, low=low, high=high)

    def colour(self, value: float, saturation: float = 1.0, turn: float = 0.0) -> Tensor:
        """The picture's colour at a brightness, its saturation scaled, its hue turned; (B, 3)."""
        return hsv(self.hue + turn, (self.saturation * saturation).clamp(0, 1), torch.full_like(self.hue, value))

    def noise(self, slope: float, lowest: Tensor | float = 1.0) -> Tensor:
        """Fractal noise, (B, S, S)."""
        return fractal_noise(self.generator, self.batch, self.size, slope, lowest)

    def rotated(self, tilt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Coordinates turned by a random angle, the second axis stretched by 1 / tilt."""
        angle = per_image(self.draw(0, 2 * math.pi))
        u = self.x * angle.cos() + self.y * angle.sin()
        v = self.y * angle.cos() - self.x * angle.sin()
        return u, v if tilt is None else v / per_image(tilt)

    def stars(self, count: int, brightness: float = 1.0, width: float = 0.012) -> Tensor:
        """A field of mostly faint stars, (B, 3, S, S)."""
        x, y = (uniform(self.generator, self.batch, count, low=-1, high=1) for _ in range(2))
        light = uniform(self.generator, self.batch, count) ** 4
        tint = 0.75 + 0.25 * uniform(self.generator, self.batch, count, 3)
        return splats(x, y, width * (0.6 + 0.8 * light), brightness * light[..., None] * tint, self.size)
