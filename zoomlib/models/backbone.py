"""What a family of models offers: its network, words, noise levels. `ModelDenoiser` makes a `Denoiser` of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from zoomlib.denoiser import Codec
from zoomlib.ladder import Ladder, Step

Rows = dict[str, Tensor]
"""Named tensors with one row per level; those of one model have the same names and widths at every call."""


class Backbone(Protocol):
    """The network that predicts, and what it is told."""

    network: nn.Module
    """The UNet or transformer itself: what is compiled, sharded and watched."""

    def words(self, prompts: Sequence[str]) -> Rows:
        """What the network is told of each text, on the network's device."""

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        """What an inpainting network is told of pictures (L, 3, H, W) and masks (L, 1, H, W), 1 where they are to be
        made. Networks that do not inpaint never meet it."""

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        """What the network predicts of z (L, C, H, W), in z's own shape, of any float type. Differentiable."""


class Schedule(Protocol):
    """Noise levels, and what predictions mean."""

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:
        """Noise levels of a run over z of that height and width."""

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from a prediction, float32."""


@dataclass(frozen=True)
class Parts:
    """A loaded model: what `ModelDenoiser` is made of. modules: all networks by their part's name, to be placed."""

    backbone: Backbone
    schedule: Schedule
    codec: Codec
    modules: Mapping[str, nn.Module]


@dataclass(frozen=True)
class Facts:
    """What is known of a model without its weights.

    family: for people. channels, size: of one level of z, size (H, W) the one that it was trained for. factor:
    pixels per place of z. multiple: both sides of z must be multiples of it. largest: what no side of z may exceed
    (None: any may do). inpaints: takes kept pictures and a mask. distilled: takes the guidance scale as an input.
    guidance, rescale, clamp, steps: what suits it (None: nothing special). most_steps: of a run (None: any number).
    evened: side of the patches of z in which guidance keeps the length of directions (`zoomlib.guidance.Evened`), 0
    for none. parts: what sampling uses.
    reads: tokenizers, and how many tokens of a text their encoders are given; () for CLIP's, by its own
    configuration.
    takes: which changes of `zoomlib.models.files.extra_files` it takes; then its backbone has diffusers'
    `pipeline`.
    """

    family: str
    channels: int
    size: tuple[int, int]
    factor: int
    parts: tuple[str, ...]
    multiple: int = 1
    largest: int | None = None
    inpaints: bool = False
    distilled: bool = False
    guidance: float = 5.0
    rescale: float = 0.0
    clamp: bool | Literal["dynamic"] = False
    steps: int | None = None
    most_steps: int | None = None
    evened: int = 0
    reads: tuple[tuple[str, int], ...] = ()
    takes: tuple[Literal["loras", "embeddings"], ...] = ()
