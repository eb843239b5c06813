"""ScaleInv FID: whether pictures N times larger than those of training still look like them as a whole.

Pictures N times the training size are resized to it with bilinear interpolation; then it is the Fréchet distance to the
training pictures (InfinityGAN, arXiv 2104.03963, section 4). Their code looks at four pixels of the large picture for
each of the small one; from N = 3 on that leaves pixels out, and the aliasing counts as well. Both ways are offered.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from torch import Tensor

from evaluation.sets import naming
from evaluation.sets.extractors import Extractor
from evaluation.sets.features import BATCH, extract
from evaluation.sets.naming import ANTIALIASED
from evaluation.sets.resizing import bilinear
from evaluation.sets.scoring import Reference, Settings, score_set
from evaluation.table import Score
from zoomlib.errors import InvalidInputError

SCALES = (1, 2, 4, 8)
PREFIX = "scaleinv_"


def scaleinv(
    draw: Callable[[int], Iterable[Tensor]],
    reference: Reference,
    extractor: Extractor,
    *,
    size_px: tuple[int, int],
    scales: Sequence[int] = SCALES,
    antialias: Sequence[bool] = (False, True),
    groups: Callable[[int], Sequence[Hashable]] | None = None,
    settings: Settings | None = None,
    batch: int = BATCH,
    on_image: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """`scaleinv_fid_2x` and the like (`scaleinv_frechet_distance_2x` by another extractor), with intervals, for each N.

    draw: of N the pictures (3, N h, N w) in [-1, 1], a generator at best: each is let go of once it is resized to
    `size_px` (h, w). groups: of N the story of each picture. The antialiased way adds `_antialiased` to names; at N = 1
    nothing is resized and both are one. on_image is told N and the number done. Raises InvalidInputError for a picture
    of another size, and as `score_set`.
    """
    scores = []
    for scale in scales:
        ways = tuple(antialias) if scale > 1 else (False,)

        def told(done: int, scale: int = scale, ways: tuple[bool, ...] = ways) -> None:
            if on_image is not None:
                on_image(scale, done // len(ways))

        images = _reduced(draw(scale), scale, size_px, ways)
        seen = extract(images, lambda image: image, extractor, batch=batch, on_image=told)
        stories = None if groups is None else groups(scale)
        for k, way in enumerate(ways):
            measured = score_set(seen[k :: len(ways)], reference, extractor, groups=stories, settings=settings)
            scores += renamed(measured, scale, antialias=way)
    return scores


def renamed(scores: Iterable[Score], scale: int, *, antialias: bool = False) -> list[Score]:
    """`fid` as `scaleinv_fid_2x`, `fid_low` as `scaleinv_fid_2x_low`: all scores of a set of scale N but its IS."""
    return naming.renamed(scores, PREFIX, f"_{scale}x{ANTIALIASED if antialias else ''}")


def scale_of(shape: tuple[int, int], size_px: tuple[int, int]) -> int:
    """How many times larger a picture (H, W) is than `size_px`. Raises InvalidInputError where that is no whole
    number, or not the same along both sides."""
    scale = shape[0] // size_px[0]
    if scale < 1 or shape != (scale * size_px[0], scale * size_px[1]):
        raise InvalidInputError(
            f"A picture of {shape[1]} x {shape[0]} pixels is no whole number of times {size_px[1]} x {size_px[0]}, the "
            "training size. ScaleInv FID is of pictures 1, 2, 4 or 8 times as large."
        )
    return scale


def reduced(image: Tensor, size_px: tuple[int, int], *, antialias: bool) -> Tensor:
    """A picture (3, N h, N w) at the training size (h, w). Raises InvalidInputError as `scale_of`."""
    scale_of((int(image.shape[-2]), int(image.shape[-1])), size_px)
    return bilinear(image, size_px, antialias=antialias)


def _reduced(images: Iterable[Tensor], scale: int, size_px: tuple[int, int], ways: Sequence[bool]) -> Iterator[Tensor]:
    """Each picture once for each way, at the training size."""
    for image in images:
        found = scale_of((int(image.shape[-2]), int(image.shape[-1])), size_px)
        if found != scale:
            raise InvalidInputError(
                f"Pictures {scale} times the training size were asked for, but one of {found} times came: "
                f"{image.shape[-1]} x {image.shape[-2]} pixels."
            )
        yield from (bilinear(image, size_px, antialias=way) for way in ways)
