"""Where a cell is, as the structure synthesizer is told (arXiv 2104.03963, Eq. 5), from absolute integers."""

from __future__ import annotations

from fractions import Fraction
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig

Reals = NDArray[np.float64]


def coordinates(
    config: GeneratorConfig,
    y: int,
    x: int,
    h: int,
    w: int,
    *,
    period: int | None = None,
    stretch: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """The coordinates of cells [y, y + h) x [x, x + w): float32 (A, h, w), A = `config.coordinates`.

    axes "horizon": tanh(rise (i_y + shift_y) / stretch), then cosine and sine of 2 pi (i_x + shift_x) / P. axes
    "periodic": cosine and sine of the row with P = `config.period`, then those of the column. P of the columns is
    `period` cells where one is given. Integers are reduced before they become real numbers, so that row and column
    may lie anywhere and a period is exact; then float64, then float32.

    shift: cells, in [-1/2, 1/2) in training; cosine and sine take the same. stretch: rows that take the place of one.
    Raises InvalidInputError where h or w is below 1, or period or stretch is not above 0.
    """
    if h < 1 or w < 1:
        raise InvalidInputError(f"A window of cells has at least 1 row and 1 column; got {h} and {w}.")
    if not 0 < stretch < float("inf"):
        raise InvalidInputError(f"stretch is a number above 0; got {stretch}. 1 leaves the vertical as it is.")
    across = _turn(x, w, config.period if period is None else period, 1.0, shift[1])
    if config.axes == "periodic":
        down = _turn(y, h, config.period, stretch, shift[0])
    else:
        rows = np.array([float(y + i) for i in range(h)])
        down = np.tanh(config.rise * (rows + shift[0]) / stretch)[None]
    out = np.empty((len(down) + len(across), h, w), dtype=np.float32)
    out[: len(down)] = down[:, :, None]
    out[len(down) :] = across[:, None, :]
    return torch.from_numpy(out)


def _turn(start: int, length: int, period: int, stretch: float, shift: float) -> Reals:
    if period < 1:
        raise InvalidInputError(f"A period is at least 1 cell; got {period}.")
    around = period * Fraction(stretch)  # a float is one exactly, so that the remainder is exact, too
    places = [float((start + i) % around) for i in range(length)]
    angle = 2 * pi * (np.array(places) + shift) / float(around)
    return np.stack([np.cos(angle), np.sin(angle)])
