"""Where a loaded model runs, and how: device and precision, parts kept elsewhere, compiled, in another layout."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from zoomlib.errors import InvalidInputError

Offload = Literal["none", "model", "layers"]
Compile = Literal["none", "default", "reduce-overhead", "max-autotune"]
HOME = "tenfold_home"
"""Attribute of an off-loaded network: the device on which it works."""
_COMPILERS = ("g++", "clang++", "c++", "cl")


@dataclass(frozen=True)
class Placement:
    """device, dtype: where and in which precision networks run.

    offload: what waits in the CPU's memory: nothing, every `model` (network) but the one at work, or all `layers` but
    those at work. compile: the mode of torch.compile for the network that predicts; `reduce-overhead` records CUDA
    graphs. channels_last: the layout of weights in which convolutions can be quicker.

    Raises InvalidInputError for what does not go together or has no compiler here.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    offload: Offload = "none"
    compile: Compile = "none"
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.compile != "none" and self.offload != "none":
            raise InvalidInputError(
                f"A network whose weights come and go (offload={self.offload}) cannot be compiled "
                f"(compile={self.compile}). Use offload=none, or compile=none."
            )
        if self.compile != "none":
            check_compiler(self.device)

    def place(self, modules: Mapping[str, nn.Module], network: nn.Module) -> None:
        """Put the networks of a model, of which `network` predicts, where and how they run, in place."""
        if self.channels_last:
            for module in modules.values():
                module.to(memory_format=torch.channels_last)
        if self.offload == "none":
            for module in modules.values():
                module.to(self.device)
        else:
            from zoomlib.models.offload import by_layers, by_model

            (by_model if self.offload == "model" else by_layers)(modules, self.device)
        if self.compile != "none":
            # One graph for each size: chunks are padded to one (`zoomlib.chunks`), and fixed sizes are quickest.
            network.compile(mode=self.compile, dynamic=False)


def check_compiler(device: torch.device) -> None:
    """Raise InvalidInputError where torch.compile has nothing here to make code of this device with."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise InvalidInputError("Compiling for a graphics card needs the package triton. Install it, or compile=none.")
    named = [os.environ.get("CXX", ""), *_COMPILERS]
    if device.type == "cpu" and not any(shutil.which(name) for name in named if name):
        raise InvalidInputError(
            "Compiling for a CPU needs a C++ compiler, and none of g++, clang++ is here. Install one, or compile=none."
        )


def runs_on(module: nn.Module) -> torch.device:
    """The device on which a network works, wherever its weights are now."""
    found: torch.device | None = getattr(module, HOME, None)
    return found or next(module.parameters()).device


def moves_in_layers(module: nn.Module) -> bool:
    """Whether a network's layers come and go: their copies elsewhere then have the type that they were placed in."""
    return getattr(module, HOME, None) is not None and not hasattr(module, "_hf_hook")


def usual_dtype(device: torch.device | str, *, small: bool = False) -> torch.dtype:
    """The precision that suits a device: bfloat16 where it has it, else float16; float32 on CPUs and for small models,
    which lose more by it than they gain."""
    device = torch.device(device)
    if small or device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.bfloat16
    return torch.float16
