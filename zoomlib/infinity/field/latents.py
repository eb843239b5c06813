"""The random inputs of an unbounded plane, of which every value follows from the seed and its own address.

Counter words of `philox`: z_l (row, column, channel // 4, 0), where the four words are four channels; the noise of
layer l (row // 4, column, 0, l + 1), where they are four rows; z_g (0, 0, channel // 4, 4095). Rows and columns count
by their low 32 bits; what lies beyond 2^31 of the origin has a key of its own (`philox.key_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.overrides import NONE, Overrides, apply, whole
from zoomlib.infinity.field.philox import Words, fill, key_of
from zoomlib.infinity.sizes import unit

LOCAL, STYLE = 0, 4095
"""Kinds of z_l and z_g; layer l's noise is kind l + 1."""
_BLOCK = 2**32


@dataclass(frozen=True, eq=False)
class Latents:
    """z_g, z_l and noise of one implicit image: a field without bounds, which holds nothing but its seed.

    seed: 64 bits. period: cells after which the plane repeats from left to right, or None. overrides: values that take
    the place of the field's in some rectangles. All values are float32 on the CPU and bitwise the same for any window.
    """

    config: GeneratorConfig
    seed: int
    period: int | None = None
    overrides: Overrides = NONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", whole(self.seed, "a seed"))
        if not 0 <= self.seed < 2**64:
            raise InvalidInputError(f"A seed is a whole number of at least 0 and below 2^64; got {self.seed}.")
        if self.period is not None:
            most = (_BLOCK >> 1) // 2**self.config.blocks
            if not 1 <= whole(self.period, "a period") <= most:
                raise InvalidInputError(f"A period is 1 to {most} cells; got {self.period}. Leave it out for a plane.")
        _check(self.overrides, self.config, self.period)

    def style(self) -> Tensor:
        """z_g: (S,)."""
        zero = np.zeros(1, dtype=np.uint64)
        out = _channels(self.config.style, 1, 1)
        fill(out, key_of(self.seed), zero, zero, _groups(out), STYLE)
        return torch.from_numpy(_flat(out)[: self.config.style, 0, 0].copy())

    def local(self, y: int, x: int, h: int, w: int) -> Tensor:
        """z_l of cells [y, y + h) x [x, x + w): (C, h, w)."""
        _check_window(y, x, h, w)
        out = _channels(self.config.local, h, w)
        for rows, high_y, low_y in _runs(y, h, None):
            for columns, high_x, low_x in _runs(x, w, self.period):
                key = key_of(self.seed, high_y, high_x)
                fill(out[:, :, rows, columns], key, low_y, low_x, _groups(out), LOCAL)
        values = torch.from_numpy(_flat(out)[: self.config.local])
        apply(self.overrides.local, values, y, x, self.period)
        return values

    def noise(self, layer: int, y: int, x: int, h: int, w: int) -> Tensor:
        """Noise of layer 0 ... 2L-1 at features [y, y + h) x [x, x + w): (1, h, w).

        Features count as in `sizes`: cells [a, a + n) read those from unit(layer)·a on.
        """
        if not 0 <= layer < self.config.layers:
            raise InvalidInputError(f"Noise has layers 0 to {self.config.layers - 1}; got {layer}.")
        _check_window(y, x, h, w)
        first, last = y // 4, (y + h - 1) // 4
        period = None if self.period is None else self.period * unit(layer)
        out = np.empty((last - first + 1, 4, w), dtype=np.float32)
        words, group = out.transpose(1, 0, 2)[:, None], np.zeros(1, dtype=np.uint64)
        for rows, high_y, low_y in _runs(first, len(out), None):
            for columns, high_x, low_x in _runs(x, w, period):
                key = key_of(self.seed, high_y, high_x)
                fill(words[:, :, rows, columns], key, low_y, low_x, group, layer + 1)
        values = torch.from_numpy(out.reshape(1, -1, w)[:, y - 4 * first :][:, :h])
        apply(self.overrides.noise.get(layer, ()), values, y, x, period)
        return values


def _runs(start: int, length: int, period: int | None) -> Iterator[tuple[slice, int, Words]]:
    """[start, start + length) by blocks of 2^32: which part, the block's number, the low 32 bits of each place."""
    if period is not None:
        yield slice(0, length), 0, (np.arange(length, dtype=np.uint64) + np.uint64(start % period)) % np.uint64(period)
        return
    done = 0
    while done < length:
        high, low = divmod(start + done + _BLOCK // 2, _BLOCK)
        count = min(length - done, _BLOCK - low)
        first = np.uint64((start + done) % _BLOCK)
        yield slice(done, done + count), high, (np.arange(count, dtype=np.uint64) + first) & np.uint64(_BLOCK - 1)
        done += count


def _channels(channels: int, h: int, w: int) -> NDArray[np.float32]:
    """Room for the four words of each group of channels, as `fill` wants it: (4, G, h, w)."""
    return np.empty((-(-channels // 4), 4, h, w), dtype=np.float32).transpose(1, 0, 2, 3)


def _flat(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """The channels in their order, the same memory: (4 G, h, w)."""
    return words.transpose(1, 0, 2, 3).reshape(-1, *words.shape[2:])


def _groups(words: NDArray[np.float32]) -> Words:
    return np.arange(words.shape[1], dtype=np.uint64)


def _check_window(y: int, x: int, h: int, w: int) -> None:
    if h < 1 or w < 1:
        raise InvalidInputError(f"A window has at least 1 row and 1 column; got {h} and {w}.")
    for first, length in ((y, h), (x, w)):
        if not -(2**63) <= first <= 2**63 - length:
            raise InvalidInputError(
                f"Coordinates have 64 bits, with the cells around a window too; got {first} to {first + length}. "
                f"Stay nearer to the origin."
            )


def _check(overrides: Overrides, config: GeneratorConfig, period: int | None) -> None:
    for layer in overrides.noise:
        if not 0 <= layer < config.layers:
            raise InvalidInputError(f"Noise has layers 0 to {config.layers - 1}; overrides name layer {layer}.")
    kinds = [(config.local, 1, overrides.local)]
    kinds += [(1, unit(layer), patches) for layer, patches in overrides.noise.items()]
    for channels, scale, patches in kinds:
        for patch in patches:
            if len(patch.values) != channels:
                raise InvalidInputError(
                    f"An override has the shape ({channels}, h, w) here; got {tuple(patch.values.shape)}. "
                    f"Make it with this generator."
                )
            if period is not None and patch.values.shape[2] > period * scale:
                raise InvalidInputError(
                    f"An override of {patch.values.shape[2]} columns goes round more than once in a period of "
                    f"{period * scale}. Choose a longer period or a narrower override."
                )
