"""What a model must offer to the samplers, and the base of wrappers that offer the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step


@dataclass(frozen=True, eq=False)
class Condition:
    """What a model is told about each level. Opaque to samplers: named tensors, each with one row per level."""

    rows: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if len({len(value) for value in self.rows.values()}) != 1:
            shapes = {name: tuple(value.shape) for name, value in self.rows.items()}
            raise InvalidInputError(f"Every tensor of a condition needs one row per level, not {shapes}.")

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))

    def __getitem__(self, levels: slice) -> "Condition":
        return Condition({name: value[levels] for name, value in self.rows.items()})

    @staticmethod
    def cat(parts: Sequence["Condition"]) -> "Condition":
        """The rows of all parts, one after the other. The parts name the same tensors."""
        if any(part.rows.keys() != parts[0].rows.keys() for part in parts):
            raise InvalidInputError(
                f"Conditions to join must name the same tensors: {[sorted(p.rows) for p in parts]}."
            )
        return Condition({name: torch.cat([part.rows[name] for part in parts]) for name in parts[0].rows})


@runtime_checkable
class Codec(Protocol):
    """Between pixels (L, 3, H, W) in [-1, 1] and what the model denoises, `factor` times smaller in each direction."""

    factor: int

    def encode(self, images: Tensor) -> Tensor:
        """Pixels to latents."""

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels."""


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Where the places of each level look: `maps` float32 (L, N, N) from queries to keys, over a `grid` of rows and
    columns, N = rows x columns in reading order. Rows sum to 1, or to less where words are looked at too."""

    maps: Tensor
    grid: tuple[int, int]


class IdentityCodec:
    """The codec of pixel-space models."""

    factor = 1

    def encode(self, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    def decode(self, latents: Tensor) -> Tensor:
        """The images themselves."""
        return latents


@runtime_checkable
class Denoiser(Protocol):
    """A diffusion or flow model: the samplers know it only by this."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one level."""

    @property
    def device(self) -> torch.device:
        """Where z and the conditions live."""

    @property
    def dtype(self) -> torch.dtype:
        """Precision inside the model; z and the estimates are float32."""

    @property
    def codec(self) -> Codec:
        """From and to pixels."""

    @property
    def inpaints(self) -> bool:
        """Whether `condition` takes the kept pixels and a mask."""

    def ladder(self, steps: int) -> Ladder:
        """Noise levels of a run of that many steps."""

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per prompt. `negatives` say what guidance leads away from. Inpainting models, and they alone, take
        the kept pixels, image (L, C, H, W), and a mask (L, 1, H, W) that is 1 where pixels are to be made."""

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The clean estimate of z (L, C, H, W) at that noise level, float32 (L, C, H, W). Deterministic."""


def draft_of(denoiser: Denoiser) -> Codec:
    """The codec for estimates on the way: the model's `draft`, a quicker and rougher one, where it has one."""
    draft: Codec = getattr(denoiser, "draft", denoiser.codec)
    return draft


@runtime_checkable
class Attentive(Protocol):
    """A denoiser that shows its self-attention. `attentive` finds out whether one does."""

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Self-attention maps of one evaluation of z (L, C, H, W), the mean over heads and layers, differentiable in z.

        `grid` is the shorter side of the grid whose layers count; None takes the one nearest 16. Raises
        InvalidInputError, naming what there is, where no layer has it.
        """


def attentive(denoiser: Denoiser) -> Attentive:
    """The denoiser, if it shows its attention. Raises InvalidInputError, by name, if not."""
    inner = denoiser
    while isinstance(inner, Wrapper):
        inner = inner.denoiser
    if not isinstance(inner, Attentive) or not isinstance(denoiser, Attentive):
        raise InvalidInputError(
            f"The model {type(inner).__name__} shows no self-attention maps, so its noise cannot be aligned by them. "
            "Switch stage 1 off, or use a UNet or transformer of diffusers."
        )
    return denoiser


class Wrapper:
    """Passes everything on to the denoiser within."""

    def __init__(self, denoiser: Denoiser):
        self.denoiser = denoiser

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one level."""
        return self.denoiser.shape

    @property
    def device(self) -> torch.device:
        """Where z and the conditions live."""
        return self.denoiser.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision inside the model."""
        return self.denoiser.dtype

    @property
    def codec(self) -> Codec:
        """From and to pixels."""
        return self.denoiser.codec

    @property
    def draft(self) -> Codec:
        """From and to pixels for estimates on the way."""
        return draft_of(self.denoiser)

    @property
    def inpaints(self) -> bool:
        """Whether `condition` takes the kept pixels and a mask."""
        return self.denoiser.inpaints

    @property
    def distilled(self) -> bool:
        """Whether the model takes the guidance scale as an input."""
        return bool(getattr(self.denoiser, "distilled", False))

    @property
    def evened(self) -> int:
        """Side of the patches in which guidance keeps the length of the model's directions; 0 for none."""
        return int(getattr(self.denoiser, "evened", 0))

    def ladder(self, steps: int) -> Ladder:
        """Noise levels of a run of that many steps."""
        return self.denoiser.ladder(steps)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per prompt, as the denoiser within makes it."""
        return self.denoiser.condition(prompts, negatives, image=image, mask=mask)

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the denoiser within; raises InvalidInputError if it has none to show."""
        return attentive(self.denoiser).attention_maps(z, step, condition, grid)
