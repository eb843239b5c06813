"""Networks that see pictures as features, by name: Inception, a text-image scorer, or DINO.

Only Inception's distances are called FID and KID, and only it has classes for IS. Distances by another network are
called `frechet_distance` and `kernel_distance`, with the network's name beside them: they cannot be compared with FID.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from evaluation.sets import inception
from evaluation.sets.resizing import resized
from zoomlib.building import alone

if TYPE_CHECKING:
    from evaluation.networks.dino import WindowDino
    from evaluation.networks.text_image import Scorer

INCEPTION, DINO = "inception", "dino"


@dataclass(frozen=True)
class Extractor:
    """A network that is ready to embed.

    name, revision: as in the rows of scores. prepare: of one picture (3, H, W) in [-1, 1] what the network reads, all
    of one size; for several threads at once. embed: of a batch of these its features (N, D) and, where the network
    classifies, logits (N, K), float32 on the CPU. is_inception: whether its distances are FID and KID.
    """

    name: str
    revision: str
    prepare: Callable[[Tensor], Tensor]
    embed: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    is_inception: bool = False

    @property
    def frechet(self) -> str:
        """What its Fréchet distance is called."""
        return "fid" if self.is_inception else "frechet_distance"

    @property
    def kernel(self) -> str:
        """What its kernel distance is called."""
        return "kid" if self.is_inception else "kernel_distance"


@alone
def load_extractor(text: str, *, device: str | torch.device = "cpu") -> Extractor:
    """`inception:FILE` (weights in safetensors), `dino:FOLDER`, or a scorer as `load_scorer` takes it: `bundled`, a
    folder, NAME:TAG. Raises InvalidInputError where there is none such or its files are unusable."""
    kind, colon, rest = text.partition(":")
    if colon and kind == INCEPTION:
        return of_inception(*inception.load_inception(rest), device=device)
    if colon and kind == DINO:
        from evaluation.networks.dino import load

        return _of_dino(load(rest, device=torch.device(device), scorer=None))
    from evaluation.networks.clip import load_scorer

    return of_scorer(load_scorer(text, device=device))


def check_extractor(text: str) -> None:
    """Refuse what can be seen without loading: missing files and other formats. Raises InvalidInputError."""
    kind, colon, rest = text.partition(":")
    if colon and kind == INCEPTION:
        inception.check_weights(rest)
    elif colon and kind == DINO:
        from evaluation.networks.dino import files

        files(Path(rest))


def of_inception(network: inception.Inception, revision: str, *, device: str | torch.device = "cpu") -> Extractor:
    """Inception with the features of FID and KID and the logits of IS, in float32."""
    place = torch.device(device)
    network = network.to(place).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def embed(pictures: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = network(pictures.to(place).contiguous(memory_format=torch.channels_last))
        return features.cpu(), logits.cpu()

    return Extractor(INCEPTION, revision, resized, embed, is_inception=True)


def of_scorer(scorer: "Scorer") -> Extractor:
    """The image tower of a text-image model, its embeddings at their own lengths, as CLIP-FID takes them."""
    from evaluation.networks.preprocess import preprocess

    cfg = scorer.model.visual.preprocess_cfg

    @torch.inference_mode()
    def embed(pictures: Tensor) -> tuple[Tensor, None]:
        return scorer.model.encode_image(pictures.to(scorer.device)).float().cpu(), None

    return Extractor(scorer.name, scorer.revision, lambda image: preprocess(image[None], cfg)[0], embed)


def _of_dino(tower: "WindowDino") -> Extractor:
    return Extractor(
        tower.scorer, tower.revision, lambda image: tower.preprocess(image[None])[0], lambda p: (tower.embed(p), None)
    )
