"""A painter that is built where it paints, so that several devices paint of one plane, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.painting.painter import Painter, placed


class Portable:
    """A `Painter` whose networks wait on the CPU until it paints, and that other processes build on their devices.

    networks: on the CPU. build: makes the painter of networks that are where it is to paint; it can be pickled.
    devices: that paint, one process each; in this process the first of them does. Raises what `build` does, at once.
    """

    def __init__(
        self, networks: Networks, build: Callable[[Networks], Painter], devices: Sequence[torch.device]
    ) -> None:
        own = build(networks)
        self.config, self.blocks, self.period = own.config, own.blocks, own.period
        self.devices, self.device = tuple(devices), devices[0]
        self._networks, self._build, self._facts = networks, build, own.facts()
        self._painter = own if own.device == self.device else None

    def settle(self, device: torch.device) -> None:
        """Paint on this device from now on."""
        self.device, self._painter = device, None

    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """As `Painter.paint`."""
        # What asks CUDA for "the" device would open the first one in every process.
        with torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext():
            if self._painter is None:
                self._painter = self._build(placed(self._networks, self.device))
            return self._painter.paint(origins, n)

    def facts(self) -> dict[str, Any]:
        """As `Painter.facts`."""
        return dict(self._facts)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_painter": None}


def portable(painter: Any) -> Portable | None:
    """The portable one in a painter, which may be about another, its `painter`; None where there is none."""
    while painter is not None and not isinstance(painter, Portable):
        painter = getattr(painter, "painter", None)
    return painter


def devices_named(names: str | torch.device) -> tuple[torch.device, ...]:
    """The devices of a text with commas between them; one that is named twice is there twice.

    Raises InvalidInputError for several of different kinds, whose pixels differ in their last bits.
    """
    devices = tuple(torch.device(name.strip()) for name in str(names).split(","))
    if len({device.type for device in devices}) > 1:
        raise InvalidInputError(
            f"Devices that share a plane are of one kind, so that it does not show who painted what; got {names}. "
            "Name only one kind."
        )
    return devices
