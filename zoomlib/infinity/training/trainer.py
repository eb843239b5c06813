"""Training of generators of planes: resumable bit for bit on a CPU (arXiv 2104.03963, section 3.4 and its program)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from zoomlib.denormals import denormals_flushed
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.networks.discriminator import Discriminator
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.training.draws import Latents, Pictures, RealPatches, draw_latents, seeded
from zoomlib.infinity.training.landscapes import WORLDS
from zoomlib.infinity.training.losses import (
    auxiliary_loss,
    average_into,
    diversity_loss,
    fake_loss,
    path_lengths,
    path_penalty,
    r1_penalty,
    real_loss,
)
from zoomlib.infinity.training.recipe import Recipe
from zoomlib.infinity.training.state import cut_log, read_state, write_log, write_state

PATH_DECAY = 0.01


_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(frozen=True)
class Progress:
    """Losses of a step, as they were before it changed the networks."""

    step: int
    discriminator: float
    generator: float
    auxiliary: float
    diversity: float
    r1: float
    score_real: float
    score_made: float


class Trainer:
    """Networks, their averages and optimisers. What a step draws depends on seed and step alone."""

    def __init__(
        self, recipe: Recipe, checkpoints: Path, device: str = "cpu", pictures: Pictures | None = None
    ) -> None:
        self.recipe, self.checkpoints, self.device = recipe, Path(checkpoints), torch.device(device)
        if pictures is None and recipe.data not in WORLDS:
            raise InvalidInputError(f"There is no world {recipe.data!r}. Choose one of: {', '.join(WORLDS)}.")
        self.pictures: Pictures = pictures or WORLDS[recipe.data]
        start = torch.Generator().manual_seed(recipe.seed)
        self.networks = self._placed(Networks(recipe.generator).init(start))
        self.averaged = self._placed(Networks(recipe.generator))
        self.averaged.load_state_dict(self.networks.state_dict())
        self.averaged.requires_grad_(False)
        self.discriminator = self._placed(Discriminator(recipe.discriminator).init(start))
        self.generator_optimizer = _adam(self.networks, recipe, recipe.path_every)
        self.discriminator_optimizer = _adam(self.discriminator, recipe, recipe.r1_every)
        self.usual_path = torch.zeros((), device=self.device)
        self.step, self.r1 = 0, 0.0
        self._real = RealPatches(recipe, self.pictures, self.device)

    def _placed(self, module: _Module) -> _Module:
        return module.to(self.device).to(memory_format=torch.channels_last)

    def autocast(self) -> AbstractContextManager[None]:
        """The recipe's precision; penalties and losses are outside of it."""
        enabled = self.recipe.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def latents(self, generator: torch.Generator, label: float | None = None) -> Latents:
        """The latents of a batch (`draw_latents`) on this device."""
        return draw_latents(self.recipe, generator, self.device, label)

    def styles(self, latents: Latents, networks: Networks) -> Tensor:
        """w+ (B, 2L + 1, S)."""
        w: Tensor = networks.texture.mapping(latents.style if latents.mixed is None else latents.mixed)
        return w if latents.mixed is not None else w[:, None].expand(-1, networks.config.layers + 1, -1)

    def made(self, latents: Latents, networks: Networks | None = None) -> tuple[Tensor, Tensor]:
        """Patches (B, 3, s, s), not clamped, and their structure features (B, C, n, n)."""
        networks = networks or self.networks
        with self.autocast():
            features = networks.structure(latents.local, latents.coordinates, latents.style)
            pictures = networks.texture(features, self.styles(latents, networks), latents.noises)
        return pictures.float(), features.float()

    def real(self, step: int) -> tuple[Tensor, Tensor]:
        """Patches (B, 3, s, s) of real pictures and the labels (B,) of their rows."""
        return self._real(step)

    def train_step(self) -> Progress:
        """One step of the discriminator, one of the generator, and the penalties whose turn it is."""
        draw = seeded(self.device, self.recipe.seed, self.step, 5)
        real, labels = self.real(self.step)
        told = self._train_discriminator(real, labels, self.latents(draw))
        if self.recipe.r1_every and self.step % self.recipe.r1_every == 0:
            self._penalise_discriminator(real)
        told |= self._train_generator(self.latents(draw))
        if self.recipe.path_every and self.step >= self.recipe.path_from and self.step % self.recipe.path_every == 0:
            self._penalise_generator(self.latents(draw).half, draw)
        decay = min(self.recipe.ema, self.step / max(self.step + self.recipe.ema_warm_up, 1))
        for mean, value in zip(self.averaged.parameters(), self.networks.parameters(), strict=True):
            average_into(mean, value, decay)
        self.step += 1
        progress = Progress(self.step, r1=self.r1, **told)
        wild = [name for name, value in asdict(progress).items() if not abs(value) < float("inf")]
        if wild:
            raise self._diverged(", ".join(wild))
        return progress

    def judged(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) and rows (B,) that the discriminator finds."""
        with self.autocast():
            score, row = self.discriminator(pictures)
        return score.float(), row.float()

    def _train_discriminator(self, real: Tensor, labels: Tensor, latents: Latents) -> dict[str, float]:
        with torch.no_grad():
            made, _ = self.made(latents)
        self.discriminator.requires_grad_(True)
        # Not in one batch: the spread that D sees is that of pictures of one kind.
        score_real, row_real = self.judged(real)
        score_made, row_made = self.judged(made)
        auxiliary = auxiliary_loss(row_real, labels) + auxiliary_loss(row_made, latents.rows)
        loss = real_loss(score_real) + fake_loss(score_made)
        _descend(self.discriminator_optimizer, loss + self.recipe.auxiliary * auxiliary)
        return {
            "discriminator": loss.item(),
            "auxiliary": auxiliary.item() / 2,
            "score_real": score_real.mean().item(),
            "score_made": score_made.mean().item(),
        }

    def _penalise_discriminator(self, real: Tensor) -> None:
        pictures = real.detach().requires_grad_(True)
        penalty = r1_penalty(self.discriminator(pictures)[0], pictures)
        _descend(self.discriminator_optimizer, penalty * (self.recipe.r1 / 2 * self.recipe.r1_every))
        self.r1 = penalty.item()

    def _train_generator(self, latents: Latents) -> dict[str, float]:
        self.discriminator.requires_grad_(False)
        made, features = self.made(latents)
        score, row = self.judged(made)
        loss, diversity = real_loss(score), diversity_loss(latents.local, features)
        auxiliary = auxiliary_loss(row, latents.rows)
        total = loss + self.recipe.auxiliary * auxiliary + self.recipe.diversity * diversity
        _descend(self.generator_optimizer, total)
        return {"generator": loss.item(), "diversity": diversity.item()}

    def _penalise_generator(self, latents: Latents, draw: torch.Generator) -> None:
        networks = self.networks
        features = networks.structure(latents.local, latents.coordinates, latents.style)
        styles = self.styles(latents, networks)
        pictures = networks.texture(features, styles, latents.noises)
        noise = torch.randn(pictures.shape, generator=draw, device=draw.device).to(self.device)
        lengths = path_lengths(pictures, styles, noise)
        average_into(self.usual_path, lengths.detach().mean(), 1 - PATH_DECAY)
        penalty = path_penalty(lengths, self.usual_path)
        _descend(self.generator_optimizer, penalty * (self.recipe.path * self.recipe.path_every))

    def save(self) -> None:
        """Write all that a training goes on from to its folder of checkpoints (`write_state`).

        Raises InvalidInputError for weights that are not finite, which would take the place of a state that is whole.
        """
        for part, module in (("generator", self.averaged), ("discriminator", self.discriminator)):
            if not all(bool(p.isfinite().all()) for p in module.parameters()):
                raise self._diverged(f"weights of the {part}")
        write_state(self)

    def _diverged(self, what: str) -> InvalidInputError:
        return InvalidInputError(
            f"The training has diverged at step {self.step}: not finite: {what}. Begin anew with a lower "
            "learning_rate or a larger r1, and another folder for checkpoints."
        )

    def resume(self) -> bool:
        """Go back to the last saved state; False where there is none (`read_state`, with what it raises)."""
        return read_state(self)

    @property
    def parts(self) -> dict[str, tuple[nn.Module, torch.optim.Adam]]:
        """What is trained, by name, each with its optimiser."""
        return {
            "generator": (self.networks, self.generator_optimizer),
            "discriminator": (self.discriminator, self.discriminator_optimizer),
        }


def _adam(module: nn.Module, recipe: Recipe, every: int) -> torch.optim.Adam:
    """Adam with StyleGAN2's correction for a penalty that has a step of its own every so often."""
    share = every / (every + 1) if every else 1.0
    betas = (0.0, recipe.beta**share)
    return torch.optim.Adam(module.parameters(), lr=recipe.learning_rate * share, betas=betas, fused=True)


def _descend(optimizer: torch.optim.Adam, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def train(
    recipe: Recipe, checkpoints: Path, device: str = "cpu", pictures: Pictures | None = None
) -> Generator[tuple[Trainer, Progress], None, None]:
    """Train, or go on training, until the recipe's iterations; yields the trainer and the losses after every step.

    State and log are written to `checkpoints` every `checkpoint_steps`, at the end, and where the iterator is closed.
    """
    trainer = Trainer(recipe, checkpoints, device, pictures)
    trainer.resume()
    cut_log(trainer.checkpoints, trainer.step)
    while trainer.step < recipe.iterations:
        with denormals_flushed():
            progress = trainer.train_step()
        if progress.step % 10 == 0:
            write_log(trainer.checkpoints, asdict(progress))
        saves = progress.step % recipe.checkpoint_steps == 0 or progress.step == recipe.iterations
        if saves:
            trainer.save()
        try:
            yield trainer, progress
        except GeneratorExit:
            if not saves:
                trainer.save()
            raise
