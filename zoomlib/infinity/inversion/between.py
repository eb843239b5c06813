"""In-betweening: two inverted pictures on one plane, and from one to the other what leads there (section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.inversion.inverting import Inversion
from zoomlib.infinity.inversion.outpainting import check_weights, pasted
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.sizes import receptive_px

if TYPE_CHECKING:
    from zoomlib.infinity.generator import Generator

Pixel = tuple[int, int]
WIDEST_PX = 2047
"""Widest blur that is taken by itself: each tile looks at so many pixels about it."""


class Rectangle(Protocol):
    """Where a picture lies, inverted or not yet: pixel' `at`, and on planes that repeat after `period` cells."""

    @property
    def at(self) -> Pixel:
        """Its first pixel' (y0, x0)."""

    @property
    def height(self) -> int:
        """In pixels."""

    @property
    def width(self) -> int:
        """In pixels."""

    @property
    def period(self) -> int | None:
        """In cells, or None."""


@dataclass(frozen=True)
class Gap:
    """The nearest pixels of two rectangles, one of each. All styles of one side of their bisector are the one's."""

    first: Pixel
    second: Pixel

    @property
    def px(self) -> int:
        """Of the widest square window that, wherever it touches one rectangle, is cut off from the other's half.

        Side by side that is how many pixels lie between the two.
        """
        down, across = (max(abs(a - b) - 1, 0) for a, b in zip(self.first, self.second, strict=True))
        return (down * down + across * across) // (down + across) if down + across else 0


def nearest(first: Rectangle, second: Rectangle, shift: int = 0) -> Gap:
    """Of two pictures, the second moved to the right by `shift`; where they share rows, or columns, their middle."""
    rows = _nearest(first.at[0], first.height, second.at[0], second.height)
    columns = _nearest(first.at[1], first.width, second.at[1] + shift, second.width)
    return Gap((rows[0], columns[0]), (rows[1], columns[1]))


def _nearest(a: int, a_length: int, b: int, b_length: int) -> tuple[int, int]:
    """The nearest places of [a, a + length) and [b, b + length)."""
    if a + a_length <= b:
        return a + a_length - 1, b
    if b + b_length <= a:
        return a, b + b_length - 1
    middle = (max(a, b) + min(a + a_length, b + b_length)) // 2
    return middle, middle


def smallest_gap_px(config: GeneratorConfig) -> int:
    """How many pixels lie at least between two pictures side by side, so that neither changes the other."""
    return receptive_px(config) + int(2**config.blocks)


def between(
    generator: Generator,
    first: Inversion,
    second: Inversion,
    *,
    seed: int,
    blur_px: int | None = None,
    paste: bool = False,
    feather_px: int = 0,
    cells: int | None = None,
    batch: int = 1,
) -> Plane:
    """The plane with both pictures where they were inverted; half-way between them one style goes over into the other.

    Args:
        generator: of the weights that both were inverted with.
        first, second: the pictures, anywhere, but apart. On a cyclic plane, which both were inverted for, they share
            rows, and the styles change on either side.
        seed: of all that is not theirs.
        blur_px: the width over which styles change; by default the widest that leaves both pictures as they are.
        paste, feather_px, cells, batch: as of `outpainting.outpainted`.

    Raises:
        InvalidInputError: pictures that overlap or are too near, with the smallest gap; a blur that would change them;
            inversions of other weights, or of different periods.
    """
    for inversion in (first, second):
        check_weights(generator, inversion)
    gaps = gaps_between(first, second, generator.config.blocks)
    blur = checked_blur(generator.config, min(gap.px for gap in gaps), blur_px)
    points = [
        StylePoint(*pixel, inversion.style, inversion.w_plus)
        for gap in gaps
        for pixel, inversion in ((gap.first, first), (gap.second, second))
    ]
    period_px = None if first.period is None else first.period * 2**generator.config.blocks
    plane = generator.plane(
        seed,
        fusion=Fusion(tuple(points), blur, period_px),
        overrides=first.overrides | second.overrides,
        period=first.period,
        cells=cells,
        batch=batch,
    )
    return pasted(plane, [first, second], feather_px) if paste else plane


def gaps_between(first: Rectangle, second: Rectangle, blocks: int) -> list[Gap]:
    """The gap between two pictures; on a cyclic plane both, to the right of the first and to its left.

    Raises InvalidInputError for different periods, and for pictures on a cyclic plane that share no rows.
    """
    if first.period != second.period:
        raise InvalidInputError(
            f"One picture was inverted for {_turns(first.period)} and the other for {_turns(second.period)}. Invert "
            "both for the same."
        )
    if first.period is None:
        return [nearest(first, second)]
    if first.at[0] + first.height <= second.at[0] or second.at[0] + second.height <= first.at[0]:
        raise InvalidInputError(
            "On a cyclic plane two pictures stand side by side. Invert them at places that share rows."
        )
    period_px = first.period * int(2**blocks)
    right = (second.at[1] - first.at[1]) % period_px - (second.at[1] - first.at[1])
    return [nearest(first, second, right), nearest(first, second, right - period_px)]


def _turns(period: int | None) -> str:
    return "a plane that does not repeat" if period is None else f"one that repeats after {period} cells"


def checked_blur(config: GeneratorConfig, gap: int, blur_px: int | None) -> int:
    """The blur, in pixels; the widest one is an odd number, so that it has a middle."""
    least = smallest_gap_px(config)
    if gap < least:
        raise InvalidInputError(
            f"The two pictures have {gap} pixels between them, and these weights need {least}, so that neither "
            "changes the other. Invert one of them farther away."
        )
    most = gap - receptive_px(config)
    if blur_px is None:
        return min((most - 1) // 2 * 2 + 1, WIDEST_PX)
    if not 1 <= blur_px <= most:
        raise InvalidInputError(
            f"With {gap} pixels between the two pictures a blur of 1 to {most} pixels leaves both as they are; got "
            f"{blur_px}. Take one of these, or leave it out."
        )
    return blur_px
