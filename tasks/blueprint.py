"""A model of which nothing is loaded: enough for a method to say whether it accepts a run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tasks.run import Run
from zoomlib.denoiser import AttentionMaps, Condition
from zoomlib.ladder import Ladder, flow_ladder


class Blueprint:
    """A denoiser of which only shapes are known."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, run: Run) -> None:
        self.shape, self.inpaints = run.shape, bool(run.model.get("inpaints"))
        self.codec = _Codec(int(run.model["factor"]), run.shape[0])

    def condition(self, prompts: Sequence[str], *_negatives: object, **_pictures: object) -> Condition:
        """An empty row per prompt: nothing is sampled with it."""
        return Condition({"": torch.zeros(len(prompts), 0)})

    def ladder(self, steps: int) -> Ladder:
        """Some noise levels: nothing is sampled with them."""
        return flow_ladder(steps)

    def attention_maps(self, z: Tensor, *_: object) -> AttentionMaps:
        """Nothing: whether a model shows its attention is known when it is loaded."""
        return AttentionMaps(torch.zeros(len(z), 0, 0), (0, 0))


class PlaneBlueprint(Blueprint):
    """Planes of which only sizes are known."""

    workers = 1

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.axes, self.tile_px = str(run.model["axes"]), int(run.model["tile_px"])


class _Codec:
    """Knows the sizes only."""

    def __init__(self, factor: int, channels: int) -> None:
        self.factor, self.channels = factor, channels

    def encode(self, images: Tensor) -> Tensor:
        """Nothing, of the size of latents."""
        L, _, H, W = images.shape
        return torch.zeros(L, self.channels, H // self.factor, W // self.factor)

    def decode(self, latents: Tensor) -> Tensor:
        """Nothing, of the size of pictures."""
        L, _, h, w = latents.shape
        return torch.zeros(L, 3, h * self.factor, w * self.factor)
