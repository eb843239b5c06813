"""Values that take the place of the latent field's own, in a few rectangles of an unbounded plane."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError

FORMAT = "tenfold-overrides-1"


def whole(value: Any, what: str) -> int:
    """A whole number of any integer type as an int. Raises InvalidInputError, which says `what` it was for."""
    try:
        return index(value)
    except TypeError as error:
        raise InvalidInputError(f"{what[0].upper()}{what[1:]} is a whole number; got {value!r}.") from error


@dataclass(frozen=True, eq=False)
class Patch:
    """Values (C, h, w) whose first row and column lie at (y, x), in cells or in features of a layer."""

    y: int
    x: int
    values: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", whole(self.y, "the row of a patch"))
        object.__setattr__(self, "x", whole(self.x, "the column of a patch"))
        if self.values.ndim != 3 or not self.values.numel():
            shape = tuple(self.values.shape)
            raise InvalidInputError(f"The values of a patch have the shape (C, h, w), each at least 1; got {shape}.")
        if not torch.isfinite(self.values).all():
            raise InvalidInputError("The values of a patch are finite; some of these are not. Make them anew.")


@dataclass(frozen=True, eq=False)
class Overrides:
    """Patches over z_l (`local`, in cells) and over the noise of layers 0 ... 2L-1 (in features of the layer).

    Where two patches lie over each other, the later one counts.
    """

    local: tuple[Patch, ...] = ()
    noise: Mapping[int, tuple[Patch, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def __or__(self, later: Overrides) -> Overrides:
        """Both, where those of `later` count over these."""
        layers = sorted({*self.noise, *later.noise})
        noise = {layer: (*self.noise.get(layer, ()), *later.noise.get(layer, ())) for layer in layers}
        return Overrides((*self.local, *later.local), noise)

    def __bool__(self) -> bool:
        return bool(self.local) or any(self.noise.values())

    def __reduce__(self) -> tuple[type[Overrides], tuple[tuple[Patch, ...], dict[int, tuple[Patch, ...]]]]:
        return Overrides, (self.local, dict(self.noise))


NONE = Overrides()


def apply(patches: tuple[Patch, ...], values: Tensor, y: int, x: int, period: int | None = None) -> None:
    """Put what of the patches lies within the window into its values (C, h, w), in place; (y, x) is its first place.

    period: columns after which the plane repeats, and the patches with it.
    """
    _, height, width = values.shape
    for patch in patches:
        _, rows, columns = patch.values.shape
        top, bottom = max(y, patch.y), min(y + height, patch.y + rows)
        if top >= bottom:
            continue
        for left in _places(patch.x, columns, x, width, period):
            first, last = max(x, left), min(x + width, left + columns)
            source = patch.values[:, top - patch.y : bottom - patch.y, first - left : last - left]
            values[:, top - y : bottom - y, first - x : last - x] = source


def _places(start: int, length: int, x: int, width: int, period: int | None) -> Iterator[int]:
    """Where a patch of columns [start, start + length) begins that meets [x, x + width)."""
    if period is None:
        if start < x + width and x < start + length:
            yield start
        return
    first = -((start + length - 1 - x) // period)  # the smallest k with start + length + k period > x
    last = (x + width - 1 - start) // period
    yield from (start + k * period for k in range(first, last + 1))


def write_overrides(overrides: Overrides, path: Path) -> None:
    """Save all patches into one safetensors file, which `read_overrides` reads."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    places: list[list[int]] = []
    for layer, patch in _all(overrides):
        tensors[str(len(places))] = patch.values.contiguous().cpu()
        places.append([layer, patch.y, patch.x])
    save_file(tensors, path, {"format": FORMAT, "places": json.dumps(places)})


def read_overrides(path: Path) -> Overrides:
    """The inverse of `write_overrides`. Raises InvalidInputError where the file holds something else."""
    from safetensors import SafetensorError, safe_open

    local: list[Patch] = []
    noise: dict[int, list[Patch]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            if facts.get("format") != FORMAT:
                raise InvalidInputError(f"{path} holds no overrides ({FORMAT}) but {facts.get('format')!r}.")
            for name, (layer, y, x) in enumerate(json.loads(facts["places"])):
                patches = local if layer < 0 else noise.setdefault(layer, [])
                patches.append(Patch(y, x, file.get_tensor(str(name))))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{path} holds no overrides, or a damaged file: {error}. Write it again.") from error
    except FileNotFoundError as error:
        raise InvalidInputError(f"There is no file {path}. Give one that `write_overrides` wrote.") from error
    return Overrides(tuple(local), {layer: tuple(patches) for layer, patches in noise.items()})


def _all(overrides: Overrides) -> Iterator[tuple[int, Patch]]:
    """Every patch with its layer, -1 for z_l."""
    yield from ((-1, patch) for patch in overrides.local)
    for layer, patches in overrides.noise.items():
        yield from ((layer, patch) for patch in patches)
