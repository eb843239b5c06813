"""A painter that knows few words for colours, and a scorer that knows more: for tests of whose words a picture shows.

"verdant" is green to the scorer, and nothing to the painter, who paints it grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evaluation.networks.text_image import rate
from tasks.run import Tools
from tests.doubles.painter import Painter, Studio
from zoomlib.denoiser import Condition
from zoomlib.ladder import Step

GREY = (0.0, 0.0, 0.0)
PAINTED = {"green": (-0.8, 0.8, -0.8), "blue": (-0.8, -0.8, 0.8), "red": (0.8, -0.8, -0.8), "grey": GREY}
SEEN = PAINTED | {"verdant": PAINTED["green"], "azure": PAINTED["blue"]}


def colours(prompts: Sequence[str], known: dict[str, tuple[float, float, float]]) -> Tensor:
    """The colour (N, 3) of the first known word of each prompt."""
    found = [next((known[word] for word in prompt.lower().split() if word in known), GREY) for prompt in prompts]
    return torch.tensor(found)


class PalettePainter(Painter):
    """Paints the colour that a prompt names and nothing else: no seam is there but where colours differ."""

    def condition(self, prompts, negatives=None, *, image=None, mask=None) -> Condition:
        return Condition({"colour": colours(prompts, PAINTED)})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        return condition.rows["colour"][:, :, None, None].expand_as(z).clone()


@dataclass
class Beholder:
    """A scorer: 100 where a picture has its prompt's colour, less the farther it is from it."""

    name: str = "beholder"
    revision: str = "b1"

    def score(self, images: Tensor, prompts: Sequence[str]):
        seen, asked = images.mean((-2, -1)), colours(prompts, SEEN)
        cosines = 1 - torch.cdist(seen, asked) / 2
        count = torch.ones(len(prompts), dtype=torch.int64)
        return rate(cosines, count, count > 1)


@dataclass
class PaletteStudio(Studio):
    """Tools with both."""

    scored: list[str] = field(default_factory=list)

    def load_denoiser(self, name: str, **options: object) -> Painter:
        self.loaded.append("denoiser")
        return PalettePainter()

    def load_scorer(self, name: str, **options: object) -> Beholder:
        self.scored.append(name)
        return Beholder()

    def tools(self) -> Tools:
        return Tools(
            describe=self.describe,
            describe_scorer=lambda name: {"id": name, "revision": "b1"},
            load_denoiser=self.load_denoiser,
            load_upscaler=self.load_upscaler,
            load_scorer=self.load_scorer,
        )
