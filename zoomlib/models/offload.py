"""Models larger than the device's memory: networks, or their layers, are there only while they work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from accelerate.utils import send_to_device
from diffusers.hooks import apply_group_offloading
from torch import nn

from zoomlib.models.placement import HOME

CPU = torch.device("cpu")
STAYS = 400 * 2**20
"""Bytes of weights below which a network stays on the device: an autoencoder, mostly."""


class Turn(ModelHook):  # type: ignore[misc]
    """Brings a network to the device when it is called, and sends the others of its model away before.

    A network may be called many times in a row: it moves only when another's turn has come.
    """

    def __init__(self, device: torch.device, others: Sequence[nn.Module]) -> None:
        self.execution_device = device  # where diffusers' pipelines look for it
        self.others = others

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Make room, come, and take what is given along."""
        here, there = _lies_on(module), self.execution_device
        if here.type != there.type or there.index not in (None, here.index):
            for other in self.others:
                other.to(CPU)
            module.to(self.execution_device)
        return send_to_device(args, self.execution_device), send_to_device(kwargs, self.execution_device)


def by_model(modules: Mapping[str, nn.Module], device: torch.device) -> None:
    """Keep all networks in the CPU's memory; the one at work is on the device."""
    for module in modules.values():
        module.to(CPU)
        setattr(module, HOME, device)
        add_hook_to_module(module, Turn(device, [other for other in modules.values() if other is not module]))


def by_layers(modules: Mapping[str, nn.Module], device: torch.device, least: int = STAYS) -> None:
    """Keep networks of at least that many bytes in the CPU's memory; their layers are on the device while they work,
    the next being fetched meanwhile where the device can do both at once. Smaller networks stay on the device."""
    streams = device.type == "cuda"
    for module in modules.values():
        if sum(p.nbytes for p in module.parameters()) < least:
            module.to(device)
            continue
        setattr(module, HOME, device)
        apply_group_offloading(
            module,
            onload_device=device,
            offload_device=CPU,
            offload_type="leaf_level",
            use_stream=streams,
            non_blocking=streams,
        )


def _lies_on(module: nn.Module) -> torch.device:
    return next(module.parameters()).device
