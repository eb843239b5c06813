"""The real pictures that a generator of planes is judged by: of a folder, or drawn as those of its training were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from evaluation.sets.generated import Real, Sizes
from evaluation.sets.pictures import check_pictures, pictures_in, read
from tasks.errors import RefusedError
from tasks.store import sha256_of
from zoomlib.images import from_pil, to_pil
from zoomlib.infinity.generator import Described
from zoomlib.infinity.training.landscapes import WORLDS

SEED_OF_WORLD = 2**40
"""Pictures of a world that training has not seen, each by a seed: it draws hundreds at once, by seeds that it mixes."""


@dataclass(frozen=True)
class Reals:
    """Real pictures by number. name: as in the rows of scores. content: a hash of what they are. count: how many there
    are."""

    name: str
    content: str
    count: int
    read: Real


def sizes_of(about: Described, real_px: int | None = None) -> Sizes:
    """A generator's sizes: its folder tells that of training pictures, else they are as much larger than a patch as the
    paper's are (197 for 101)."""
    config, facts = about.config, about.facts
    told = facts.get("full_px", dict(facts.get("recipe", {})).get("full_px"))
    full_px = int(told or 2 * config.patch_px - 5)
    return Sizes(
        config.patch_px, full_px, full_px if real_px is None else real_px, int(config.period * 2**config.blocks)
    )


def reals_of(reference: str, wanted: int, sizes: Sizes) -> Reals:
    """The first `wanted` pictures of a world, or all of a folder up to that many.

    Raises RefusedError and InvalidInputError for no such folder, one without pictures, and broken ones by name.
    """
    if reference in WORLDS:
        return _world(reference, wanted, sizes)
    paths = pictures_in(Path(reference))[:wanted]
    check_pictures(paths)
    content = hashlib.sha256("\n".join(map(sha256_of, paths)).encode()).hexdigest()

    def picture(number: int) -> Tensor:
        return squared(paths[number], sizes.real_px)

    return Reals(Path(reference).resolve().name or "pictures", content, len(paths), picture)


def squared(path: Path, side_px: int) -> Tensor:
    """The largest square in the middle of a picture, made `side_px` wide: (3, side, side) in [-1, 1]."""
    image = to_pil(read(path))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    part = image.crop((left, top, left + side, top + side))
    return from_pil(part.resize((side_px, side_px), Image.Resampling.LANCZOS))


def check_reference(reference: str) -> None:
    """Raise RefusedError for what is neither a world nor a folder."""
    if reference not in WORLDS and not Path(reference).is_dir():
        raise RefusedError(
            f"{reference} is not a folder of pictures. Give one as --reference, or {' or '.join(WORLDS)}."
        )


def _world(name: str, wanted: int, sizes: Sizes) -> Reals:
    """Pictures that a program draws, each from a seed of its own that training has not used."""
    draw = WORLDS[name]

    def picture(number: int) -> Tensor:
        generator = torch.Generator().manual_seed(SEED_OF_WORLD + number)
        return draw(1, sizes.real_px, generator)[0]

    return Reals(name, f"{name} {SEED_OF_WORLD}", wanted, picture)
