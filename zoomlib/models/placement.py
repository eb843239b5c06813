"""Where a loaded model runs, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

Offload = Literal["none", "model", "layers"]
Compile = Literal["none", "default", "reduce-overhead", "max-autotune"]


@dataclass(frozen=True)
class Placement:
    """device, dtype: where and in which precision networks run."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32

    def place(self, modules: Mapping[str, nn.Module]) -> None:
        """Put the networks of a model where they run, in place."""
        for module in modules.values():
            module.to(self.device)
