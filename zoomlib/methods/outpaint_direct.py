"""Direct outpainting: from the deepest level out, the whole border of every wider level in one fill."""

from zoomlib.methods.outpaint import Config, run
from zoomlib.scene import keyword_forms
from zoomlib.walk import State

__all__ = ["EXTENDS", "IMAGES", "NESTS", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "deepest"
IMAGES = True
EXTENDS = ("wider",)
NESTS = True

sample, sample_stack = keyword_forms(Config, run)
