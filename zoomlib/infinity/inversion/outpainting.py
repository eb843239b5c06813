"""Outpainting: a plane that shows a given picture, and goes on around it as another seed would have it each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.inversion.inverting import Inversion
from zoomlib.infinity.inversion.pasting import Paste, PastingPainter
from zoomlib.infinity.painting.plane import Plane

if TYPE_CHECKING:
    from zoomlib.infinity.generator import Generator


def outpainted(
    generator: Generator,
    inversion: Inversion,
    *,
    seed: int,
    paste: bool = False,
    feather_px: int = 0,
    cells: int | None = None,
    batch: int = 1,
) -> Plane:
    """The plane of an inverted picture (InfinityGAN, section 4.4): its latents where it lies, a seed's elsewhere.

    Any window can be asked for; the picture lies where it was inverted. Other seeds give other surroundings of the
    same style, and the same picture, bit for bit. It repeats from left to right where the inversion was made so.

    Args:
        generator: of the weights that the picture was inverted with.
        inversion: the picture.
        seed: of what is around it.
        paste: put the picture's own pixels over their likeness.
        feather_px: over so many pixels, from the picture's edges inwards, they fade in.
        cells, batch: as of `Generator.plane`.

    Raises:
        InvalidInputError: an inversion of other weights, or a feather wider than half the picture.
    """
    check_weights(generator, inversion)
    plane = generator.plane(
        seed,
        style=inversion.style,
        w_plus=inversion.w_plus,
        overrides=inversion.overrides,
        period=inversion.period,
        cells=cells,
        batch=batch,
    )
    return pasted(plane, [inversion], feather_px) if paste else plane


def pasted(plane: Plane, inversions: Sequence[Inversion], feather_px: int) -> Plane:
    """The plane with the pixels of pictures over it."""
    pastes = [Paste(*inversion.at, inversion.picture, feather_px) for inversion in inversions]
    painter = PastingPainter(plane.painter, pastes)
    return Plane(painter, cells=plane.grid.cells, batch=plane.batch, more=plane.facts())


def check_weights(generator: Generator, inversion: Inversion) -> None:
    """Refuse an inversion that was made with other weights: its latents mean something else to these."""
    if inversion.revision != generator.revision or inversion.area.config != generator.config:
        raise InvalidInputError(
            f"The picture was inverted with the weights {inversion.revision[:12]}, and these are "
            f"{generator.revision[:12]}. Use those, or invert it again."
        )
