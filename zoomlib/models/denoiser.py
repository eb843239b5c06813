"""A loaded model of any family as `Denoiser`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import AttentionMaps, Codec, Condition
from zoomlib.errors import InvalidInputError, UnsoundError
from zoomlib.ladder import Ladder, Step
from zoomlib.models.attention import watch_attention
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.limits import unwarned

TEXTS = 8
"""How many are read at a time."""


class ModelDenoiser:
    """Backbone, schedule and codec of a family, as the samplers want them.

    size: (H, W) of a level of z. draft: a quicker, rougher codec for estimates on the way, else the codec itself.
    parameters: how many the network has.
    """

    def __init__(
        self,
        parts: Parts,
        facts: Facts,
        size: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
        draft: Codec | None = None,
    ) -> None:
        self.parts, self.facts = parts, facts
        self.shape = (facts.channels, *size)
        self.device, self.dtype = device, dtype
        self.codec = parts.codec
        self.draft = draft or parts.codec
        self.inpaints, self.distilled, self.evened = facts.inpaints, facts.distilled, facts.evened
        self.parameters = sum(p.numel() for p in parts.backbone.network.parameters())
        self._nothing: Rows | None = None

    def ladder(self, steps: int) -> Ladder:
        """Noise levels of a run of that many steps."""
        return self.parts.schedule.ladder(steps, self.shape[1:])

    @torch.no_grad()
    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,  # noqa: ARG002 - part of the protocol; `Guided` reads them
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """Rows for each prompt. Negatives are the business of `Guided`; here they are ignored.

        Raises InvalidInputError for an image without a mask, for other shapes than z's, or for a model that cannot
        take them.
        """
        rows = self._words(prompts)
        if image is None and mask is None:
            return Condition(rows)
        if not self.inpaints:
            raise InvalidInputError(
                "An image to keep was given, but this model has no inpainting input. Use one that has."
            )
        image, mask = self._checked(len(prompts), image, mask)
        return Condition(rows | self.parts.backbone.kept(image, mask, self.codec))

    def _words(self, prompts: Sequence[str]) -> Rows:
        """Rows of all texts, a few at a time: the attention of a large text encoder takes much memory."""
        batches = (prompts[k : k + TEXTS] for k in range(0, len(prompts), TEXTS))
        with unwarned():
            rows = Condition.cat([Condition(self.parts.backbone.words(batch)) for batch in batches]).rows
        return {name: value.to(self.device) for name, value in rows.items()}

    def _checked(self, L: int, image: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        H, W = (side * self.codec.factor for side in self.shape[1:])
        if image is None or mask is None or image.shape != (L, 3, H, W) or mask.shape != (L, 1, H, W):
            raise InvalidInputError(
                f"Expected an image ({L}, 3, {H}, {W}) and a mask ({L}, 1, {H}, {W}); got "
                f"{None if image is None else tuple(image.shape)} and {None if mask is None else tuple(mask.shape)}."
            )
        return image.to(self.device), mask.to(self.device)

    @torch.no_grad()
    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The clean estimate of z (L, C, H, W) at one noise level, float32, without guidance."""
        out = self.parts.backbone.predict(z, step, self._told(condition))
        # A copy, since recorded CUDA graphs write their output to the same place again.
        return self.parts.schedule.clean(self._sound(out.to(torch.float32, copy=True), z), z, step)

    def _sound(self, out: Tensor, z: Tensor) -> Tensor:
        """A prediction in half precision, if its numbers are finite where z's are. Raises UnsoundError if not."""
        if self.dtype != torch.float32 and not bool(out.isfinite().all()) and bool(z.isfinite().all()):
            other = "bfloat16 or float32" if self.dtype == torch.float16 else "float32"
            raise UnsoundError(
                f"The model ({self.facts.family}) made numbers that are none (NaN) in {str(self.dtype)[6:]}. Use "
                f"model.dtype={other}."
            )
        return out

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Self-attention maps of one evaluation, as `zoomlib.denoiser.Attentive` says."""
        with self.as_written(), watch_attention(self.parts.backbone.network, self.shape[1:]) as watch:
            self.parts.backbone.predict(z, step, self._told(condition))
        return watch.maps(grid)

    @property
    def compiled(self) -> bool:
        """Whether the network is compiled, for each number of levels anew."""
        return getattr(self.parts.backbone.network, "_compiled_call_impl", None) is not None

    def as_written(self) -> AbstractContextManager[Any]:
        """Within, a compiled network runs as it is written: hooks see its layers, and no graph is made."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def _told(self, condition: Condition) -> Rows:
        """The condition's rows; an inpainting model that was shown nothing to keep is told that all is to be made."""
        rows = dict(condition.rows)
        if not self.inpaints:
            return rows
        if self._nothing is None:
            H, W = (side * self.codec.factor for side in self.shape[1:])
            grey, everything = (torch.full((1, c, H, W), float(c == 1), device=self.device) for c in (3, 1))
            self._nothing = self.parts.backbone.kept(grey, everything, self.codec)
        missing = {name: value for name, value in self._nothing.items() if name not in rows}
        return rows | {name: value.expand(len(condition), *value.shape[1:]) for name, value in missing.items()}
