"""Where one picture lies in another: a similarity, as plain numbers that do not depend on how many pixels they have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError

Size = tuple[int, int]
"""(width, height) of a picture in pixels."""
Matrix = NDArray[np.float64]
"""(2, 3): from pixels of the finer picture to pixels of the wider one. (0, 0) is the middle of the first pixel."""


@dataclass(frozen=True)
class Placement:
    """A finer picture inside a wider one.

    p: how many times the finer picture's width goes into the wider one's, as seen in the wider. x, y: where its middle
    lies, as fractions of the wider picture's width and height. turn_deg: by how much it must be turned clockwise to
    stand as the wider one does. Pixels are square in both. Raises InvalidInputError for what is no such thing.
    """

    p: float
    x: float = 0.5
    y: float = 0.5
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.p < math.inf and all(map(math.isfinite, (self.x, self.y, self.turn_deg)))):
            raise InvalidInputError(f"A placement has a factor above 0 and finite numbers, not {self}.")

    def scale(self, wider: Size, finer: Size) -> float:
        """Pixels of the wider picture to a pixel of the finer one."""
        return wider[0] / (self.p * finer[0])

    def matrix(self, wider: Size, finer: Size) -> Matrix:
        """From pixels of the finer picture to pixels of the wider one."""
        angle, scale = math.radians(self.turn_deg), self.scale(wider, finer)
        a, b = scale * math.cos(angle), scale * math.sin(angle)
        linear = np.array([[a, -b], [b, a]])
        middle = np.array([self.x * wider[0] - 0.5, self.y * wider[1] - 0.5])
        return np.column_stack([linear, middle - linear @ _middle(finer)])

    @classmethod
    def of(cls, matrix: Matrix, wider: Size, finer: Size) -> Placement:
        """The placement with that matrix; inverse of `matrix`."""
        middle = matrix[:, :2] @ _middle(finer) + matrix[:, 2]
        scale = math.hypot(matrix[0, 0], matrix[1, 0])
        return cls(
            wider[0] / (finer[0] * scale),
            float((middle[0] + 0.5) / wider[0]),
            float((middle[1] + 0.5) / wider[1]),
            math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])),
        )


def _middle(size: Size) -> NDArray[np.float64]:
    return np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def then(first: Matrix, second: Matrix) -> Matrix:
    """`first`, and after it `second`, as one."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def corners(size: Size) -> NDArray[np.float64]:
    """The outer corners of a picture in its pixels, (4, 2), clockwise from the upper left."""
    w, h = size
    return np.array([[0, 0], [w, 0], [w, h], [0, h]], dtype=float) - 0.5


def apply(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (..., 2) through a matrix."""
    moved: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return moved
