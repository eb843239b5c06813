"""Training of generators of planes, in a very small size: it goes on bit for bit, on the plane's own coordinates."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoomlib.denormals import denormals_flushed
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.field.coordinates import coordinates
from zoomlib.infinity.training.draws import Latents, patch_coordinates, seeded
from zoomlib.infinity.training.landscapes import WORLDS, landscapes, maps
from zoomlib.infinity.training.quality import Quality, quality, sliced_distance
from zoomlib.infinity.training.recipe import RECIPES, Recipe, recipe_named
from zoomlib.infinity.training.sheets import sample_sheet
from zoomlib.infinity.training.state import LOG, STATE
from zoomlib.infinity.training.trainer import Trainer, train

CONFIG = GeneratorConfig(
    blocks=2,
    style=8,
    local=6,
    structure_layers=1,
    radius=1,
    texture=(8, 8),
    mapping_layers=1,
    period=16,
    cells=7,
)
RECIPE = Recipe(
    generator=CONFIG,
    discriminator=DiscriminatorConfig(patch_px=13, channels=(8, 8, 8), linear=8, blur=False),
    full_px=21,
    iterations=6,
    batch=4,
    r1_every=2,
    path_every=3,
    style_mixing=0.5,
    checkpoint_steps=4,
)
CPU = torch.device("cpu")


def stand(trainer: Trainer) -> dict[str, Tensor]:
    """All that a training goes on from."""
    out = {"usual path": trainer.usual_path, "step": torch.tensor(trainer.step)}
    for name, module in (("G", trainer.networks), ("mean", trainer.averaged), ("D", trainer.discriminator)):
        out |= {f"{name} {key}": value.detach().clone() for key, value in module.named_parameters()}
    for name, optimizer in (("G", trainer.generator_optimizer), ("D", trainer.discriminator_optimizer)):
        for number, moments in enumerate(optimizer.state.values()):
            out |= {f"{name} {number} {key}": value.clone() for key, value in moments.items()}
    return out


def test_a_training_that_goes_on_is_bit_for_bit_the_one_that_never_stopped(tmp_path: Path) -> None:
    whole = [progress for _, progress in train(RECIPE, tmp_path / "whole")]
    first = [progress for _, progress in train(replace(RECIPE, iterations=3), tmp_path / "parts")]
    rest = list(train(replace(RECIPE, checkpoint_steps=1), tmp_path / "parts"))
    last = rest[-1][0]
    assert first + [progress for _, progress in rest] == whole
    assert [progress.step for progress in whole] == [1, 2, 3, 4, 5, 6]
    straight = Trainer(RECIPE, tmp_path / "whole")
    assert straight.resume()
    one, other = stand(straight), stand(last)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    start = stand(Trainer(RECIPE, tmp_path / "none"))
    assert not any(torch.equal(one[name], start[name]) for name in start if name.endswith("conv.weight"))


def test_small_numbers_count_between_the_steps_of_a_training(tmp_path: Path) -> None:
    # A state of the processor that whatever this thread computes would have, planes too.
    with denormals_flushed():
        assert sys.float_info.min / 2 == 0
    for _ in train(replace(RECIPE, iterations=2), tmp_path):
        assert sys.float_info.min / 2 > 0
        assert torch.tensor(1e-310, dtype=torch.float64) * 0.5 > 0


def test_what_has_happened_is_written_every_ten_steps_and_where_it_is_left(tmp_path: Path) -> None:
    steps = train(replace(RECIPE, iterations=30, checkpoint_steps=25, path_every=0), tmp_path)
    for _, progress in steps:
        if progress.step == 11:
            break
    steps.close()
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [10]
    trainer = Trainer(replace(RECIPE, path_every=0), tmp_path)
    assert trainer.resume()
    assert trainer.step == 11
    with (tmp_path / LOG).open("a") as log:
        log.write(json.dumps({"step": 20}) + '\n{"step": 3')  # of a training that was killed before it saved
    rest = [progress.step for _, progress in train(replace(RECIPE, iterations=20, path_every=0), tmp_path)]
    assert rest == list(range(12, 21))
    again = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert again[:1] == lines
    assert [line["step"] for line in again] == [10, 20]
    assert len(again[1]) == len(lines[0])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_state_of_another_training_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    Trainer(RECIPE, tmp_path).save()
    with pytest.raises(InvalidInputError, match="begun with seed 0"):
        Trainer(replace(RECIPE, seed=1), tmp_path).resume()
    with pytest.raises(InvalidInputError, match="begun with generator"):
        Trainer(replace(RECIPE, generator=replace(CONFIG, local=8)), tmp_path).resume()
    whole = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        Trainer(RECIPE, tmp_path).resume()


def test_weights_that_are_not_finite_do_not_take_the_place_of_a_state(tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, tmp_path)
    trainer.save()
    whole = (tmp_path / STATE).read_bytes()
    next(trainer.averaged.parameters()).fill_(float("inf"))
    with pytest.raises(InvalidInputError, match="diverged at step 0: not finite: weights of the generator"):
        trainer.save()
    assert (tmp_path / STATE).read_bytes() == whole
    endless = replace(RECIPE, diversity=1e39, iterations=9, checkpoint_steps=9)
    with pytest.raises(InvalidInputError, match=r"diverged at step .*not finite: .*another folder"):
        list(train(endless, tmp_path / "wild"))
    assert not (tmp_path / "wild" / STATE).exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch": 5}, "even"),
        ({"full_px": 12}, "patches of 13 px"),
        ({"discriminator": DiscriminatorConfig(patch_px=14, channels=(8, 8))}, "patch_px"),
        ({"precision": "float16"}, "float16"),
        ({"iterations": 0}, "above 0"),
        ({"learning_rate": 0.0}, "above 0"),
    ],
)
def test_recipes_that_cannot_be_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        replace(RECIPE, **wrong)  # type: ignore[arg-type]


def test_named_recipes_and_worlds_are_whole(tmp_path: Path) -> None:
    for name in RECIPES:
        recipe = recipe_named(name)
        assert recipe.data in WORLDS
        assert json.loads(json.dumps(recipe.as_json()))["generator"]["cells"] == recipe.generator.cells
    with pytest.raises(InvalidInputError, match="no recipe 'fast'"):
        recipe_named("fast")
    with pytest.raises(InvalidInputError, match="no world 'sea'"):
        Trainer(replace(RECIPE, data="sea"), tmp_path)


@pytest.mark.parametrize("axes", ["horizon", "periodic"])
def test_patches_are_trained_on_the_coordinates_that_planes_have(axes: str) -> None:
    config = replace(CONFIG, axes=axes)
    side = config.cells + 2 * config.halo
    firsts = torch.tensor([[-3.0, 5.0], [4.0, 0.0], [-4.0, 15.0]])  # row and column of the first cell without halo
    rows = firsts[:, 0] - config.halo + (side - 1) / 2
    found = patch_coordinates(config, rows, firsts[:, 1])
    for (y, x), patch in zip(firsts.int().tolist(), found, strict=True):
        expected = coordinates(config, y - config.halo, x - config.halo, side, side)
        assert (patch - expected).abs().max() <= 1e-6


def test_one_pixel_of_a_picture_is_one_of_the_plane() -> None:
    # Between the first and the last label, real patches move by rows_px pixels and made ones by as many cells' pixels.
    assert RECIPE.rows_px == 8
    trainer = Trainer(RECIPE, Path("unused"))
    places = [trainer.latents(seeded(CPU, 1), label) for label in (-1.0, 1.0)]
    rise = [torch.atanh(latents.coordinates[0, 0, :, 0]) / CONFIG.rise for latents in places]
    assert torch.allclose((rise[1] - rise[0]) * 2**CONFIG.blocks, torch.tensor(8.0), atol=1e-4)
    assert [sorted(set(latents.rows.tolist())) for latents in places] == [[-1], [1]]


def test_pairs_share_all_but_their_local_latents() -> None:
    latents: Latents = Trainer(RECIPE, Path("unused")).latents(seeded(CPU, 2))
    for values in (latents.style, latents.coordinates, latents.rows):
        assert torch.equal(values[0::2], values[1::2])
        assert not torch.equal(values[0], values[2])
    assert not torch.equal(latents.local[0], latents.local[1])
    assert len(latents.half.local) == len(latents.half.noises[0]) == 2


def test_real_patches_have_the_labels_of_their_rows() -> None:
    def ramps(count: int, side_px: int, generator: torch.Generator) -> Tensor:
        return torch.arange(side_px).float().reshape(1, 1, -1, 1).expand(count, 3, side_px, side_px) / side_px

    trainer = Trainer(RECIPE, Path("unused"), pictures=ramps)
    patches, labels = trainer.real(5)
    first = patches[:, 0, 0, 0] * RECIPE.full_px
    assert torch.allclose(labels, first / 4 - 1, atol=1e-5)  # rows 0 to 8
    assert torch.equal(trainer.real(5)[0], patches)
    assert not torch.equal(trainer.real(6)[1], labels)


@pytest.mark.parametrize("world", [landscapes, maps])
def test_worlds_are_drawn_by_their_generator_alone(world: object) -> None:
    one, again, other = (world(3, 40, seeded(CPU, seed)) for seed in (1, 1, 2))  # type: ignore[operator]
    assert one.shape == (3, 3, 40, 40)
    assert one.abs().max() <= 1
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_landscapes_have_sky_above_ground_and_maps_have_no_up() -> None:
    def greening(pictures: Tensor) -> float:
        rows = (pictures[:, 1] - pictures[:, 2]).mean((0, 2))
        return float(rows[-13:].mean() - rows[:13].mean())

    assert greening(landscapes(32, 40, seeded(CPU, 3))) > 0.3
    assert abs(greening(maps(64, 40, seeded(CPU, 3)))) < 0.15


def test_an_untrained_generator_fails_the_bars(tmp_path: Path) -> None:
    found = quality(Trainer(RECIPE, tmp_path), samples=8)
    assert found.faults()
    assert found.sliced > 2 * found.real_sliced
    good = Quality(0.3, (0.2,) * 3, (0.8,) * 3, 2.0, 3.0, 0.15, 0.02)
    assert good.faults() == []
    assert good.faults(replace(good, sliced=1.2)) == []
    assert len(good.faults(replace(good, sliced=1.1))) == 1
    assert replace(good, row_error=1.0, greening=(0.0, 0.0, 0.0), profile=(0.0, 0.0, 0.0)).faults(heights=False) == []
    assert len(replace(good, row_error=1.0, diversity=4.0).faults(heights=False)) == 1
    assert len(Quality(0.4, (0.3, 0.1, 0.3), (0.9, 0.9, 0.7), 2.1, 3.1, 0.2, 0.02).faults()) == 6


def test_the_sliced_distance_is_0_for_equal_sets_and_the_shift_of_moved_ones() -> None:
    pictures = landscapes(8, 16, seeded(CPU, 4))
    assert sliced_distance(pictures, pictures, seeded(CPU, 5)) == 0
    # Along a direction of 192 numbers all are moved by 0.1 times their sum, which is N(0, 1): mean |.| is 0.08.
    moved = sliced_distance(pictures, pictures + 0.1, seeded(CPU, 5))
    assert moved == pytest.approx(0.1 * (2 / torch.pi) ** 0.5, rel=0.25)


def test_a_sheet_shows_the_same_latents_at_every_step(tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, tmp_path)
    sheet = sample_sheet(trainer)
    assert sheet.shape == (3, 2 * (5 * 13 + 4 * 2), 2 * (12 * 13 + 11 * 2))  # five rows, twelve patches wide
    assert sheet.abs().max() <= 1
    assert torch.equal(sheet, sample_sheet(trainer))


def test_half_precision_is_of_the_passes_alone(tmp_path: Path) -> None:
    recipe = replace(RECIPE, precision="bfloat16", path_every=2, iterations=5)
    wide, half = Trainer(RECIPE, tmp_path), Trainer(recipe, tmp_path)
    latents = wide.latents(seeded(CPU, 1))
    exact, rounded = wide.made(latents)[0], half.made(latents)[0]
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().mean() < 0.05 * exact.std()
    for _ in range(recipe.iterations):
        half.train_step()  # raises where a loss is no number
    assert all(p.dtype == torch.float32 for p in half.networks.parameters())
    assert 0 < half.usual_path < float("inf")
