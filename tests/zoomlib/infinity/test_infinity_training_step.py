"""What a step of training descends, by hand from the specification (sections 2.1 and 2.2): each loss with its weight,
the penalties of lazy steps, optimisers and the running mean.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.doubles.planes import random_networks
from zoomlib.infinity.config import DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.training import trainer as training
from zoomlib.infinity.training.draws import Latents, seeded
from zoomlib.infinity.training.recipe import Recipe, recipe_named
from zoomlib.infinity.training.trainer import Trainer

CONFIG = GeneratorConfig(
    blocks=2, style=8, local=6, structure_layers=1, radius=1, texture=(8, 8), mapping_layers=1, period=16, cells=7
)
RECIPE = Recipe(
    generator=CONFIG,
    discriminator=DiscriminatorConfig(patch_px=13, channels=(8, 8, 8), linear=8, blur=False),
    full_px=21,
    batch=8,
    r1=10.0,
    r1_every=16,
    path=2.0,
    path_every=4,
    diversity=0.3,
    auxiliary=0.7,
    style_mixing=1.0,
)
CPU = torch.device("cpu")


def begun(recipe: Recipe = RECIPE) -> Trainer:
    trainer = Trainer(recipe, Path("unused"))
    trainer.networks.load_state_dict(random_networks(CONFIG, 3).state_dict())
    return trainer


def drawn(trainer: Trainer, latents: Latents) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, structure features and w+: the structure reads the first of two mixed styles, whatever is mixed."""
    networks = trainer.networks
    features = networks.structure(latents.local, latents.coordinates, latents.style)
    assert latents.mixed is not None
    styles = torch.stack([networks.texture.mapping(z) for z in latents.mixed.unbind(1)], 1).requires_grad_()
    return networks.texture(features, styles, latents.noises), features, styles


def test_a_step_descends_the_losses_of_the_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, descended = begun(), []
    monkeypatch.setattr(training, "_descend", lambda optimizer, loss: descended.append((optimizer, loss.item())))
    draw = seeded(CPU, RECIPE.seed, 0, 5)
    of_d, of_g, of_path = (trainer.latents(draw) for _ in range(3))
    y = torch.randn(4, 3, 13, 13, generator=draw)
    real, labels = trainer.real(0)
    trainer.train_step()

    judge = trainer.discriminator.requires_grad_(True)
    (score, row), (made_score, made_row) = judge(real), judge(drawn(trainer, of_d)[0])
    discriminator = F.softplus(-score).mean() + F.softplus(made_score).mean()
    discriminator = discriminator + 0.7 * ((row - labels).abs().mean() + (made_row - of_d.rows).abs().mean())

    pictures = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(judge(pictures)[0].sum(), pictures)
    r1 = 10 / 2 * 16 * slope.square().flatten(1).sum(1).mean()

    made, features, _ = drawn(trainer, of_g)
    score, row = judge(made)
    z, f = (x.reshape(4, 2, -1).diff(dim=1).abs().mean((1, 2)) for x in (of_g.local, features))
    generator = F.softplus(-score).mean() + 0.7 * (row - of_g.rows).abs().mean() + 0.3 * (z / (f + 1e-5)).mean()

    made, _, styles = drawn(trainer, of_path.half)
    (slope,) = torch.autograd.grad((made * y).sum() / 13, styles)  # 13 = √(13 · 13)
    lengths = slope.square().mean((1, 2)).sqrt()
    usual = 0.01 * lengths.mean()  # from 0
    path = 2 * 4 * (lengths - usual).square().mean()

    adams = [trainer.discriminator_optimizer] * 2 + [trainer.generator_optimizer] * 2
    assert [optimizer for optimizer, _ in descended] == adams
    expected = [loss.item() for loss in (discriminator, r1, generator, path)]
    assert [loss for _, loss in descended] == pytest.approx(expected, rel=1e-4)
    assert trainer.usual_path.item() == pytest.approx(usual.item(), rel=1e-4)


def test_penalties_come_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, turns = begun(replace(RECIPE, path_from=4)), []
    for name in ("_penalise_discriminator", "_penalise_generator"):
        monkeypatch.setattr(trainer, name, lambda *_, name=name: turns.append((trainer.step, name[10:])))
    for _ in range(17):
        trainer.train_step()
    assert turns == [(0, "discriminator"), *((k, "generator") for k in (4, 8, 12)), *((16, n) for n in _BOTH)]


_BOTH = ("discriminator", "generator")


def test_optimisers_are_corrected_for_their_penalties() -> None:
    """G 0.002 · 4/5 and 0.99^(4/5), D 0.002 · 16/17 and 0.99^(16/17); the paper's batch, steps and mean."""
    trainer = begun()
    for optimizer, share in ((trainer.generator_optimizer, 4 / 5), (trainer.discriminator_optimizer, 16 / 17)):
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(0.002 * share)
        assert group["betas"] == pytest.approx((0, 0.99**share))
    paper = recipe_named("paper")
    assert (paper.batch, paper.iterations, paper.r1, paper.r1_every) == (16, 800_000, 10, 16)
    assert (paper.path, paper.path_every, paper.diversity, paper.auxiliary, paper.style_mixing) == (2, 4, 1, 1, 0.9)
    assert (paper.learning_rate, paper.beta, paper.full_px) == (0.002, 0.99, 197)
    assert paper.ema == pytest.approx(0.99778, abs=1e-5)


def test_the_mean_follows_faster_at_first() -> None:
    trainer = begun(replace(RECIPE, ema=0.9, ema_warm_up=4))
    name = "structure.layers.0.conv.weight"
    mean = trainer.averaged.state_dict()[name].clone()
    for step in range(50):
        trainer.train_step()
        decay = min(0.9, step / (step + 4))
        mean = decay * mean + (1 - decay) * trainer.networks.state_dict()[name]
        if step in (0, 1, 2, 49):
            assert torch.allclose(trainer.averaged.state_dict()[name], mean, atol=1e-5)


def test_without_a_warm_up_the_mean_begins_with_the_first_step() -> None:
    trainer = begun(replace(RECIPE, ema=0.9, ema_warm_up=0, r1_every=0, path_every=0))
    trainer.train_step()
    first = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    assert all(torch.equal(mean, first[name]) for name, mean in trainer.averaged.state_dict().items())
    trainer.train_step()
    for name, mean in trainer.averaged.state_dict().items():
        assert torch.allclose(mean, 0.9 * first[name] + 0.1 * trainer.networks.state_dict()[name], atol=1e-6)


def test_mixed_styles_change_once_at_a_layer_from_1_on() -> None:
    trainer, firsts = begun(), set()
    for seed in range(40):
        latents = trainer.latents(seeded(CPU, seed))
        assert latents.mixed is not None
        own = (latents.mixed == latents.style[:, None]).all(2)
        first = int(own[0].sum())
        assert torch.equal(own, (torch.arange(5) < first).expand(8, 5))
        assert torch.equal(latents.mixed[0::2], latents.mixed[1::2])
        firsts.add(first)
    assert firsts == {1, 2, 3, 4}
    mixing = [
        begun(replace(RECIPE, style_mixing=0.9)).latents(seeded(CPU, seed)).mixed is not None for seed in range(9)
    ]
    assert any(mixing)


def test_where_patches_cannot_move_they_have_no_row() -> None:
    recipe = replace(RECIPE, full_px=13)
    trainer = begun(recipe)
    assert not trainer.latents(seeded(CPU, 1)).rows.any()
    assert not trainer.real(0)[1].any()
