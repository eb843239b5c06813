"""Pictures of a folder, to train generators of planes on."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.images import UNREADABLE
from zoomlib.reading import load_picture

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".jp2", ".ppm"))
_NAMED = 3  # of the pictures that will not do, so many are named


class PictureFolder:
    """The pictures of a folder and of the folders in it, in the order of their names; a `training.Pictures`.

    Of each the square about its centre is taken, scaled to the side that is asked for (bilinearly, without aliasing)
    and kept in memory as far as `cache_bytes` reach.

    Raises InvalidInputError for a folder without pictures, and, from their headers alone and before any work, for
    pictures that cannot be read or whose shorter side is below `least_px`.
    """

    def __init__(self, folder: Path, least_px: int, *, cache_bytes: int = 2**29) -> None:
        self.folder, self.least_px = Path(folder), least_px
        if not self.folder.is_dir():
            raise InvalidInputError(f"{folder} is no folder. Give a folder of pictures to train on.")
        self.paths = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not self.paths:
            raise InvalidInputError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))}). Give another folder.")
        _check_all(self.paths, least_px)
        self._kept: dict[tuple[Path, int], Tensor] = {}
        self._free = cache_bytes

    def __len__(self) -> int:
        return len(self.paths)

    def __call__(self, count: int, side_px: int, generator: torch.Generator) -> Tensor:
        """`count` pictures (B, 3, side, side) in [-1, 1], drawn by the generator: each at most once until all were
        drawn. On the generator's device."""
        if side_px > self.least_px:
            raise InvalidInputError(
                f"These pictures were checked for {self.least_px} px, not for {side_px}. Open the folder for that side."
            )
        rounds = -(-count // len(self.paths))
        order = [torch.randperm(len(self.paths), generator=generator, device=generator.device) for _ in range(rounds)]
        chosen = torch.cat(order)[:count].tolist()
        pictures = torch.stack([self._picture(self.paths[number], side_px) for number in chosen])
        return pictures.to(generator.device).float().div_(127.5).sub_(1)

    def _picture(self, path: Path, side_px: int) -> Tensor:
        """uint8 (3, side, side)."""
        key = path, side_px
        if key in self._kept:
            return self._kept[key]
        picture = square(load_picture(path)[0], side_px)
        made = picture.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
        if made.numel() <= self._free:
            self._free -= made.numel()
            self._kept[key] = made
        return made


def square(picture: Tensor, side_px: int) -> Tensor:
    """The square about the centre of a picture (3, H, W), scaled to (3, side, side)."""
    side = min(picture.shape[1:])
    top, left = ((length - side) // 2 for length in picture.shape[1:])
    cut = picture[None, :, top : top + side, left : left + side]
    return F.interpolate(cut, size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False)[0]


def _check_all(paths: list[Path], least_px: int) -> None:
    small, broken = [], []
    for path in paths:
        try:
            with Image.open(path) as picture:
                if min(picture.size) < least_px:
                    small.append(path)
        except UNREADABLE:
            broken.append(path)
    for wrong, words in ((broken, "cannot be read"), (small, f"have a side below {least_px} px")):
        if wrong:
            named = ", ".join(path.name for path in wrong[:_NAMED]) + (" and others" if len(wrong) > _NAMED else "")
            raise InvalidInputError(f"{len(wrong)} of {len(paths)} pictures {words}: {named}. Take them out.")
