"""Published values of the same scores, to stand beside measured ones: what others found with their models and data."""

from dataclasses import dataclass

SOURCE = "InfinityGAN, arXiv 2104.03963"
TABLE_1 = f"{SOURCE}, Table 1: Flickr-Landscape"
TABLE_2 = f"{SOURCE}, Table 2: outpainting"


@dataclass(frozen=True)
class Published:
    """A value from a paper. score: its name here. data: what it was measured on. source: where it stands."""

    method: str
    data: str
    score: str
    value: float
    source: str


_FID = ("fid", *(f"scaleinv_fid_{scale}x" for scale in (1, 2, 4, 8)))
_LANDSCAPE = {
    "SinGAN": (4.21, 4.21, 57.10, 145.12, 210.22),
    "COCO-GAN": (17.52, 41.32, 258.51, 376.69, 387.15),
    "StyleGAN2+NCI": (4.19, 4.19, 18.31, 79.83, 189.65),
    "StyleGAN2+NCI, patches": (5.35, 21.06, 58.84, 165.65, 234.19),
    "StyleGAN2+NCI+PFG": (86.76, 90.79, 126.88, 211.22, 272.80),
    "InfinityGAN": (11.03, 21.84, 28.83, 61.41, 121.18),
}
_OUTPAINTING = {
    "Boundless": ((35.02, 6.15), (61.98, 6.98)),
    "NS-outpaint": ((50.68, 4.70), (61.16, 4.76)),
    "In&Out": ((23.57, 7.18), (30.34, 7.16)),
    "In&Out+InfinityGAN": ((9.11, 6.78), (15.31, 7.19)),
}
_PLACES = ("Places365", "Flickr-Scenery")

PUBLISHED = (
    *(
        Published(method, "Flickr-Landscape", score, value, TABLE_1)
        for method, values in _LANDSCAPE.items()
        for score, value in zip(_FID, values, strict=True)
    ),
    *(
        Published(method, data, score, value, TABLE_2)
        for method, places in _OUTPAINTING.items()
        for data, values in zip(_PLACES, places, strict=True)
        for score, value in zip(("fid", "inception_score"), values, strict=True)
    ),
)


def published(score: str) -> tuple[Published, ...]:
    """The published values of a score; none for scores by other networks than Inception."""
    return tuple(found for found in PUBLISHED if found.score == score)
