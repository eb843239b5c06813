"""All scores of a generator of unbounded pictures: FID at its training size, of 2x extensions, ScaleInv and spatial."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from evaluation.sets import naming
from evaluation.sets.extractors import Extractor
from evaluation.sets.features import BATCH, extract
from evaluation.sets.generated import Draw, Real, Shot, Sizes, pictures, real_of, shown, ways
from evaluation.sets.scaleinv import renamed
from evaluation.sets.scoring import Reference, Settings, score_set
from evaluation.sets.spatial import spatial
from evaluation.table import Score
from zoomlib.errors import InvalidInputError

Told = Callable[[Shot, bool, int], None]
"""Is told of a shot, of its drawn pictures (True) or of the real ones, how many are seen."""


@dataclass(frozen=True)
class Sample:
    """How many pictures are drawn (`count`) and how many real ones they are compared with; all follows from `seed`."""

    count: int
    real_count: int
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    batch: int = BATCH

    def __post_init__(self) -> None:
        if min(self.count, self.real_count) < 2 or self.seed < 0:
            raise InvalidInputError(
                "The distance of two sets needs two pictures or more in each, and hundreds to mean anything; got "
                f"{self.count} drawn and {self.real_count} real ones, seed {self.seed} (0 or more)."
            )


def score_generator(
    draw: Draw,
    real: Real,
    extractor: Extractor,
    sizes: Sizes,
    shots: Sequence[Shot],
    sample: Sample,
    *,
    on_image: Told = lambda *_: None,
) -> list[Score]:
    """The scores of each shot, in order, with intervals.

    `fid` of patches, `ext2_fid`, `scaleinv_fid_2x`, `spatial_fid`, by another extractor than Inception
    `frechet_distance` and so on; where pictures are made smaller a second time with antialiasing (`_antialiased`).
    Pictures are drawn one after the other and let go of: memory holds one or two of the largest. Each is a plane of its
    own, so that they are independent.
    """
    known: dict[str, Reference] = {}
    scores: list[Score] = []
    for shot in shots:
        eye = spatial(extractor) if shot.kind == "spatial" else extractor
        if shot.kind not in known:
            read = real_of(real, shot, sizes, sample.seed)
            told = partial(on_image, shot, False)
            known[shot.kind] = Reference(
                extract(range(sample.real_count), read, eye, batch=sample.batch, on_image=told)
            )
        scores += _shot(draw, known[shot.kind], eye, sizes, shot, sample, on_image)
    return scores


def _shot(
    draw: Draw,
    reference: Reference,
    eye: Extractor,
    sizes: Sizes,
    shot: Shot,
    sample: Sample,
    on_image: Told,
) -> list[Score]:
    each = ways(shot, sizes)

    def told(done: int) -> None:
        on_image(shot, True, done // len(each))

    drawn = pictures(draw, shot, sizes, sample.seed, sample.count)
    seen = extract(_as_compared(drawn, shot, sizes, each), lambda image: image, eye, batch=sample.batch, on_image=told)
    found: list[Score] = []
    for k, way in enumerate(each):
        measured = score_set(seen[k :: len(each)], reference, eye, settings=sample.settings)
        found += named(measured, shot, antialias=way)
    return found


def named(scores: Iterable[Score], shot: Shot, *, antialias: bool = False) -> list[Score]:
    """Scores of a set under the names of their shot. IS stays with patches only."""
    if shot.kind == "patch":
        return list(scores)
    if shot.kind == "scaleinv":
        return renamed(scores, shot.scale, antialias=antialias)
    return naming.renamed(scores, f"{shot.kind}_", naming.ANTIALIASED if antialias else "")


def _as_compared(drawn: Iterable[Tensor], shot: Shot, sizes: Sizes, each: Sequence[bool]) -> Iterator[Tensor]:
    for image in drawn:
        yield from (shown(image, shot, sizes, antialias=way) for way in each)
