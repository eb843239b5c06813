"""Training of the bundled model: resumable to the bit, and really learning."""

import sys
from dataclasses import replace

import pytest
import torch

from zoomlib.bundled import recipe as recipes
from zoomlib.bundled.assemble import write_model
from zoomlib.bundled.recipe import Recipe
from zoomlib.bundled.training import Trainer, average_gradients, cosine_levels, latest, run_worker, train
from zoomlib.bundled.training_state import check_begun
from zoomlib.errors import InvalidInputError
from zoomlib.models import load_denoiser

TINY = Recipe(
    images=48, batch=4, workers=1, shard=8, first_shards=2, most_shards=3, steps_per_shard=4, warm_up_images=8,
    text_warm_up_steps=3, checkpoint_steps=4,
)  # fmt: skip


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """Networks of a few thousand weights, so that a step takes milliseconds."""
    unet = recipes.unet_config() | {"block_out_channels": (16, 16, 16), "attention_head_dim": 1}
    monkeypatch.setattr("zoomlib.bundled.training.unet_config", lambda: unet)
    monkeypatch.setattr(
        "zoomlib.bundled.training.text_config", lambda words: recipes.text_config(words) | {"num_hidden_layers": 1}
    )


def steps(trainer, count):
    run = trainer.run()
    return [next(run) for _ in range(count)]


def test_the_schedule_is_that_of_diffusers():
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler.from_config(recipes.scheduler_config()).alphas_cumprod
    assert torch.allclose(cosine_levels().float(), theirs, atol=1e-6)


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path):
    straight = Trainer(TINY, tmp_path / "a")
    steps(straight, 6)
    first = Trainer(TINY, tmp_path / "b")
    steps(first, 3)
    first.save()
    second = Trainer(TINY, tmp_path / "b")
    assert second.resume()
    assert second.step == 3
    steps(second, 3)
    for name, value in straight.parameters.items():
        assert torch.equal(value, second.parameters[name]), name
        assert torch.equal(straight.ema[name], second.ema[name]), name


def test_a_worker_leaves_the_processor_as_it_was_and_tells_of_its_recipe(tmp_path):
    run_worker(0, replace(TINY, images=8), tmp_path, "cpu", "")
    assert sys.float_info.min / 2 > 0, "denormals are flushed while it trains, and not afterwards"
    check_begun(TINY, tmp_path)
    with pytest.raises(InvalidInputError, match=r"begun with clip 1\.0"):
        next(train(replace(TINY, clip=2.0), tmp_path))


def test_without_a_checkpoint_nothing_is_resumed(tmp_path):
    assert not Trainer(TINY, tmp_path).resume()


def test_the_loss_falls(tmp_path):
    trainer = Trainer(replace(TINY, images=10**6, batch=8, ema=0.9), tmp_path)
    losses = [progress.loss for progress in steps(trainer, 24)]
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])


def test_text_warm_up_teaches_the_text_tower_alone(tmp_path):
    trainer = Trainer(replace(TINY, text_warm_up_steps=4), tmp_path)
    before = [p.detach().clone() for p in trainer.model.text_encoder.parameters()]
    unet = [p.detach().clone() for p in trainer.model.unet.parameters()]
    trainer.warm_up_text()
    assert not all(torch.equal(a, b) for a, b in zip(before, trainer.model.text_encoder.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(unet, trainer.model.unet.parameters(), strict=True))
    assert all(torch.equal(trainer.ema[n], p) for n, p in trainer.parameters.items())


@pytest.mark.slow
def test_training_runs_in_its_own_process_and_reports(tmp_path):
    """Through the public entry, in a process of its own (with the full networks: nothing is patched there).

    The gate goes through that entry in `test_from_nothing_to_a_model_folder`.
    """
    recipe = replace(TINY, images=20, batch=2, text_warm_up_steps=1)
    news = list(train(recipe, tmp_path))
    assert latest(tmp_path).step == 10
    assert news[-1].images == 20
    again = list(train(recipe, tmp_path))
    assert latest(tmp_path).step == 10
    assert not [progress for progress in again if progress.step > 10]


def test_the_trained_parts_become_a_model_folder(tmp_path):
    trainer = Trainer(TINY, tmp_path)
    steps(trainer, 2)
    model = trainer.averaged()
    write_model(model.unet, model.text_encoder, tmp_path / "model", torch.float32)
    denoiser = load_denoiser(tmp_path / "model")
    assert denoiser.shape == (3, 64, 64)
    z, step = torch.randn(1, 3, 64, 64), denoiser.ladder(5)[2]
    ours = denoiser.predict_clean(z, step, denoiser.condition(["a red galaxy"]))
    ids = trainer.encode(["a red galaxy"])
    with torch.no_grad():
        theirs = model(z, torch.ones(1, 1, 64, 64), torch.zeros_like(z), torch.tensor([step.time]), ids)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_averaged_gradients_keep_the_layout_of_their_parameters(tmp_path):
    """The fused optimiser goes by memory: with one worker, averaging must change nothing, strides included."""
    import torch.distributed as dist

    weight = torch.nn.Parameter(torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last))
    weight.grad = torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last)
    before = weight.grad.clone()
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        average_gradients([weight])
    finally:
        dist.destroy_process_group()
    assert torch.equal(weight.grad, before)
    assert weight.grad.stride() == weight.stride()
