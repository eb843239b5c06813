"""Property 7 of the specification, the whole generator: by its equations from the tensors of the released program's
names, in the other form of modulation (each style has its own weights), without a line of ours. Within 1e-5·σ.
"""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.networks.layouts import to_released
from zoomlib.infinity.painting.painter import PlainPainter, inputs

BLUR = torch.tensor([1.0, 2.0, 1.0])[:, None] * torch.tensor([1.0, 2.0, 1.0]) / 16


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(8))


class Released:
    """Specification, sections 1.3 and 1.4, for one picture; names of the released program's EMA generator."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = {name: tensor.double() for name, tensor in state.items()}

    def layer(self, name: str, x: Tensor, w: Tensor, noise: Tensor | None = None, *, up: bool = False) -> Tensor:
        x = self.conv(f"{name}.conv", x, w, up=up)
        if noise is not None:
            x = x + self.state[f"{name}.noise.weight"] * noise
        return F.leaky_relu(x + self.state[f"{name}.activate.bias"][:, None, None], 0.2) * math.sqrt(2)

    def conv(self, name: str, x: Tensor, w: Tensor, *, up: bool = False, demodulate: bool = True) -> Tensor:
        weight, linear = self.state[f"{name}.weight"][0], self.state[f"{name}.modulation.weight"]
        s = linear @ w / math.sqrt(len(w)) + self.state[f"{name}.modulation.bias"]
        weight = weight * s[:, None, None] / math.sqrt(weight[0].numel())
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        return self.doubled(x, weight.transpose(0, 1)) if up else F.conv2d(x, weight)

    def doubled(self, x: Tensor, weight: Tensor) -> Tensor:
        """Side m to 2m + 1, less a ring, blurred with a gain of 4 to 2m - 3."""
        wide = F.conv_transpose2d(x, weight, stride=2)[..., 1:-1, 1:-1]
        return F.conv2d(wide, 4 * BLUR.double().expand(wide.shape[1], 1, 3, 3), groups=wide.shape[1])

    def structure(self, local: Tensor, place: Tensor, z: Tensor) -> Tensor:
        x = local
        for index in range(SMALL.structure_layers):
            ring = (place.shape[-1] - x.shape[-1]) // 2
            c = place[..., ring : place.shape[-2] - ring, ring : place.shape[-1] - ring]
            x = self.layer(f"structure_synthesizer.implicit_model.conv_stack.{index}.conv", torch.cat((x, c), 1), z)
        return x

    def mapping(self, z: Tensor) -> Tensor:
        x = z / (z.square().mean() + 1e-8).sqrt()
        for index in range(1, SMALL.mapping_layers + 1):
            weight, bias = (self.state[f"texture_synthesizer.mapping.{index}.{part}"] for part in ("weight", "bias"))
            x = F.leaky_relu(0.01 * (weight @ x / math.sqrt(len(x)) + bias), 0.2) * math.sqrt(2)
        return x

    def texture(self, x: Tensor, w_plus: Tensor, noises: list[Tensor]) -> Tensor:
        rgb = None
        for block in range(SMALL.blocks):
            for index in (2 * block, 2 * block + 1):
                x = self.layer(f"texture_synthesizer.convs.{index}", x, w_plus[index], noises[index], up=index % 2 == 0)
            name = f"texture_synthesizer.to_rgbs.{block}"
            new = self.conv(f"{name}.conv", x, w_plus[min(2 * block + 3, 2 * SMALL.blocks)], demodulate=False)
            new = new + self.state[f"{name}.bias"][0]
            if rgb is not None:
                wide = F.conv_transpose2d(rgb, 4 * BLUR.double().expand(3, 1, 3, 3), stride=2, groups=3)[
                    ..., 1:-1, 1:-1
                ]
                ring = (wide.shape[-1] - new.shape[-1]) // 2
                new = new + wide[..., ring:-ring, ring:-ring]
            rgb = new
        return rgb


@pytest.mark.parametrize("mixed", [False, True])
def test_the_generator_is_that_of_its_equations(mixed):
    networks, latents = random_networks(), Latents(SMALL, 5)
    with torch.no_grad():  # biases of the mapping, at first 0, show too
        for name, value in networks.texture.mapping.named_parameters():
            if name.endswith("bias"):
                value.copy_(100 * drawn(*value.shape))
    released = Released(to_released(networks.state_dict(), SMALL))
    style = latents.style()
    w_plus = drawn(SMALL.layers + 1, SMALL.style) if mixed else None
    painter = PlainPainter(networks, latents, w_plus=w_plus)
    local, place, noises = inputs(SMALL, latents, [(-3, 8)], 10)
    features = released.structure(local.double(), place.double(), style.double())
    styles = w_plus.double() if mixed else released.mapping(style.double()).expand(SMALL.layers + 1, -1)
    expected = released.texture(features, styles, [noise.double() for noise in noises])
    assert (painter.paint([(-3, 8)], 10) - expected).abs().max() <= 1e-5 * expected.std()
    made = networks.texture(networks.structure(local, place, style[None]), painter.w_plus[None], noises)
    assert (made - expected).abs().max() <= 1e-5 * expected.std()
