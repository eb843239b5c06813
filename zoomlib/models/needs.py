"""How much memory a model needs, from the headers of its files and the size of its pictures: an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

from zoomlib.models.files.folder import Folder
from zoomlib.models.files.places import used_parts
from zoomlib.models.files.weights import Size

NUMBERS_PER_PIXEL = 768
"""That live at once where a picture is decoded: measured with `zoomlib.memory.Meter` on the autoencoder of Stable
Diffusion (128, 256, 512, 512 channels), which is most of what one level takes beside the weights; its UNet, 131."""
STAYS = 400 * 2**20
"""Bytes of weights below which off-loading by layers leaves a network on the device (`zoomlib.models.offload`)."""


@dataclass(frozen=True)
class Needs:
    """Bytes for one level at a time. resident: on the device with all weights there. by_model, by_layers: with parts,
    or layers, in the CPU's memory while they do not work; then `waiting` bytes lie there."""

    resident: int
    by_model: int
    by_layers: int
    waiting: int

    def fits(self, free: int, waiting: int) -> str | None:
        """How a model runs with so much free on the device, and in the CPU's memory for what waits: "none", "model" or
        "layers", as `offload` has it; None where it does not."""
        if self.resident <= free:
            return "none"
        for offload, needed in (("model", self.by_model), ("layers", self.by_layers)):
            if needed <= free and self.waiting <= waiting:
                return offload
        return None


def needs_of(described: Mapping[str, Any], dtype: torch.dtype) -> Needs:
    """What a model that `zoomlib.models.describe` tells of needs with weights of that type."""
    folder = Folder(Path(described["folder"]))
    parts = [folder.size(part, dtype) for part in used_parts(folder.path) if folder.has_weights(part)]
    return needs(parts, described["size_px"], dtype.itemsize)


def needs(parts: Sequence[Size], size_px: tuple[int, int], itemsize: int) -> Needs:
    """What networks of these sizes need, at so many bytes per number, for a picture (height, width)."""
    weights = [part.parameters * itemsize for part in parts]
    blocks = [part.largest * itemsize for part in parts if part.parameters * itemsize >= STAYS]
    work = prod(size_px) * NUMBERS_PER_PIXEL * itemsize
    staying = sum(weight for weight in weights if weight < STAYS)
    return Needs(
        resident=sum(weights) + work,
        by_model=max(weights, default=0) + work,
        by_layers=staying + 2 * max(blocks, default=0) + work,  # the next block comes while one works
        waiting=sum(weights),
    )
