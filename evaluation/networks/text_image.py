"""Pictures against their words: what a text-image model says of levels and their prompts.

`evaluation.networks.clip` loads such models. Texts that a scorer has read are remembered, as the levels of many runs
have equal prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from evaluation.networks.preprocess import preprocess
from evaluation.networks.tokens import Tokenize, Tokens
from evaluation.table import Score
from zoomlib.errors import InvalidInputError

Model = Any  # open_clip publishes no types: a torch.nn.Module with encode_image, encode_text and a `visual` tower
REMEMBERED = 4096  # texts; 12 MB at most


@dataclass(frozen=True)
class TextImage:
    """What a scorer says of L images and their L prompts; every field is (L,).

    `clip_score` 100 cos, not below 0; `clip_margin` the own prompt's cosine less the best other level's (NaN for a
    single level); `clip_rank` rank of the own prompt among the story's, 1 is best; `prompt_tokens` how many tokens the
    prompt has; `prompt_truncated` whether only its beginning was read.
    """

    clip_score: Tensor
    clip_margin: Tensor
    clip_rank: Tensor
    prompt_tokens: Tensor
    prompt_truncated: Tensor


@dataclass(frozen=True)
class _Read:
    """A text that has been read: its unit embedding (D,), its count of tokens, and whether that was too many."""

    embedding: Tensor
    count: int
    truncated: bool


@dataclass(frozen=True)
class Scorer:
    """A text-image model that is ready to score. `name` and `revision` (of its weights) belong beside every score.

    batch: how many pictures or texts go through the model at a time. Not for several threads at once.
    """

    model: Model
    tokenize: Tokenize
    name: str
    revision: str
    device: torch.device
    batch: int = 16
    _read: dict[str, _Read] = field(default_factory=dict, init=False, repr=False, compare=False)

    def embed_images(self, images: Tensor) -> Tensor:
        """Unit embeddings (N, D), float32 on the CPU, of images (N, 3, H, W) in [-1, 1]."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise InvalidInputError(f"Expected images of shape (N, 3, H, W), got {tuple(images.shape)}.")
        parts = [self.embed_pixels(self.preprocess(part)) for part in torch.split(images, self.batch)]
        return torch.cat(parts)

    @torch.inference_mode()
    def embed_pixels(self, pixels: Tensor) -> Tensor:
        """Unit embeddings (N, D), float32 on the CPU, of what `preprocess` has made, all of it at once."""
        embedded: Tensor = self.model.encode_image(pixels.to(self.device), normalize=True).float().cpu()
        return embedded

    def embed_texts(self, prompts: Sequence[str]) -> Tensor:
        """Unit embeddings (N, D), float32 on the CPU, of N prompts."""
        return torch.stack([read.embedding for read in self._reading(prompts)])

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [-1, 1] as the model's image tower wants them: resized, cropped, normalised."""
        return preprocess(images.to(self.device), self.model.visual.preprocess_cfg)

    def text_image(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """`clip_score` (L,) of L images (L, 3, H, W) in [-1, 1], each with its own prompt."""
        return self.score(images, prompts).clip_score

    def score(self, images: Tensor, prompts: Sequence[str]) -> TextImage:
        """Every score of L images (L, 3, H, W) in [-1, 1] against their L prompts."""
        if len(images) != len(prompts) or not prompts:
            raise InvalidInputError(f"Expected one prompt per image; got {len(images)} images, {len(prompts)} prompts.")
        return self.score_embedded(self.embed_images(images), prompts)

    def score_embedded(self, embedded: Tensor, prompts: Sequence[str]) -> TextImage:
        """As `score`, of images that `embed_images` has embedded: (L, D)."""
        if len(embedded) != len(prompts) or not prompts:
            raise InvalidInputError(
                f"Expected one prompt per image; got {len(embedded)} images, {len(prompts)} prompts."
            )
        read = self._reading(prompts)
        cosines = embedded @ torch.stack([one.embedding for one in read]).T
        counts, truncated = torch.tensor([one.count for one in read]), torch.tensor([one.truncated for one in read])
        return rate(cosines, counts, truncated)

    def _reading(self, prompts: Sequence[str]) -> list[_Read]:
        if len(self._read) > REMEMBERED:
            self._read.clear()
        fresh = list(dict.fromkeys(prompt for prompt in prompts if prompt not in self._read))
        for start in range(0, len(fresh), self.batch):
            part = fresh[start : start + self.batch]
            tokens = self.tokenize(part)
            told = zip(part, self._embed(tokens), tokens.counts.tolist(), tokens.truncated.tolist(), strict=True)
            self._read.update({text: _Read(embedding, count, cut) for text, embedding, count, cut in told})
        return [self._read[prompt] for prompt in prompts]

    @torch.inference_mode()
    def _embed(self, tokens: Tokens) -> Tensor:
        embedded: Tensor = self.model.encode_text(tokens.ids.to(self.device), normalize=True).float().cpu()
        return embedded


def rate(cosines: Tensor, counts: Tensor, truncated: Tensor) -> TextImage:
    """The scores that follow from `cosines` (L, L), row = image, column = prompt; counts, truncated (L,) of tokens."""
    own = cosines.diagonal()
    others = cosines.masked_fill(torch.eye(len(cosines), dtype=torch.bool), -torch.inf).amax(1)
    margin = torch.where(others.isinf(), torch.nan, own - others)
    rank = 1 + (cosines > own[:, None]).sum(1)
    return TextImage((100 * own).clamp(min=0), margin, rank, counts, truncated)


def score_text(
    scorer: Scorer, images: Tensor, prompts: Sequence[str], *, embedded: Tensor | None = None
) -> list[Score]:
    """`TextImage` of a stack's levels (L, 3, H, W) and their prompts, as one score per field and level.

    embedded: (L, D) of the levels, where the caller has them already.
    """
    rated = scorer.score(images, prompts) if embedded is None else scorer.score_embedded(embedded, prompts)
    return [
        Score(field.name, float(value), "level", level, scorer.name, scorer.revision)
        for field in fields(rated)
        for level, value in enumerate(getattr(rated, field.name).tolist())
    ]
