"""What the diffusion model is shown: pictures with scales inside scales, their captions, and masks."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.bundled.recipe import SIZE, Recipe
from zoomlib.bundled.world.pictures import NEAR_FROM, Pictures, compose, draw_pictures
from zoomlib.bundled.world.vocabulary import CLASSES, caption


def seeded(*numbers: int) -> torch.Generator:
    """A generator that depends on all the numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 0x9E3779B9) % (1 << 62)
    return torch.Generator().manual_seed(mixed)


@dataclass(frozen=True)
class Batch:
    """B examples: `images` float (B, 3, S, S) in [-1, 1], their captions, and the labels (B,) of outer and inner scene.

    `inner_kind` is -1 where nothing is nested, or where the caption does not tell.
    """

    images: Tensor
    captions: list[str]
    kind: Tensor
    colour: Tensor
    inner_kind: Tensor


class Feed:
    """A pool of single scenes, renewed as training goes on, from which nested pictures are put together.

    Which pictures the pool holds depends on seed, worker and step alone, so a resumed training sees what an
    uninterrupted one would have seen.
    """

    def __init__(self, recipe: Recipe, worker: int = 0, size: int = SIZE) -> None:
        self.recipe, self.worker, self.size = recipe, worker, size
        self.shards: dict[int, Pictures] = {}
        self.pool: Pictures | None = None
        self.rows: dict[tuple[int, int], list[int]] = {}

    def batch(self, step: int) -> Batch:
        """The examples of one step."""
        pool = self._renew(step)
        generator = seeded(self.recipe.seed, self.worker, step, 1)
        rng = random.Random(self.recipe.seed * 7919 + self.worker * 104_729 + step * 15_485_863)
        return nested_batch(pool, self.rows, self.recipe.batch, self.recipe.nested_share, generator, rng)

    def _renew(self, step: int) -> Pictures:
        last = self.recipe.first_shards + step // self.recipe.steps_per_shard
        wanted = range(max(0, last - self.recipe.most_shards), last)
        if self.pool is not None and self.shards.keys() == set(wanted):
            return self.pool
        self.shards = {k: self.shards[k] if k in self.shards else self._shard(k) for k in wanted}
        self.pool = Pictures.cat(list(self.shards.values()))
        self.rows = rows_by_label(self.pool)
        return self.pool

    def _shard(self, k: int) -> Pictures:
        return draw_pictures(self.recipe.shard, self.size, seeded(self.recipe.seed, self.worker, k, 2))


def rows_by_label(pool: Pictures) -> dict[tuple[int, int], list[int]]:
    """Row numbers of the pool for each (class, colour), and for (class, -2) in any colour."""
    rows: dict[tuple[int, int], list[int]] = {}
    for row, (kind, colour) in enumerate(zip(pool.kind.tolist(), pool.colour.tolist(), strict=True)):
        rows.setdefault((kind, colour), []).append(row)
        rows.setdefault((kind, -2), []).append(row)
    return rows


def nested_batch(
    pool: Pictures,
    rows: dict[tuple[int, int], list[int]],
    count: int,
    nested_share: float,
    generator: torch.Generator,
    rng: random.Random,
) -> Batch:
    """Choose outer scenes at random and, for `nested_share` of them, one or two deeper ones in their middle."""
    outer = [rng.randrange(len(pool)) for _ in range(count)]
    depth = [(2 if rng.random() < 0.4 else 1) if rng.random() < nested_share else 0 for _ in range(count)]
    inner = [_next_row(pool, rows, row, rng) for row in outer]
    innermost = [_next_row(pool, rows, row, rng) for row in inner]
    captions, told = zip(
        *(_caption(pool, o, i if d else None, rng) for o, i, d in zip(outer, inner, depth, strict=True)), strict=True
    )

    layers = [turned(pool.images[chosen].float() / 127.5 - 1, generator) for chosen in (outer, inner, innermost)]
    depths = torch.tensor(depth)
    images = layers[0]
    for d, picture in ((2, compose(layers[1], layers[2], _feather(count, generator))), (1, layers[1])):
        nested = compose(layers[0], picture, _feather(count, generator))
        images = torch.where((depths == d)[:, None, None, None], nested, images)
    inner_kind = torch.where(torch.tensor(told), pool.kind[inner], -1)
    return Batch(images, list(captions), pool.kind[outer], pool.colour[outer], inner_kind)


def _feather(count: int, generator: torch.Generator) -> Tensor:
    return 0.1 + 0.22 * torch.rand(count, generator=generator)


def _next_row(pool: Pictures, rows: dict[tuple[int, int], list[int]], row: int, rng: random.Random) -> int:
    """The scene inside a scene: mostly the next rung or the same one nearer, half the time in the same colour."""
    kind, colour, near = int(pool.kind[row]), int(pool.colour[row]), float(pool.near[row])
    chance = rng.random()
    if chance < 0.1:
        kind = rng.randrange(len(CLASSES))
    elif near > NEAR_FROM or chance < 0.5:
        kind = min(kind + 1, len(CLASSES) - 1)
    wanted = (kind, colour) if rng.random() < 0.5 else (kind, -2)
    return rng.choice(rows.get(wanted) or [row])


def _caption(pool: Pictures, outer: int, inner: int | None, rng: random.Random) -> tuple[str, bool]:
    """Words for an example, and whether they tell of the inner scene."""
    words = pool.phrase(outer, rng.randrange(6), rng.random() < 0.6)
    if inner is None or rng.random() < 0.15:
        return words, False
    return caption(words, pool.phrase(inner, rng.randrange(6), rng.random() < 0.4), rng.randrange(3)), True


def turned(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture mirrored and transposed at random: eight ways to see it."""
    chosen = torch.rand(3, len(images), 1, 1, 1, generator=generator) < 0.5
    images = torch.where(chosen[0], torch.flip(images, (2,)), images)
    images = torch.where(chosen[1], torch.flip(images, (3,)), images)
    return torch.where(chosen[2], images.transpose(2, 3), images)


def draw_masks(
    count: int, size: int, masked_share: float, kinds: dict[str, float], generator: torch.Generator
) -> Tensor:
    """(count, 1, size, size): 1 where the picture is to be made. All ones, but for `masked_share` of them."""
    rng = random.Random(int(torch.randint(1 << 31, (1,), generator=generator)))
    masks = torch.ones(count, 1, size, size)
    for mask in masks:
        if rng.random() < masked_share:
            _cut(mask[0], rng.choices(list(kinds), list(kinds.values()))[0], rng)
    return masks


def _cut(mask: Tensor, kind: str, rng: random.Random) -> None:
    """Zero the kept part of one (S, S) mask."""
    size = mask.shape[-1]
    if kind == "side":
        kept = rng.randrange(size // 4, size)
        mask[:, :kept] = 0
        mask.copy_(torch.rot90(mask, rng.randrange(4)))
        return
    h, w = (rng.randrange(3 * size // 8, size - 4) for _ in range(2))
    w = h if rng.random() < 0.5 else w
    top, left = (size - h) // 2, (size - w) // 2
    if kind == "rectangle":
        top, left = rng.randrange(size - h + 1), rng.randrange(size - w + 1)
    mask[top : top + h, left : left + w] = 0
    if kind == "centre":
        mask.copy_(1 - mask)
