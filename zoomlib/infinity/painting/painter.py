"""What paints a plane: raw pixels of a square of latent cells at any place, from nothing but the place.

A painter reads the latent fields and the coordinates of its cells by itself, halo included, so that the same cells give
the same pixels whoever asks for them, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.coordinates import coordinates
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.prepared import Prepared
from zoomlib.infinity.sizes import layer_sides, unit

M = TypeVar("M", bound=nn.Module)


class Painter(Protocol):
    """Paints cells of one implicit image. It can be pickled, so that other processes paint of it, too."""

    @property
    def config(self) -> GeneratorConfig:
        """The sizes of its networks."""

    @property
    def blocks(self) -> int:
        """L: a cell is 2^L pixels wide."""

    @property
    def period(self) -> int | None:
        """Cells after which the plane repeats from left to right, or None."""

    @property
    def device(self) -> torch.device:
        """Where it paints."""

    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """Cells [a, a + n) in both directions from each origin (a_y, a_x), together.

        Gives raw pixels, float32 (B, 3, S, S) on `device`, not clamped, with S = 2^L n - 5 (2^L - 1); the first lies
        on pixel 2^L a + 2^(L+1) - 2 of the plane.
        """

    def facts(self) -> dict[str, Any]:
        """What made the pixels, besides the weights, in values that JSON can hold."""


class PlainPainter:
    """Paints with one style everywhere.

    latents: seed, period and overrides. style: z_g (S,), or None for that of the latents. w_plus: (2L+1, S) styles of
    the texture, or None for the mapped style. stretch: how many cells take the place of one in the vertical coordinate.
    dtype: precision of the networks. Raises InvalidInputError for styles of other shapes.
    """

    def __init__(
        self,
        networks: Networks,
        latents: Latents,
        *,
        style: Tensor | None = None,
        w_plus: Tensor | None = None,
        stretch: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config, self.latents, self.stretch, self.dtype = networks.config, latents, stretch, dtype
        self.blocks, self.period = self.config.blocks, latents.period
        self.device = next(networks.parameters()).device
        self.style = (latents.style() if style is None else style).to(self.device, torch.float32)
        w_plus = texture_styles(networks, self.style) if w_plus is None else w_plus
        self.w_plus = w_plus.to(self.device, torch.float32)
        self.prepared = Prepared(networks, self.style, self.w_plus, dtype=dtype)

    @torch.inference_mode()
    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """As `Painter.paint`."""
        local, place, noises = inputs(self.config, self.latents, origins, n, self.stretch, self.device)
        pixels: Tensor = self.prepared.texture(self.prepared.structure(local, place), noises)
        return pixels

    def facts(self) -> dict[str, Any]:
        """As `Painter.facts`."""
        return facts_of(self.latents, self.stretch, self.dtype)


def facts_of(latents: Latents, stretch: float, dtype: torch.dtype) -> dict[str, Any]:
    """What makes the pixels of a field painted in a type of numbers, whatever its styles, in values for JSON."""
    return {
        "seed": latents.seed,
        "period_cells": latents.period,
        "stretch": stretch,
        "dtype": str(dtype).removeprefix("torch."),
    }


@torch.inference_mode()
def texture_styles(networks: Networks, style: Tensor) -> Tensor:
    """The mapped style (S,) for each place where the texture takes one: (2L+1, S), on the CPU.

    It is mapped there wherever the networks are, so that what is painted on several devices has one style to the last
    bit. Raises InvalidInputError for a style of another shape.
    """
    if style.shape != (networks.config.style,):
        raise InvalidInputError(
            f"A style has the shape ({networks.config.style},) here, not {tuple(style.shape)}. Give another."
        )
    with undisturbed(torch.device("cpu")):
        mapped: Tensor = placed(networks.texture.mapping, "cpu")(style[None].cpu())
    return mapped.expand(2 * networks.config.blocks + 1, -1).clone()


def placed(module: M, device: torch.device | str) -> M:
    """A module on a device: itself where it is there, and else a copy."""
    there = next(module.parameters()).device == torch.device(device)
    return module if there else deepcopy(module).to(device)


def inputs(
    config: GeneratorConfig,
    latents: Latents,
    origins: Sequence[tuple[int, int]],
    n: int,
    stretch: float = 1.0,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """What the networks read for cells [a, a + n) of each origin: local latents (B, C, m, m) and coordinates
    (B, A, m, m) with m = n + 2 halo, and the noises of the 2L layers (B, 1, s, s). All float32."""
    h, m = config.halo, n + 2 * config.halo
    local = torch.stack([latents.local(y - h, x - h, m, m) for y, x in origins])
    place = torch.stack(
        [coordinates(config, y - h, x - h, m, m, period=latents.period, stretch=stretch) for y, x in origins]
    )
    noises = []
    for layer, side in enumerate(layer_sides(n, config.blocks)):
        u = unit(layer)
        noises.append(torch.stack([latents.noise(layer, u * y, u * x, side, side) for y, x in origins]).to(device))
    return local.to(device), place.to(device), noises


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Pixels within do not depend on the caller's settings: no autocast of theirs holds, no coarser products, and one
    thread of torch's works on a CPU, as how many they are may change the last bits. cuDNN's choice is always the same.
    """
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with ExitStack() as stack:
        if device.type == "cpu" and threads > 1:
            torch.set_num_threads(1)
            stack.callback(torch.set_num_threads, threads)
        if precision != "highest":
            torch.set_float32_matmul_precision("highest")
            stack.callback(torch.set_float32_matmul_precision, precision)
        if device.type == "cuda":
            exact = {"benchmark": False, "deterministic": True, "allow_tf32": False}
            stack.enter_context(torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, **exact))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        yield
