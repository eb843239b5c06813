"""CLIP-IQA (Wang, Chan, Loy 2023): how much nearer a picture is to "Good photo." than to "Bad photo."."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from evaluation.networks.text_image import Scorer
from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

PROMPTS = ("Good photo.", "Bad photo.")
SCALE = 100.0  # of cosines before the softmax: what CLIP's own temperature was trained to


def share(embedded: Tensor, anchors: Tensor) -> Tensor:
    """(N,) in 0..1: softmax of 100 cosines of unit embeddings (N, D) with two unit anchors (2, D), the first's part."""
    return (SCALE * embedded @ anchors.T).softmax(1)[:, 0]


@dataclass(frozen=True)
class ClipIqa:
    """The score `clip_iqa` of each level; higher is better."""

    anchors: Tensor = field(repr=False)
    scorer: str
    revision: str
    embeds: bool = True

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:
        """One score per level, of the levels' unit embeddings (L, D)."""
        if embedded is None or len(embedded) != len(stack):
            raise InvalidInputError("This score reads one embedding per level, of the scorer that it was loaded with.")
        values = share(embedded, self.anchors).tolist()
        return [Score("clip_iqa", value, "level", i, self.scorer, self.revision) for i, value in enumerate(values)]


def load(argument: str, *, device: torch.device, scorer: Scorer | None) -> ClipIqa:  # noqa: ARG001
    """`clip_iqa` by `scorer`. Raises InvalidInputError without one."""
    if scorer is None:
        raise InvalidInputError("clip_iqa is told by a text-image scorer, and this run has none. Choose a scorer.")
    return ClipIqa(scorer.embed_texts(PROMPTS), scorer.name, scorer.revision)
