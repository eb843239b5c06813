"""Pictures of the world with their labels, and scales inside scales."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.bundled.world.fields import smoothstep, uniform
from zoomlib.bundled.world.scene import Scene
from zoomlib.bundled.world.scenes import SCENES
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, COLOURS, FAR, NEAR, phrase

SUPERSAMPLING = 2
IN_CACHE = 4  # pictures drawn at once: their intermediate fields still fit the processor's cache
NEAR_FROM = 0.8
FAR_UP_TO = 0.62


@dataclass(frozen=True)
class Pictures:
    """B single scenes: `images` uint8 (B, 3, S, S), and for each its class, colour (-1 without a word) and nearness."""

    images: Tensor
    kind: Tensor
    colour: Tensor
    near: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> Pictures:
        return Pictures(self.images[rows], self.kind[rows], self.colour[rows], self.near[rows])

    @staticmethod
    def cat(parts: list[Pictures]) -> Pictures:
        """All parts in one, in order."""
        names = ("images", "kind", "colour", "near")
        return Pictures(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def phrase(self, row: int, variant: int, with_view: bool) -> str:
        """Words that are true of one picture; `variant` picks the wording."""
        colour = int(self.colour[row])
        near = float(self.near[row])
        view = (NEAR if near > NEAR_FROM else FAR if near < FAR_UP_TO else None) if with_view else None
        return phrase(int(self.kind[row]), COLOUR_NAMES[colour] if colour >= 0 else None, view, variant)


def draw_pictures(count: int, size: int, generator: torch.Generator, kinds: Tensor | None = None) -> Pictures:
    """`count` single scenes of random (or the given) class, colour and nearness.

    A fifth of them wear the hue of their class and no colour word. Each is drawn at twice the size and averaged down.
    """
    kind = torch.randint(len(CLASSES), (count,), generator=generator) if kinds is None else kinds
    colour = torch.randint(len(COLOUR_NAMES), (count,), generator=generator)
    colour = torch.where(torch.rand(count, generator=generator) < 0.2, -1, colour)
    near = torch.where(torch.rand(count, generator=generator) < 0.5, 1.0, 0.5) * uniform(
        generator, count, low=0.85, high=1.15
    )
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    for k in sorted(set(kind.tolist())):
        rows = (kind == k).nonzero()[:, 0]
        hue, saturation = _tint(k, colour[rows], generator)
        for part in torch.split(torch.arange(len(rows)), IN_CACHE):
            scene = Scene(generator, size * SUPERSAMPLING, hue[part], saturation[part], near[rows[part]])
            drawn = F.avg_pool2d(SCENES[k](scene).clamp(0, 1), SUPERSAMPLING)
            images[rows[part]] = (drawn * 255).round().to(torch.uint8)
    return Pictures(images, kind, colour, near)


def _tint(kind: int, colour: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Hue and saturation of each picture: of its colour word, or of its class where it has none."""
    table = torch.tensor([*COLOURS.values(), (0.0, 0.7)])
    hue, saturation = table[colour].unbind(1)
    own = torch.tensor(CLASSES[kind].natural_hues)
    natural = own[torch.randint(len(own), colour.shape, generator=generator)]
    hue = torch.where(colour < 0, natural, hue) + uniform(generator, len(colour), low=-0.018, high=0.018)
    return hue, saturation * uniform(generator, len(colour), low=0.9, high=1.05)


def paste_window(size: int, feather: Tensor) -> Tensor:
    """Weight of a pasted picture, (B, 1, size, size): 1 inside, falling to 0 over `feather` (B,) of its side."""
    axis = (torch.arange(size) + 0.5) / size
    edge = torch.minimum(axis, 1 - axis)[None]
    side = smoothstep(0.0, feather[:, None], edge)
    return (side[:, :, None] * side[:, None, :])[:, None]


def compose(outer: Tensor, inner: Tensor, feather: Tensor) -> Tensor:
    """Put each `inner` picture, halved, softly into the middle of its `outer`; float (B, C, S, S); `feather` (B,)."""
    half = F.avg_pool2d(inner, 2)
    size, start = half.shape[-1], outer.shape[-1] // 4
    weight = paste_window(size, feather)
    out = outer.clone()
    window = out[..., start : start + size, start : start + size]
    window += weight * (half - window)
    return out
