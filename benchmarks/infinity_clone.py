"""The released program of InfinityGAN on a CPU, from a clone of it, for `benchmarks.infinity_released`.

Nothing of it is kept here and no file of it is changed. What keeps it from running without a graphics card is answered
while it is imported: the compiling of its operators for CUDA (on a CPU it takes its own branches, which need none), the
name of the card, `.cuda()`, and libraries that only its training and its pages use.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import torch
import yaml
from torch import Tensor, nn

MODEL = "configs/model/InfinityGAN.yaml"
UNUSED_HERE = ("lmdb", "easydict", "tensorboardX", "matplotlib", "matplotlib.pyplot")
COMPILER = "torch.utils.cpp_extension"


def stay(self: Tensor, *_given: object, **_named: object) -> Tensor:
    """What `.cuda()` is where there is none."""
    return self


@contextmanager
def stand_ins() -> Iterator[None]:
    """For libraries that the clone imports and this benchmark never reaches, and for the compiler of its operators."""
    names = [COMPILER, *(name for name in UNUSED_HERE if find_spec(name.split(".")[0]) is None)]
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: MagicMock(name=name) for name in names})
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


@contextmanager
def without_a_card(clone: Path) -> Iterator[None]:
    """Within it, modules of the clone can be imported and its objects made; it is undone, but for what was imported."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "path", [str(clone), *sys.path]))
        stack.enter_context(patch.object(sys, "dont_write_bytecode", True))
        stack.enter_context(stand_ins())
        stack.enter_context(patch.object(torch.cuda, "get_device_name", lambda: "none"))
        stack.enter_context(patch.object(torch.Tensor, "cuda", stay))
        stack.enter_context(
            patch.object(os, "makedirs", lambda *_given, **_named: None)
        )  # it would make a build folder
        yield


def settings(clone: Path, model: str = MODEL) -> SimpleNamespace:
    """A model's settings as the clone's programs hold them, for one picture at a time without data-parallelism."""
    read = yaml.safe_load((clone / model).read_text(encoding="utf-8"))
    train = SimpleNamespace(**{**read["train_params"], "batch_size": 1})
    return SimpleNamespace(
        train_params=train, task=SimpleNamespace(batch_size=1), var=SimpleNamespace(dataparallel=False)
    )


class Released:
    """The generator of a clone with random weights, and its manager of canvases.

    Noise strengths are 0.1 and biases N(0, 0.1), since their first values, 0, would hide mistakes. Raises SystemExit,
    in words, where the folder is no clone.
    """

    def __init__(self, clone: Path, seed: int = 0) -> None:
        if not (clone / "models/infinitygan_generator.py").is_file():
            raise SystemExit(f"not measured: {clone} holds no clone of hubert0527/infinityGAN. Give its folder.")
        self.clone, self.settings = clone, settings(clone)
        torch.manual_seed(seed)
        with without_a_card(clone):
            self.generator: nn.Module = import_module("models.infinitygan_generator").InfinityGanGenerator(
                self.settings
            )
            self.operators = import_module("models.ops")
            self.canvases = import_module("test_managers.infinite_generation")
        self.generator.eval().requires_grad_(requires_grad=False)
        self._disturb()

    def _disturb(self) -> None:
        for name, value in self.generator.named_parameters():
            if name.endswith("noise.weight"):
                value.fill_(0.1)
            elif value.ndim and name.endswith("bias") and "modulation" not in name:
                value.add_(0.1 * torch.randn_like(value))

    def state(self) -> Mapping[str, Tensor]:
        """Its weights under its own names."""
        return self.generator.state_dict()

    def patch(self, z_g: Tensor, local: Tensor, coordinates: Tensor, noises: list[Tensor]) -> Tensor:
        """Patches (B, 3, s, s) of styles (B, 512), latents with halo, coordinates and noise planes."""
        made = self.generator(
            global_latent=torch.stack([z_g, z_g], 1),
            local_latent=local,
            override_coords=coordinates,
            noises=noises,
            disable_dual_latents=True,
        )
        return made["gen"]

    def fused_layer(self, index: int, x: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """Layer `index` of the texture at x (B, I, h, w) with a style for each place, (B, 512, h, w)."""
        made, _ = self.generator.texture_synthesizer.convs[index](x, styles, noise=noise)
        return made

    def canvas(self, height: int, width: int) -> "Canvas":
        """Its way to a picture of height x width pixels."""
        return Canvas(self, height, width)


class Canvas:
    """A canvas of the released program: all latents are drawn at first, then it is painted patch by patch."""

    def __init__(self, released: Released, height: int, width: int) -> None:
        with without_a_card(released.clone):
            self.manager: Any = released.canvases.InfiniteGenerationManager(
                released.generator, "cpu", "", released.settings
            )
        self.manager.task_specific_init(output_size=(height, width))
        self.patches: int = self.manager.num_steps_h * self.manager.num_steps_w

    def paint(self) -> Tensor:
        """The picture with its margins, (1, 3, H, W)."""
        drawn = self.manager.create_vars()
        self.manager.generate(drawn, disable_pbar=True)
        return drawn.meta_img
