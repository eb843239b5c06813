"""LPIPS by VGG-16 (Zhang et al. 2018, equation 1) as a loss, from a file; the score is in `evaluation`."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.inversion.perceptual import EPSILON

SLICES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""The convolutions between two looks at the features, by their places in VGG-16; each but the first pools first."""
WIDTHS = (64, 128, 256, 512, 512)
LEAST_PX = 16
"""Four times halved, a shorter side is gone."""


class LpipsVgg:
    """`distance(a, b)` of pictures (B, 3, H, W) in [-1, 1], sides of at least 16: a scalar, the mean over B."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.weights = weights

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Differentiable in both pictures."""
        total = a.new_zeros(len(a))
        shift, scale = self.weights["scaling_layer.shift"], self.weights["scaling_layer.scale"]
        a, b = (a - shift) / scale, (b - shift) / scale
        for i in range(len(SLICES)):
            a, b = self._slice(a, i), self._slice(b, i)
            difference = (_unit(a) - _unit(b)).square()
            total = total + F.conv2d(difference, self.weights[f"lin{i}.model.1.weight"]).mean((1, 2, 3))
        return total.mean()

    def _slice(self, x: Tensor, i: int) -> Tensor:
        if i:
            x = F.max_pool2d(x, 2)
        for place in SLICES[i]:
            name = f"net.slice{i + 1}.{place}"
            x = F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], padding=1).relu()
        return x


def _unit(features: Tensor) -> Tensor:
    """As the published code: the length, and after that the small number. EPSILON keeps the slope at 0 finite."""
    length = (features.square().sum(1, keepdim=True) + EPSILON**2).sqrt()
    return features / (length + EPSILON)


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor that is needed, by its name in the state dict of lpips.LPIPS(net="vgg"), with its shape."""
    wanted: dict[str, tuple[int, ...]] = {"scaling_layer.shift": (1, 3, 1, 1), "scaling_layer.scale": (1, 3, 1, 1)}
    into = 3
    for i, (places, width) in enumerate(zip(SLICES, WIDTHS, strict=True)):
        wanted[f"lin{i}.model.1.weight"] = (1, width, 1, 1)
        for place in places:
            wanted[f"net.slice{i + 1}.{place}.weight"] = (width, into, 3, 3)
            wanted[f"net.slice{i + 1}.{place}.bias"] = (width,)
            into = width
    return wanted


def read_lpips(file: Path, device: str = "cpu") -> LpipsVgg:
    """The loss of a safetensors file that holds the whole state dict of lpips.LPIPS(net="vgg").

    Raises InvalidInputError for a file that is missing, damaged, of another network, or not finite.
    """
    try:
        found = load_file(file, device=device)
    except (OSError, SafetensorError, ValueError) as error:
        raise InvalidInputError(
            f"{file} cannot be read as safetensors with the weights of LPIPS ({error}). docs/scores.md has the line "
            "that saves them; without them an inversion uses random features."
        ) from error
    for name, shape in shapes().items():
        if name not in found or tuple(found[name].shape) != shape:
            came = tuple(found[name].shape) if name in found else "nothing"
            raise InvalidInputError(
                f"{file} is no LPIPS by VGG: expected {name} of the shape {shape}, got {came}. Save the whole state "
                'dict of lpips.LPIPS(net="vgg"), as docs/scores.md says.'
            )
        if not bool(found[name].isfinite().all()):
            raise InvalidInputError(f"{file} holds values that are not finite, in {name}. Save it again.")
    return LpipsVgg({name: found[name].float() for name in shapes()})
