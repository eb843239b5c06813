"""No-reference quality by ARNIQA (Agnolucci et al. 2024), as torchmetrics has it: a ResNet-50 on two scales.

The network is torchmetrics'; only its weights come from a file instead of the network.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evaluation.networks.text_image import Scorer
from evaluation.networks.weights import digest, read_weights
from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

METRICS = {"arniqa-koniq10k": "koniq10k", "arniqa-kadid10k": "kadid10k"}
"""The metrics by name, each with the data set whose scale its regressor speaks."""

AT_A_TIME = 4  # pictures; a ResNet-50 keeps 60 MB of a 512 px one
LEAST_PX = 2  # half of it is one pixel


@dataclass(frozen=True)
class Quality:
    """The score `quality_<metric>` of each level; higher is better, 0 to 1 on the scale of its data set."""

    model: Any = field(repr=False)
    name: str
    device: torch.device
    scorer: str
    revision: str
    embeds: bool = False

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:  # noqa: ARG002
        """One score per level, at the level's own size."""
        values = self.rate(stack.levels).tolist()
        return [Score(self.name, value, "level", i, self.scorer, self.revision) for i, value in enumerate(values)]

    @torch.inference_mode()
    def rate(self, images: Tensor) -> Tensor:
        """(N,) float32 on the CPU, of images (N, C, H, W) in [-1, 1], C = 1 or 3, of at least 2 pixels a side."""
        if min(images.shape[-2:]) < LEAST_PX:
            raise InvalidInputError(f"ARNIQA needs levels of at least {LEAST_PX} pixels a side.")
        pixels = ((images.expand(-1, 3, -1, -1) + 1) / 2).clamp(0, 1)
        parts = [self.model(part.to(self.device), normalize=True)[:, 0] for part in torch.split(pixels, AT_A_TIME)]
        return torch.cat(parts).float().cpu()


def load(argument: str, *, device: torch.device, scorer: Scorer | None) -> Quality:  # noqa: ARG001
    """`quality:METRIC:FILE`. Raises InvalidInputError for a file that is not its whole state dict."""
    metric, _, path = argument.partition(":")
    file = Path(path)
    weights = read_weights(file, metric)
    model = _empty(METRICS[metric])
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise InvalidInputError(
            f"{file} is no whole state dict of torchmetrics' ARNIQA: {error}. docs/scores.md has the line for it."
        ) from error
    model = model.eval().requires_grad_(False).to(device)
    return Quality(model, f"quality_{metric.replace('-', '_')}", device, f"{metric} ({file.stem})", digest([file]))


def _empty(dataset: str) -> Any:
    from torchmetrics.functional.image.arniqa import _ARNIQA

    class Empty(_ARNIQA):  # type: ignore[misc]
        def _load_weights(self) -> None:
            """Its own fetches from the network."""

    with torch.device("meta"):
        return Empty(dataset)
