"""Spatial FID: what lies where in a picture counts, not only what there is in it.

A picture is cut into 4 x 4 parts, each part is seen by the extractor as a picture of its own, and the features of all
parts stand behind each other as those of the picture; then it is the Fréchet distance as ever (InfinityGAN, arXiv
2104.03963, from its code). Two sets whose parts are alike but lie elsewhere have an FID of parts of 0, and a spatial
one that is not.

The released code lines the parts up part by part and reads them off picture by picture, so that with more than one
picture in a batch a row holds parts of several; and it leaves out what a side has beyond a multiple of four. Here a row
is of one picture, and every pixel counts.
"""

from itertools import pairwise

import torch
from torch import Tensor

from evaluation.sets.extractors import Extractor
from zoomlib.errors import InvalidInputError

PARTS = 4
"""Parts along a side, as published."""


def bounds(side_px: int, parts: int) -> tuple[int, ...]:
    """Where the parts of a side begin, and its end: parts + 1 numbers; sizes differ by one pixel at most."""
    return tuple(k * side_px // parts for k in range(parts + 1))


def partition(image: Tensor, parts: int = PARTS) -> list[Tensor]:
    """The parts x parts pieces of a picture (3, H, W), row by row from the top left; together all of it.

    Raises InvalidInputError for a side with fewer pixels than parts.
    """
    height, width = image.shape[-2:]
    if min(height, width) < parts:
        raise InvalidInputError(
            f"A picture of {width} x {height} pixels cannot be cut into {parts} x {parts} parts. Give larger ones."
        )
    rows, columns = bounds(height, parts), bounds(width, parts)
    return [image[..., top:bottom, left:right] for top, bottom in pairwise(rows) for left, right in pairwise(columns)]


def spatial(extractor: Extractor, parts: int = PARTS) -> Extractor:
    """`extractor` on the parts of pictures: features (N, parts² D), part after part, and no logits.

    The parts go through the network in batches of as many as there are pictures.
    """

    def prepare(image: Tensor) -> Tensor:
        return torch.stack([extractor.prepare(part) for part in partition(image, parts)])

    def embed(pictures: Tensor) -> tuple[Tensor, None]:
        batches = torch.split(pictures.flatten(0, 1), len(pictures))
        seen = [extractor.embed(batch)[0] for batch in batches]
        return torch.cat(seen).reshape(len(pictures), -1), None

    return Extractor(extractor.name, extractor.revision, prepare, embed, extractor.is_inception)
