"""How the bundled model is built and trained: every number of it, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from zoomlib.bundled.tokenizer import MAX_TOKENS

SIZE = 64
PATCH = 2
TRAIN_TIMES = 1000
TEXT_WIDTH = 128


def unet_config() -> dict[str, Any]:
    """A UNet at 32 x 32, of 2 x 2 pixels a place: noisy pixels, mask and kept pixels in, clean pixels out."""
    return {
        "sample_size": SIZE // PATCH,
        "in_channels": (3 + 1 + 3) * PATCH**2,
        "out_channels": 3 * PATCH**2,
        "block_out_channels": (64, 128, 192),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": (2, 4, 6),  # diffusers reads this as the number of heads
        "norm_num_groups": 16,
    }


def text_config(vocabulary: int) -> dict[str, Any]:
    """A CLIP text tower of two layers."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": MAX_TOKENS,
        "projection_dim": TEXT_WIDTH,
        "pad_token_id": 0,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
    }


def scheduler_config() -> dict[str, Any]:
    """The noise schedule, as diffusers' schedulers store it: cosine, clean-image prediction, trailing steps."""
    return {
        "num_train_timesteps": TRAIN_TIMES,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": "sample",
        "timestep_spacing": "trailing",
        "clip_sample": True,
        "set_alpha_to_one": True,
        "steps_offset": 0,
    }


@dataclass(frozen=True)
class Recipe:
    """The training. `images` of the diffusion model are counted over all workers; `batch` is per worker and step."""

    images: int = 120_000
    batch: int = 16
    workers: int = 2
    seed: int = 0
    learning_rate: float = 1e-3
    text_rate: float = 0.25
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    warm_up_images: int = 6_000
    text_warm_up_steps: int = 600
    ema: float = 0.998
    clip: float = 1.0
    caption_dropout: float = 0.1
    most_weight: float = 8.0
    masked_share: float = 0.5
    nested_share: float = 0.55
    shard: int = 256
    first_shards: int = 24
    most_shards: int = 96
    steps_per_shard: int = 24
    scorer_steps: int = 1_000
    scorer_pictures: int = 4_096
    super_resolution_steps: int = 1_000
    super_resolution_pictures: int = 768
    checkpoint_steps: int = 100
    sheet_steps: int = 1_000
    mask_kinds: dict[str, float] = field(
        default_factory=lambda: {"outpaint": 0.4, "centre": 0.25, "rectangle": 0.2, "side": 0.15}
    )

    def suited_to(self, device: str) -> Recipe:
        """The same training for a GPU: one worker with a larger batch, since a small one would leave it idle."""
        return self if device == "cpu" else replace(self, workers=1, batch=max(256, self.batch * self.workers))
