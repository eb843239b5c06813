"""The Inception of FID, KID and IS, with weights that the user gives: the one meeting with torch-fidelity.

The published weights are `pt_inception-2015-12-05-6726825d.pth` (pytorch-fid's, and torch-fidelity's under another
name), a pickle; `evaluation.networks.weights.conversion` makes them safetensors, once.
"""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evaluation.networks.weights import check_file, conversion, digest, read_weights
from zoomlib.errors import InvalidInputError

FEATURES, CLASSES = 2048, 1008
WHAT = "Inception (FID's, of 2015-12-05)"
_REMEDY = (
    "Fetch pt_inception-2015-12-05-6726825d.pth, which pytorch-fid publishes, and make it safetensors once: "
    + conversion(Path("pt_inception-2015-12-05-6726825d.pth"))
)
_LAYERS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool"),
)


class Inception(nn.Module):
    """Pictures (N, 3, 299, 299) in 0..255 to features (N, 2048) and logits (N, 1008), float32.

    The logits are those of IS, without the last layer's bias. Torch-fidelity's own forward would round pictures to 8
    bits and resize them again, so its layers are called here in their order.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.layers = nn.Sequential(*(getattr(network, name) for name in _LAYERS))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits."""
        features = self.layers((pictures - 128) / 128).flatten(1)
        classifier: Any = self.network.fc
        return features, features @ classifier.weight.T


def check_weights(path: str | Path) -> None:
    """Refuse a missing file and another format, without reading it. Raises InvalidInputError."""
    check_file(Path(path), WHAT)


def load_inception(path: str | Path) -> tuple[Inception, str]:
    """The network with the weights in a safetensors file, and that file's SHA-256.

    Raises InvalidInputError for a missing or damaged file, another format, tensors that are not this network's or were
    never trained, and where torch-fidelity is not installed.
    """
    path = Path(path)
    tensors = read_weights(path, WHAT)
    network = untrained()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:2])
        raise InvalidInputError(
            f"{path} does not hold FID's Inception, so nothing that it measures is FID: {first[:300]} {_REMEDY}"
        ) from error
    if not bool(tensors["Conv2d_1a_3x3.bn.running_mean"].any()):
        raise InvalidInputError(f"The Inception in {path} was never trained. {_REMEDY}")
    return Inception(network.requires_grad_(False).eval()), digest([path])


def untrained() -> nn.Module:
    """The network with random weights from torch's global generator: for tests and benchmarks, never for scores."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise InvalidInputError(
            "Inception's network is torch-fidelity's, which is not installed. Run: pip install 'tenfold[inception]'"
        ) from error

    class Bare(FeatureExtractorInceptionV3):  # type: ignore[misc]
        """Its constructor fetches or unpickles weights; here it is handed none."""

        def load_state_dict(self, state_dict: dict[str, Tensor], *args: Any, **options: Any) -> Any:
            return super().load_state_dict(state_dict, *args, **options) if state_dict else None

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    network: nn.Module = Bare("inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=nothing)
    return network
