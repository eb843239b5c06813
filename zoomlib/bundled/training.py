"""Training of the bundled diffusion model: resumable, on several CPU workers or one GPU."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn import functional as F

from zoomlib.bundled.feed import Feed, draw_masks, seeded
from zoomlib.bundled.recipe import PATCH, SIZE, TRAIN_TIMES, Recipe, text_config, unet_config
from zoomlib.bundled.tokenizer import fixed_length, train_tokenizer
from zoomlib.bundled.training_state import check_begun, read_state, write_state
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES
from zoomlib.denormals import denormals_flushed
from zoomlib.models.components import new_text_encoder, new_unet, unet_input, use_plain_attention

LOG = "log.jsonl"


@dataclass(frozen=True)
class Progress:
    """What the training reports after a step. `loss` is the mean v-error since the last report."""

    step: int
    images: int
    loss: float


class Model(nn.Module):
    """UNet and text tower, trained together."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.unet = new_unet(unet_config())
        use_plain_attention(self.unet)
        self.text_encoder = new_text_encoder(text_config(vocabulary))

    def forward(self, z: Tensor, mask: Tensor, kept: Tensor, time: Tensor, ids: Tensor) -> Tensor:
        """The clean picture, (B, 3, S, S), from a noisy one."""
        words = self.text_encoder(ids).last_hidden_state
        out = self.unet(unet_input(z, mask, kept, PATCH), time, encoder_hidden_states=words).sample
        return F.pixel_shuffle(out, PATCH)


def cosine_levels() -> Tensor:
    """alpha^2 at each of the training's noise levels, (1000,): the cosine schedule as diffusers computes it."""
    t = torch.arange(TRAIN_TIMES + 1, dtype=torch.float64) / TRAIN_TIMES
    bar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
    return torch.cumprod(1 - (1 - bar[1:] / bar[:-1]).clamp(max=0.999), 0)


class Trainer:
    """One worker's training. All workers hold the same weights; their gradients are averaged at every step."""

    def __init__(self, recipe: Recipe, checkpoints: Path, worker: int = 0, device: str = "cpu") -> None:
        self.recipe, self.checkpoints, self.worker, self.device = recipe, checkpoints, worker, torch.device(device)
        self.tokenizer = fixed_length(train_tokenizer())
        torch.manual_seed(recipe.seed)  # the libraries' constructors draw from the global generator
        self.model = Model(self.tokenizer.get_vocab_size()).to(self.device).to(memory_format=torch.channels_last)
        self.ema = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.parameters = dict(self.model.named_parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": list(self.model.unet.parameters()), "rate": 1.0},
                {"params": list(self.model.text_encoder.parameters()), "rate": recipe.text_rate},
            ],
            lr=recipe.learning_rate,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.levels = cosine_levels().to(self.device)
        self.step = 0
        self.images = 0
        """Pictures shown so far, over all workers."""

    def run(self) -> Iterator[Progress]:
        """Train to the recipe's end; yields after every step; the caller saves and draws as it likes."""
        feed = Feed(self.recipe, self.worker)
        while self.images < self.recipe.images:
            loss = self._train_step(feed)
            self.step += 1
            self.images += self.recipe.batch * self.recipe.workers
            yield Progress(self.step, self.images, loss)

    def _train_step(self, feed: Feed) -> float:
        recipe, batch = self.recipe, feed.batch(self.step)
        generator = seeded(recipe.seed, self.worker, self.step, 3)
        count = recipe.batch
        clean = batch.images.to(self.device)
        mask = draw_masks(count, SIZE, recipe.masked_share, recipe.mask_kinds, generator).to(self.device)
        time = (
            (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator))
            * (TRAIN_TIMES / count)
        ).long()
        dropped = torch.rand(count, generator=generator) < recipe.caption_dropout
        ids = self.encode(["" if d else c for c, d in zip(batch.captions, dropped.tolist(), strict=True)])
        noise = torch.randn(clean.shape, generator=generator).to(self.device)

        alpha2 = self.levels[time.to(self.device)].float()[:, None, None, None]
        z = alpha2.sqrt() * clean + (1 - alpha2).sqrt() * noise
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            predicted = self.model(z, mask, clean * (1 - mask), time.to(self.device), ids)
        weight = (1 / (1 - alpha2)).clamp(max=recipe.most_weight)  # v-error = clean error / sigma^2
        loss = (weight * (predicted.float() - clean) ** 2).mean()
        loss.backward()
        self._apply_gradients()
        return float(loss.detach())

    def encode(self, captions: list[str]) -> Tensor:
        """Token ids, (B, 40)."""
        return torch.tensor([e.ids for e in self.tokenizer.encode_batch(captions)], device=self.device)

    def _apply_gradients(self) -> None:
        recipe, parameters = self.recipe, list(self.parameters.values())
        if recipe.workers > 1:
            average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * group["rate"] * self._rate()
        self.optimizer.step()
        self.optimizer.zero_grad()
        decay = min(recipe.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.values()), [p.detach() for p in parameters], 1 - decay)

    def _rate(self) -> float:
        """Linear warm-up, then a cosine down to a hundredth."""
        warm = min(1.0, (self.images + 1) / self.recipe.warm_up_images)
        done = min(1.0, self.images / self.recipe.images)
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def averaged(self) -> Model:
        """The model with the running mean of its weights, for sampling and for shipping."""
        model = Model(self.tokenizer.get_vocab_size()).to(self.device)
        model.load_state_dict(self.ema, strict=False)
        return model.eval()

    def warm_up_text(self) -> None:
        """Teach the text tower to tell class, colour and inner class from captions, before pictures are shown."""
        width = text_config(1)["hidden_size"]
        heads = nn.Linear(width, len(CLASSES) + len(COLOUR_NAMES) + 1 + len(CLASSES) + 1).to(self.device)
        optimizer = torch.optim.AdamW([*self.model.text_encoder.parameters(), *heads.parameters()], lr=1e-3)
        feed = Feed(Recipe(seed=self.recipe.seed + 1, first_shards=4, steps_per_shard=1 << 30, batch=64), size=8)
        for step in range(self.recipe.text_warm_up_steps):
            batch = feed.batch(step)
            hidden = self.model.text_encoder(self.encode(batch.captions)).last_hidden_state
            parts = heads(hidden.mean(1)).split([len(CLASSES), len(COLOUR_NAMES) + 1, len(CLASSES) + 1], dim=1)
            labels = (batch.kind, batch.colour + 1, batch.inner_kind + 1)
            losses = [F.cross_entropy(p, t.to(self.device)) for p, t in zip(parts, labels, strict=True)]
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        self.ema = {name: p.detach().clone() for name, p in self.parameters.items()}

    def agree(self) -> None:
        """Give all workers the weights of worker 0."""
        if self.recipe.workers > 1:
            for tensor in [*(p.data for p in self.parameters.values()), *self.ema.values()]:
                dist.broadcast(tensor, src=0)

    def save(self) -> None:
        """Write everything that a later call needs to go on: weights, their mean, the optimiser's moments, the step."""
        write_state(self)

    def resume(self) -> bool:
        """Go back to the last saved state; False where there is none."""
        return read_state(self)


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Replace every worker's gradients by their mean over all workers, in place: the fused optimiser goes by memory,
    so a gradient must keep the layout of its parameter."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for g, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        g.copy_(part.view_as(g))


def run_worker(worker: int, recipe: Recipe, checkpoints: Path, device: str, meeting_point: str) -> None:
    """The whole training as one of `recipe.workers` processes; worker 0 writes checkpoints and `log.jsonl`."""
    if recipe.workers > 1:
        torch.set_num_threads(1)
        dist.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=worker, world_size=recipe.workers)
    with denormals_flushed():
        _train_as(worker, recipe, checkpoints, device)
    if recipe.workers > 1:
        dist.destroy_process_group()


def _train_as(worker: int, recipe: Recipe, checkpoints: Path, device: str) -> None:
    trainer = Trainer(recipe, checkpoints, worker, device)
    if not trainer.resume():
        trainer.warm_up_text()
    trainer.agree()
    recent: list[float] = []
    for progress in trainer.run():
        recent.append(progress.loss)
        if worker == 0 and progress.step % 10 == 0:
            with (checkpoints / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(replace(progress, loss=sum(recent) / len(recent)))) + "\n")
            recent.clear()
        if worker == 0 and progress.step % recipe.checkpoint_steps == 0:
            trainer.save()
    if worker == 0:
        trainer.save()


def train(recipe: Recipe, checkpoints: Path, device: str = "cpu") -> Iterator[Progress]:
    """Train, or go on training, until the recipe's number of images; yields news as it comes, about every 10 steps.

    The work is done by processes of its own; they end with this iterator. The last state lies in `checkpoints`. Raises
    InvalidInputError as `check_begun`.
    """
    check_begun(recipe, checkpoints)
    checkpoints.mkdir(parents=True, exist_ok=True)
    meeting_point = checkpoints / f".meeting-{os.getpid()}"
    meeting_point.unlink(missing_ok=True)
    arguments = (recipe, checkpoints, device, str(meeting_point.resolve()))
    workers = spawn(run_worker, arguments, nprocs=recipe.workers, join=False)  # type: ignore[no-untyped-call]
    told = None
    try:
        while not workers.join(timeout=1.0):
            news = latest(checkpoints)
            if news is not None and news != told:
                told = news
                yield news
    finally:
        for process in workers.processes:
            process.terminate()
        meeting_point.unlink(missing_ok=True)


def latest(checkpoints: Path) -> Progress | None:
    """The last complete line of a training's log, None where there is none."""
    log = checkpoints / LOG
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    return Progress(**json.loads(whole[-1])) if whole else None
