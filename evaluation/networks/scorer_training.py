"""Training of the bundled scorer: a small two-tower model of the procedural world, in open_clip's format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.networks import clip
from evaluation.networks.tokens import from_tokenizer
from zoomlib.bundled.feed import Batch, Feed, seeded
from zoomlib.bundled.recipe import SIZE, Recipe
from zoomlib.bundled.tokenizer import MAX_TOKENS, train_tokenizer
from zoomlib.bundled.world.pictures import Pictures, draw_pictures
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, phrase

BATCH, SHARD, RATE = 128, 256, 1.5e-3


def config(vocabulary: int) -> dict[str, Any]:
    """The content of the scorer's `open_clip_config.json`."""
    return {
        "model_cfg": {
            "embed_dim": 64,
            "vision_cfg": {"image_size": SIZE, "layers": 3, "width": 128, "head_width": 32, "patch_size": 8},
            "text_cfg": {
                "context_length": MAX_TOKENS,
                "vocab_size": vocabulary,
                "width": 128,
                "heads": 4,
                "layers": 2,
            },
        },
        "preprocess_cfg": {
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "interpolation": "bicubic",
            "resize_mode": "squash",
            "size": SIZE,
        },
    }


def train_scorer(
    folder: Path, *, steps: int, pictures: int, seed: int = 0, device: str = "cpu"
) -> Iterator[tuple[int, float]]:
    """Train from nothing, at first on `pictures`, and write the scorer to `folder`; yields (step, loss).

    The contrastive loss of CLIP (arXiv 2103.00020), except that all examples whose caption means the same (class,
    colour, inner class) count as right for each other. It sees single and nested pictures, captions with and without
    a colour, and softened pictures, since a diffusion model's are never as crisp as the world's.
    """
    tokenizer = train_tokenizer()
    description = config(tokenizer.get_vocab_size())
    torch.manual_seed(seed)  # open_clip's constructors draw from the global generator
    model = clip.create(description).to(device)
    tokenize = from_tokenizer(tokenizer, MAX_TOKENS)
    feed = Feed(
        Recipe(seed=seed + 77, batch=BATCH, steps_per_shard=8, first_shards=pictures // SHARD, shard=SHARD), size=SIZE
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05, betas=(0.9, 0.98))
    for step in range(steps):
        batch = feed.batch(step)
        images = soften(batch.images, seeded(seed, step, 9)).to(device)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            image = model.encode_image(images, normalize=True).float()
            text = model.encode_text(tokenize(batch.captions).ids.to(device), normalize=True).float()
        loss = contrastive_loss(image @ text.T * model.logit_scale.exp(), meaning(batch).to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100, (steps - step) / (0.4 * steps))
        optimizer.step()
        optimizer.zero_grad()
        model.logit_scale.data.clamp_(max=4.0)
        yield step + 1, float(loss.detach())
    clip.save(model, description, tokenizer, folder, dtype=torch.float16)


def meaning(batch: Batch) -> Tensor:
    """One number for each example, equal where captions mean the same."""
    return (batch.kind * (len(COLOUR_NAMES) + 1) + batch.colour + 1) * (len(CLASSES) + 1) + batch.inner_kind + 1


def contrastive_loss(logits: Tensor, meanings: Tensor) -> Tensor:
    """Cross-entropy from images to captions and back, spread evenly over all right answers; logits (B, B)."""
    right = (meanings[:, None] == meanings[None]).float()
    right = right / right.sum(1, keepdim=True)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def soften(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half the pictures a little blurred, all with a little noise and contrast change."""
    count = len(images)
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = torch.rand(count, 1, 1, 1, generator=generator) * (torch.rand(count, 1, 1, 1, generator=generator) < 0.5)
    images = images + share * (blurred - images)
    contrast = 0.85 + 0.3 * torch.rand(count, 1, 1, 1, generator=generator)
    noise = 0.06 * torch.rand(count, 1, 1, 1, generator=generator) * torch.randn(images.shape, generator=generator)
    return (images * contrast + noise).clamp(-1, 1)


def name_scenes(scorer: clip.Scorer, images: Tensor) -> tuple[Tensor, Tensor]:
    """The class and the colour (N,) that the scorer sees in each of N images, of all pairs of both."""
    prompts = [phrase(kind, colour) for kind in range(len(CLASSES)) for colour in COLOUR_NAMES]
    best = (scorer.embed_images(images) @ scorer.embed_texts(prompts).T).argmax(1)
    return best // len(COLOUR_NAMES), best % len(COLOUR_NAMES)


def held_out(count: int, seed: int = 999_983) -> Pictures:
    """Pictures that no training sees."""
    return draw_pictures(count, SIZE, seeded(seed, 0))
