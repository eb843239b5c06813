"""How pleasing a picture is, by a published head on the image embedding of CLIP.

A head is linear (LAION's: `weight`, `bias`) or a chain of linear layers (improved-aesthetic-predictor's:
`layers.0.weight` and so on, 768-1024-128-64-16-1). It reads the embedding *normalised* to length 1: heads that are fed
raw ones give 20 to 30 for every picture.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.networks.text_image import Scorer
from evaluation.networks.weights import digest, read_weights
from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

FITTING = {512: "ViT-B-32-quickgelu:openai", 768: "ViT-L-14-quickgelu:openai", 1024: "ViT-H-14:laion2b_s32b_b79k"}
"""Scorers whose embeddings have a head's width: those that published heads were trained on, as far as is known."""


@dataclass(frozen=True, eq=False)
class Head:
    """Linear layers, as (weight (out, in), bias (out,)) in order; the last gives one value.

    rectified: a ReLU stands between them. Most published heads have only dropout there, which scoring leaves out.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    rectified: bool = False

    @property
    def width(self) -> int:
        """How many numbers the embedding has that this head reads."""
        return self.layers[0][0].shape[1]

    def __call__(self, embedded: Tensor) -> Tensor:
        """(N,) of unit embeddings (N, D)."""
        for i, (weight, bias) in enumerate(self.layers):
            embedded = F.linear(embedded.relu() if i and self.rectified else embedded, weight, bias)
        return embedded[:, 0]


def read_head(file: Path) -> Head:
    """A head from its safetensors file; a prefix before the names of its layers does not matter.

    Raises InvalidInputError for a file that is missing, of another format, damaged, incomplete or not a chain of linear
    layers that ends in one value.
    """
    weights = read_weights(file, "an aesthetic head")
    stems = {name.rpartition(".")[0] for name in weights}
    expected = {f"{stem}.{part}".lstrip(".") for stem in stems for part in ("weight", "bias")}
    if not weights or expected != weights.keys():
        odd = sorted(expected ^ weights.keys()) or ["nothing"]
        raise InvalidInputError(
            f"{file} is no aesthetic head, or not a whole one: expected a weight and a bias of each linear layer; look "
            f"at {odd[0]!r}."
        )
    ordered = sorted(stems, key=_place)
    layers = tuple((_of(weights, stem, "weight").float(), _of(weights, stem, "bias").float()) for stem in ordered)
    _check_chain(layers, file)
    return Head(layers, _rectified([_place(stem) for stem in ordered], file))


def _of(weights: Mapping[str, Tensor], stem: str, part: str) -> Tensor:
    return weights[f"{stem}.{part}".lstrip(".")]


def _place(stem: str) -> int:
    """The number of a layer in its torch.nn.Sequential: the last one in the name, 0 for a lone layer."""
    return int((re.findall(r"\d+", stem) or ["0"])[-1])


def _check_chain(layers: tuple[tuple[Tensor, Tensor], ...], file: Path) -> None:
    shapes = [tuple(weight.shape) for weight, _ in layers]
    flat = all(w.ndim == 2 and b.shape == w.shape[:1] for w, b in layers)
    if not flat or any(one[0] != two[1] for one, two in pairwise(shapes)) or shapes[-1][0] != 1:
        raise InvalidInputError(
            f"The layers of {file} do not follow on each other to one value: their weights are {shapes}. An aesthetic "
            "head is a chain of linear layers, each (out, in), the last with out = 1."
        )


def _rectified(places: list[int], file: Path) -> bool:
    """Whether there was room for a ReLU and a dropout between the layers of the torch.nn.Sequential that was saved."""
    gaps = {after - before for before, after in pairwise(places)}
    if gaps <= {1, 2}:
        return False
    if max(gaps) == 3 and min(gaps) >= 2:
        return True
    raise InvalidInputError(
        f"The layers of {file} are numbered {places}, so that what stood between them cannot be told. Known are heads "
        "with dropout between their layers (0, 2, 4, 6, 7) and with ReLU and dropout (0, 3, 6, 9, 11)."
    )


@dataclass(frozen=True)
class Aesthetic:
    """The score `aesthetic` of each level; higher is better, about 1 to 10 with the published heads."""

    head: Head
    scorer: str
    revision: str
    embeds: bool = True

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:
        """One score per level, of the levels' unit embeddings (L, D)."""
        if embedded is None or len(embedded) != len(stack):
            raise InvalidInputError("This score reads one embedding per level, of the scorer that it was loaded with.")
        with torch.inference_mode():
            values = self.head(embedded).tolist()
        return [Score("aesthetic", value, "level", i, self.scorer, self.revision) for i, value in enumerate(values)]


def check(argument: str, scorer: str) -> None:
    """Refuse, before anything is loaded or sampled, what `load` would refuse of a head on the scorer of this name."""
    from evaluation.networks.clip import embedding_width  # slow to import, so only where a head is asked for

    file = Path(argument)
    head, width = read_head(file), embedding_width(scorer)
    if width is not None:
        _check_width(head, file, scorer, width)


def load(argument: str, *, device: torch.device, scorer: Scorer | None) -> Aesthetic:  # noqa: ARG001
    """`aesthetic:FILE` on the embeddings of `scorer`. Raises InvalidInputError where their widths differ."""
    file = Path(argument)
    head = read_head(file)
    if scorer is None:
        raise InvalidInputError(
            f"aesthetic:{file.name} reads the image embeddings of a scorer, and this run has none. "
            f"{_remedy(head.width)}"
        )
    _check_width(head, file, scorer.name, scorer.embed_texts(["a picture"]).shape[1])
    return Aesthetic(head, f"{file.stem} on {scorer.name}", f"{digest([file])} on {scorer.revision}")


def _check_width(head: Head, file: Path, scorer: str, width: int) -> None:
    if width != head.width:
        raise InvalidInputError(
            f"The aesthetic head {file.name} reads embeddings of {head.width} numbers, those of the scorer "
            f"{scorer} have {width}. {_remedy(head.width)}"
        )


def _remedy(width: int) -> str:
    fitting = FITTING.get(width)
    named = f"{fitting}, or a folder with it" if fitting else f"one with embeddings of {width} numbers"
    return f"Choose the scorer that the head was trained on: {named}."
