"""How a generator of unbounded pictures is judged: which windows of its planes are drawn, and how they are made as
large as the real pictures that they are compared with (InfinityGAN, arXiv 2104.03963, section 4, and its code).

Windows are plain numbers. What draws is any callable; pixel row 0 of a plane is the horizon, where training pictures
have their middle.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from evaluation.sets.resizing import bilinear
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.painting.tiles import Window

Kind = Literal["patch", "ext2", "scaleinv", "spatial"]
KINDS: tuple[Kind, ...] = ("patch", "ext2", "scaleinv", "spatial")
SCALES = (1, 2, 4, 8)
_PLANES, _PLACES, _CROPS = 0, 1, 2  # streams of random numbers that share no value


Draw = Callable[[int, Window], Tensor]
"""Of a seed (the plane) and a window its pixels (3, height, width); 1 and beyond is white, -1 and below black."""
Real = Callable[[int], Tensor]
"""The real picture of a number from 0 on: (3, real_px, real_px) in [-1, 1]."""


@dataclass(frozen=True)
class Sizes:
    """Sides in pixels, and how far a plane is looked at.

    patch_px: what the generator was trained to draw. full_px: the training pictures that patches were cut from.
    real_px: the same pictures at their own size; in the paper 128, which are enlarged to 197 for training. period_px:
    a plane's width within which patches are drawn.
    """

    patch_px: int
    full_px: int
    real_px: int
    period_px: int

    def __post_init__(self) -> None:
        if not 1 <= self.patch_px <= self.full_px or self.real_px < 1 or self.period_px < 1:
            raise InvalidInputError(
                "Expected a patch of 1 px or more, training pictures no smaller than it, and a real size and a period "
                f"of 1 px or more; got patch {self.patch_px}, training picture {self.full_px}, real {self.real_px}, "
                f"period {self.period_px}."
            )

    @property
    def field_factor(self) -> float:
        """f: how many pixels of a plane show what one of a real picture does."""
        return self.full_px / self.real_px


@dataclass(frozen=True)
class Shot:
    """One set of windows to draw. kind: as in KINDS. scale: of ScaleInv, else 1. side_px: of each window."""

    kind: Kind
    scale: int
    side_px: int


def planned(kinds: Sequence[str], scales: Sequence[int], sizes: Sizes) -> tuple[Shot, ...]:
    """What is to be drawn, in order; a kind counts once. Raises InvalidInputError for an unknown kind or a scale below
    1."""
    if not kinds or set(kinds) - set(KINDS):
        raise InvalidInputError(f"Expected protocols among {', '.join(KINDS)}; got {', '.join(kinds) or 'none'}.")
    if not scales or min(scales) < 1:
        told = ", ".join(map(str, scales)) or "none"
        raise InvalidInputError(f"Expected scales of 1 or more, as 1, 2, 4, 8; got {told}.")
    return tuple(
        Shot(kind, scale, sizes.patch_px if kind == "patch" else sizes.full_px * scale)
        for kind in KINDS
        if kind in kinds
        for scale in (sorted(set(scales)) if kind == "scaleinv" else (1,))
    )


def drawn_px(shots: Sequence[Shot], count: int) -> int:
    """Pixels that are drawn for `count` pictures of each shot: what the time depends on."""
    return sum(shot.side_px**2 for shot in shots) * count


def plane_seed(seed: int, number: int) -> int:
    """The seed of the plane of picture `number`: 64 bits, different for each."""
    return int(np.random.SeedSequence([seed, _PLANES, number]).generate_state(1, np.uint64)[0])


def window(shot: Shot, sizes: Sizes, seed: int, number: int) -> Window:
    """Where picture `number` of a shot is looked at.

    Patches: where training has them, their middle up to half of what a training picture has more above or below the
    horizon, anywhere along the period. All else: around the origin, at the canonical centre coordinates; that is the
    middle of a 2x extension too, which latents twice as wide would have drawn with a border around it.
    """
    y0, x0 = -(shot.side_px // 2), -(shot.side_px // 2)
    if shot.kind == "patch":
        random = np.random.default_rng([seed, _PLACES, number])
        y0 = int(random.integers(0, sizes.full_px - sizes.patch_px + 1)) - sizes.full_px // 2
        x0 = int(random.integers(0, sizes.period_px))
    return Window(y0, x0, shot.side_px, shot.side_px)


def pictures(draw: Draw, shot: Shot, sizes: Sizes, seed: int, count: int) -> Iterator[Tensor]:
    """The pictures of a shot, one after the other and each let go of: (3, side, side) in [-1, 1]."""
    for number in range(count):
        place = window(shot, sizes, seed, number)
        image = draw(plane_seed(seed, number), place)
        if image.shape != (3, place.height, place.width):
            raise InvalidInputError(
                f"Expected a picture (3, {place.height}, {place.width}) of a window; got {tuple(image.shape)}."
            )
        yield image.clamp(-1, 1)


def shown(image: Tensor, shot: Shot, sizes: Sizes, *, antialias: bool) -> Tensor:
    """A picture of a shot as it is compared: patches and 2x extensions as they are; of ScaleInv and spatial FID first
    1 / f as large, real_px times the scale, and from there real_px. The picture itself where f and the scale are 1.

    Without `antialias` both steps look at four pixels each, as the released code does.
    """
    if shot.kind in ("patch", "ext2"):
        return image
    for side in (sizes.real_px * shot.scale, sizes.real_px):
        image = bilinear(image, (side, side), antialias=antialias)
    return image


def ways(shot: Shot, sizes: Sizes) -> tuple[bool, ...]:
    """Without and with antialiasing where a shot's pictures are made smaller, else one way."""
    return (False, True) if shot.kind in ("scaleinv", "spatial") and shot.side_px > sizes.real_px else (False,)


def real_of(real: Real, shot: Shot, sizes: Sizes, seed: int) -> Real:
    """The real pictures that a shot is compared with.

    Patches: cut out of training pictures wherever training does. The released code cuts out their middle, while what
    it draws moves up and down; then not even a perfect generator has 0. 2x extensions: whole training pictures. All
    else: as they are.
    """

    def read(number: int) -> Tensor:
        image = real(number)
        if image.shape != (3, sizes.real_px, sizes.real_px):
            raise InvalidInputError(
                f"Expected real pictures (3, {sizes.real_px}, {sizes.real_px}); got {tuple(image.shape)}."
            )
        if shot.kind in ("scaleinv", "spatial"):
            return image
        full = bilinear(image, (sizes.full_px, sizes.full_px), antialias=True)
        if shot.kind == "ext2":
            return full
        random = np.random.default_rng([seed, _CROPS, number])
        top, left = (int(n) for n in random.integers(0, sizes.full_px - sizes.patch_px + 1, 2))
        return full[:, top : top + sizes.patch_px, left : left + sizes.patch_px]

    return read
