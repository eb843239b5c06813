"""Scores of sets of pictures: FID, KID, IS and ScaleInv FID, and the same distances by other networks."""

from evaluation.sets.extractors import Extractor, check_extractor, load_extractor
from evaluation.sets.features import Features, extract
from evaluation.sets.scaleinv import scaleinv
from evaluation.sets.scoring import Reference, Settings, score_set

__all__ = [
    "Extractor",
    "Features",
    "Reference",
    "Settings",
    "check_extractor",
    "extract",
    "load_extractor",
    "scaleinv",
    "score_set",
]
