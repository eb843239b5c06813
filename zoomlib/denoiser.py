"""What a model must offer to the samplers, and wrappers that offer the same: guidance, chunks of levels."""

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
    def inpaints(self) -> bool:
        """Whether `condition` takes the kept pixels and a mask."""
        return self.denoiser.inpaints

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


class Guided(Wrapper):
    """Classifier-free guidance (arXiv 2207.12598): x = x_n + scale (x_c - x_n), n for the negative or empty prompt.

    Scale 1 is the model itself, at half the cost; the paper's omega is scale - 1. `rescale`, 0..1, draws the contrast
    of each level back to that of the conditional estimate (arXiv 2305.08891, equation 16, here on the clean estimate).
    `clamp` holds estimates in [-1, 1]; for pixel-space models only.
    """

    def __init__(self, denoiser: Denoiser, scale: float, rescale: float = 0.0, clamp: bool = False):
        super().__init__(denoiser)
        if not 0 <= scale < float("inf") or not 0 <= rescale <= 1:
            raise InvalidInputError(
                f"Guidance needs a finite scale of at least 0 and a rescale in 0..1, not {scale!r} and {rescale!r}. "
                "Scale 1 switches guidance off; usual are 2 to 8."
            )
        self.scale, self.rescale, self.clamp = float(scale), float(rescale), clamp

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per prompt, holding the conditional and the unconditional rows of the denoiser within."""
        negatives = [""] * len(prompts) if negatives is None else negatives
        if len(negatives) != len(prompts):
            raise InvalidInputError(
                f"{len(prompts)} prompts need as many negatives, not {len(negatives)}. Write an empty text for none."
            )
        conditional = self.denoiser.condition(prompts, image=image, mask=mask)
        if self.scale == 1:
            return conditional
        unconditional = self.denoiser.condition(negatives, image=image, mask=mask)
        return Condition(
            {f"+{name}": rows for name, rows in conditional.rows.items()}
            | {f"-{name}": rows for name, rows in unconditional.rows.items()}
        )

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The guided estimate, float32 (L, C, H, W)."""
        if self.scale == 1:
            out = self.denoiser.predict_clean(z, step, condition)
        else:
            both = Condition.cat([_signed(condition, "+"), _signed(condition, "-")])
            with_prompt, without = self.denoiser.predict_clean(torch.cat([z, z]), step, both).chunk(2)
            out = self._rescaled(without + self.scale * (with_prompt - without), with_prompt)
        return out.clamp(-1, 1) if self.clamp else out

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the conditional evaluation alone."""
        return super().attention_maps(z, step, condition if self.scale == 1 else _signed(condition, "+"), grid)

    def _rescaled(self, guided: Tensor, conditional: Tensor) -> Tensor:
        if not self.rescale:
            return guided
        axes = (1, 2, 3)
        contrast = conditional.std(axes, keepdim=True) / guided.std(axes, keepdim=True).clamp_min(1e-8)
        return guided * (1 + self.rescale * (contrast - 1))


def _signed(condition: Condition, sign: str) -> Condition:
    return Condition({name[1:]: rows for name, rows in condition.rows.items() if name[0] == sign})


class Chunked(Wrapper):
    """Runs the model on at most `rows` levels at a time: the same estimates, memory independent of the levels."""

    def __init__(self, denoiser: Denoiser, rows: int):
        super().__init__(denoiser)
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise InvalidInputError(f"A chunk holds a whole number of levels of at least 1, not {rows!r}.")
        self.rows = rows

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of the denoiser within, float32 (L, C, H, W)."""
        return torch.cat([self.denoiser.predict_clean(z[chunk], step, condition[chunk]) for chunk in self._chunks(z)])

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the denoiser within."""
        inner = attentive(self.denoiser)
        parts = [inner.attention_maps(z[chunk], step, condition[chunk], grid) for chunk in self._chunks(z)]
        return AttentionMaps(torch.cat([part.maps for part in parts]), parts[0].grid)

    def _chunks(self, z: Tensor) -> list[slice]:
        return [slice(k, k + self.rows) for k in range(0, len(z), self.rows)]
