"""LanPaint: outpainting by Langevin steps at every noise level, with any model, also one that was never taught to.

Zheng, Lan and Wang, arXiv 2502.03491: between the steps of the sampler, what is made and what is kept move together
until the model's own estimate agrees with what is kept (`zoomlib.inpainting.langevin`). The model is asked as for a
picture from text alone.
"""

from dataclasses import dataclass, fields, replace

from zoomlib import inpainting
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Langevin
from zoomlib.inpainting.filling import Conditioning
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
class Config(Langevin, outpaint.Config):
    """The settings of outpainting and those of the Langevin steps. eta is that of the sampler between them; the paper's
    samplers have none."""

    eta: float = 0.0
    conditioning: Conditioning = "langevin"
    mode: Mode = "direct"

    def __post_init__(self) -> None:
        Langevin.__post_init__(self)
        if self.conditioning != "langevin":
            raise InvalidInputError(
                f"LanPaint conditions by Langevin steps, but conditioning is {self.conditioning!r}. Leave it out, or "
                "use outpaint-direct."
            )
        outpaint.Config.__post_init__(self)

    def filling(self) -> inpainting.Config:
        """How a border is filled: with Langevin steps."""
        langevin = Langevin(**{field.name: getattr(self, field.name) for field in fields(Langevin)})
        return replace(outpaint.Config.filling(self), langevin=langevin)


sample, sample_stack = keyword_forms(Config, run)
