"""The procedural world that the bundled model learns: captions and pictures without end, from a seed."""

from zoomlib.bundled.world.pictures import Pictures, compose, draw_pictures
from zoomlib.bundled.world.vocabulary import CLASS_NAMES, COLOUR_NAMES, caption, phrase

__all__ = ["CLASS_NAMES", "COLOUR_NAMES", "Pictures", "caption", "compose", "draw_pictures", "phrase"]
