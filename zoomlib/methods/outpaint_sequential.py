"""Sequential outpainting: from the deepest level out, left, top, right and bottom one after the other."""

from dataclasses import dataclass

from zoomlib.methods import outpaint
from zoomlib.methods.outpaint import Mode, run
from zoomlib.scene import keyword_forms
from zoomlib.walk import State

__all__ = ["EXTENDS", "IMAGES", "NESTS", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "deepest"
IMAGES = True
EXTENDS = ("wider",)
NESTS = True


@dataclass(frozen=True)
class Config(outpaint.Config):
    """The settings of outpainting (`zoomlib.outpainting.settings`)."""

    @property
    def mode(self) -> Mode:
        """Side by side."""
        return "sequential"


sample, sample_stack = keyword_forms(Config, run)
