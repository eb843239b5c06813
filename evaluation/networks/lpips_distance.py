"""LPIPS (Zhang et al. 2018) between the windows and the levels that they show, by the library `lpips`."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evaluation.networks.text_image import Scorer
from evaluation.networks.weights import digest, read_weights
from evaluation.table import Score
from evaluation.windows import each_pair
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

LEAST_PX = {"alex": 31, "vgg": 16, "squeeze": 17}
"""The shortest side that each network takes: below, its last layer sees nothing."""


@dataclass(frozen=True)
class WindowLpips:
    """The score `window_lpips` of each pair, at the window's size; lower is better. net: alex, vgg or squeeze."""

    model: Any = field(repr=False)
    net: str
    device: torch.device
    scorer: str
    revision: str
    embeds: bool = False

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:  # noqa: ARG002
        """One score per pair. Raises InvalidInputError for windows that are too small for the network."""
        if len(stack) == 1:
            return []
        return [
            Score("window_lpips", self.distance(wide, fine), "pair", level, self.scorer, self.revision)
            for level, (wide, fine) in enumerate(each_pair(stack.levels, stack.p, stack.focus, loop=stack.loop))
        ]

    @torch.inference_mode()
    def distance(self, a: Tensor, b: Tensor) -> float:
        """Of two pictures (1, C, h, w) in [-1, 1], C = 1 or 3."""
        h, w = a.shape[-2:]
        if min(h, w) < LEAST_PX[self.net]:
            raise InvalidInputError(
                f"LPIPS by {self.net} needs windows of at least {LEAST_PX[self.net]} pixels a side, and these have "
                f"{w} x {h}. Score larger levels, or use the weights of another network "
                f"({', '.join(f'{net} takes {side}' for net, side in LEAST_PX.items())})."
            )
        a, b = (x.float().expand(-1, 3, -1, -1).to(self.device) for x in (a, b))
        return float(self.model(a, b))


def network_of(weights: Mapping[str, Tensor]) -> str | None:
    """Which network a state dict belongs to, by its first layer and its number of heads; None for none."""
    first = weights.get("net.slice1.0.weight")
    heads = sum(name.endswith("model.1.weight") and name.startswith("lin") and name[3] != "s" for name in weights)
    shapes = {(64, 3, 11, 11, 5): "alex", (64, 3, 3, 3, 5): "vgg", (64, 3, 3, 3, 7): "squeeze"}
    return None if first is None else shapes.get((*first.shape, heads))


def load(argument: str, *, device: torch.device, scorer: Scorer | None) -> WindowLpips:  # noqa: ARG001
    """`lpips:FILE`. Raises InvalidInputError without the library, or for a file that is not its whole state dict."""
    file = Path(argument)
    weights = read_weights(file, "LPIPS")
    net = network_of(weights)
    if net is None:
        raise InvalidInputError(
            f"{file} does not hold the weights of LPIPS. Expected the whole state dict of lpips.LPIPS (alex, vgg or "
            "squeeze), its heads included; docs/scores.md has the line that saves it."
        )
    model = _empty(net)
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise InvalidInputError(f"{file} is no whole state dict of lpips.LPIPS(net={net!r}): {error}.") from error
    name = f"lpips-{net} ({file.stem})"
    return WindowLpips(model.eval().requires_grad_(False).to(device), net, device, name, digest([file]))


def _empty(net: str) -> Any:
    try:
        import lpips
    except ImportError as error:
        raise InvalidInputError(
            "window_lpips needs the library lpips, which is not installed: pip install 'tenfold[lpips]'."
        ) from error
    with warnings.catch_warnings(), torch.device("meta"):  # without drawing 138 million weights for nothing
        warnings.simplefilter("ignore")  # it asks torchvision in a way of long ago
        return lpips.LPIPS(pretrained=False, net=net, pnet_rand=True, verbose=False)
