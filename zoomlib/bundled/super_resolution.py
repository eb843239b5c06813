"""Training of the bundled super-resolution net, 64 to 256 px, on pictures of the world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.bundled.feed import Feed, seeded
from zoomlib.bundled.recipe import Recipe
from zoomlib.models.components import save_component

FACTOR = 4
LARGE = 256
CROP = 32
BATCH, RATE = 16, 1e-3
SHARD = 48


def train_super_resolution(
    folder: Path, *, steps: int, pictures: int, seed: int = 0, device: str = "cpu"
) -> Iterator[tuple[int, float]]:
    """Train from nothing on a pool of `pictures` and write the net to `folder`; yields (step, loss).

    The input is the area average of the truth, so what is learned is the inverse of the down-scaling that joint
    sampling uses. The loss is the absolute error of pixels and of their differences, which keeps edges crisp.
    """
    from zoomlib.models.upscaling.net import SuperResolution

    torch.manual_seed(seed)  # torch's layers draw from the global generator
    net = SuperResolution().to(device, memory_format=torch.channels_last)
    mean = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    # A fixed pool: crops, turns and nestings of it do not run out, and large pictures take long to draw.
    pool = Recipe(seed=seed + 31, batch=BATCH, shard=SHARD, first_shards=pictures // SHARD, steps_per_shard=steps + 1)
    feed = Feed(pool, size=LARGE)
    for step in range(steps):
        large = crops(feed.batch(step).images, seeded(seed, step, 5)).to(device)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            out = net(F.avg_pool2d(large, FACTOR))
        loss = sharp_loss(out.float(), large)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100, (steps - step) / (0.6 * steps))
        optimizer.step()
        optimizer.zero_grad()
        torch._foreach_lerp_(
            list(mean.values()), [p.detach() for p in net.parameters()], 1 - min(0.995, step / (step + 10))
        )
        yield step + 1, float(loss.detach())
    net.load_state_dict(mean)
    save_component(net, folder, torch.float16)


def sharp_loss(out: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of pixels, plus that of horizontal and vertical differences."""
    error = out - truth
    return error.abs().mean() + error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()


def crops(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random square of each picture, CROP small pixels a side, on the grid of small pixels."""
    side, places = CROP * FACTOR, (images.shape[-1] - CROP * FACTOR) // FACTOR + 1
    corners = torch.randint(places, (len(images), 2), generator=generator) * FACTOR
    cut = [image[:, y : y + side, x : x + side] for image, (y, x) in zip(images, corners.tolist(), strict=True)]
    return torch.stack(cut)
