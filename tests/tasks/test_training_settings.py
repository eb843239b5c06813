"""Any number of a training's recipe by `--set`: read, refused, told on the card, and said by a dry run."""

import json
import shlex
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from flows.cli import app
from tasks import train, train_infinity
from tasks.errors import RefusedError
from tasks.recipes import with_recipe_settings
from tasks.specs import read_settings
from tests.tasks.test_train_infinity import SMALL, few  # noqa: F401  `few` is a fixture
from zoomlib.bundled.recipe import Recipe as BundledRecipe
from zoomlib.bundled.training_state import STATE, check_begun
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import DiscriminatorConfig
from zoomlib.infinity.networks.discriminator import Discriminator
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.training.cost import discriminator_macs, training_cost
from zoomlib.infinity.training.recipe import RECIPES, Recipe, recipe_named
from zoomlib.infinity.training.trainer import Trainer


def settings(*texts):
    return read_settings(texts)


def test_numbers_of_any_group_are_taken_in_the_types_they_have():
    texts = "generator.texture=[16,16,8]", "generator.rise=1", "discriminator.linear=7", "ema=0", "flip=false"
    recipe = train_infinity.recipe_for("cpu", settings=settings(*texts))
    generator = replace(Recipe().generator, texture=(16, 16, 8), rise=1.0)
    discriminator = replace(Recipe().discriminator, linear=7)
    assert recipe == Recipe(generator=generator, discriminator=discriminator, ema=0.0, flip=False)
    grouped = {
        "generator": {"texture": [16, 16, 8], "rise": 1},
        "discriminator": {"linear": 7},
        "ema": 0,
        "flip": False,
    }
    assert train_infinity.recipe_for("cpu", settings=grouped) == recipe
    assert train_infinity.recipe_for(seed=3, settings=settings("seed=4", "data=maps")) == replace(
        recipe_named("cpu-maps"), seed=4
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("generator.textures=[1]", r"no setting 'generator\.textures'.*Did you mean generator\.texture\?.*full_px"),
        ("generator=5", "no setting 'generator'"),
        ("batch=8.5", "setting batch was refused.*as 8; got '8.5'"),
        ("batch=true", "setting batch was refused"),
        ("flip=1", "as true; got '1'"),
        ('generator.texture=[64,"x",48]', r"generator\.texture\.1.*as \[64,64,48\]"),
        ("generator.texture=[64]", "settings of generator were refused: texture names the channels of each of the 3"),
        ("generator.cells=11", "patches of 53 px; the discriminator reads 37 px"),
        ("batch=3", "batch must be even"),
        ("ema=1.5", "from 0 to 1; got 1.5"),
        ("beta=1", "below 1"),
        ("r1=NaN", r"from 0 to 2\^64 - 1; got nan"),
        ("seed=-1", "from 0 to .*; got -1"),
        ("seed=18446744073709551616", "seed was refused.*from 0 to .*; got 18446744073709551616"),
        ("path_every=1" + 400 * "0", "path_every was refused: expected a number"),
        ("learning_rate=1e300", "learning_rate was refused: expected a number"),
        ("data=nowhere", "'nowhere' is neither"),
    ],
)
def test_what_no_recipe_can_have_is_refused_with_what_there_is(text, words):
    with pytest.raises(RefusedError, match=words):
        train_infinity.recipe_for("cpu", settings=settings(text))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("changes", [{}, {"ema": 0.5, "data": "maps", "seed": 2, "precision": "bfloat16"}])
def test_the_command_on_the_card_makes_the_same_recipe(name, changes):
    """By the command line itself: what the card says is split as a shell would and read again."""
    recipe = replace(recipe_named(name), **changes)
    if changes:
        recipe = replace(recipe, generator=replace(recipe.generator, rise=0.25, texture=(8,) * recipe.generator.blocks))
    words = shlex.split(train_infinity.command_of(recipe, recipe.data, recipe.iterations))
    told = CliRunner().invoke(app, [*words[1:], "--dry-run", "--device", "cpu"])
    assert told.exit_code == 0, told.output
    assert json.JSONDecoder().raw_decode(told.stdout)[0] == recipe.as_json()


def test_settings_reach_the_generator_and_its_card_and_another_recipe_does_not_go_on(tmp_path, few):  # noqa: F811
    command = ["train-infinity", "--recipe", "small", "--no-engine", "--quiet", "--device", "cpu", "--iterations", "2"]
    command += ["--checkpoints", str(tmp_path / "c"), "--out", str(tmp_path / "m"), "--set", "diversity=0.5"]
    told = CliRunner().invoke(app, [*command, "--set", "generator.style=5"])
    assert told.exit_code == 0, told.output
    about = json.loads((tmp_path / "m" / "config.json").read_text())["facts"]["recipe"]
    assert (about["diversity"], about["generator"]["style"]) == (0.5, 5)
    assert "--seed 0 --set generator.style=5 --set diversity=0.5`" in (tmp_path / "m" / "README.md").read_text()
    for dry in ([], ["--dry-run"]):
        other = CliRunner().invoke(app, [*command, "--set", "generator.style=6", *dry])
        assert other.exit_code == 2
        assert "begun with generator.style 5, and is to go on with 6" in other.output


def test_a_dry_run_says_what_it_takes_and_writes_nothing(tmp_path, few):  # noqa: F811
    command = ["train-infinity", "--recipe", "small", "--device", "cpu", "--checkpoints", str(tmp_path / "c")]
    told = CliRunner().invoke(app, [*command, "--set", "batch=4", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert '"batch": 4' in told.stdout
    assert f"generator has {sum(p.numel() for p in Networks(SMALL.generator).parameters()):,} numbers" in told.stdout
    assert "4 steps of" in told.stdout
    assert "of one core." in told.stdout
    assert "Nothing was written." in told.stdout
    assert list(tmp_path.iterdir()) == []
    trainer = Trainer(replace(SMALL, batch=4), tmp_path / "c")
    trainer.step = 4
    trainer.save()
    told = CliRunner().invoke(app, [*command, "--set", "batch=4", "--iterations", "10", "--dry-run"])
    assert "4 of 10 steps are made already; 6 steps of" in told.stdout


@pytest.mark.parametrize(("blur", "away"), [(False, 0.0), (True, 0.05)])
def test_the_cost_of_networks_is_what_torch_counts(blur, away):
    """Filters are not counted: of 64 channels 3 %."""
    config = DiscriminatorConfig(patch_px=13, channels=(64, 64, 80), linear=5, blur=blur)
    network = Discriminator(config)
    with FlopCounterMode(display=False) as counted:
        network(torch.ones(2, 3, 13, 13))
    assert counted.get_total_flops() / 4 == pytest.approx(discriminator_macs(config), rel=away)
    cost = training_cost(replace(SMALL, discriminator=replace(config, patch_px=9)))
    own = Discriminator(replace(config, patch_px=9)), Networks(SMALL.generator)
    assert (cost.discriminator, cost.generator) == tuple(sum(p.numel() for p in one.parameters()) for one in own)


def test_the_bundled_model_takes_settings_too(tmp_path):
    recipe = train.recipe_for("cpu", settings("betas=[0.5,0.9]", "mask_kinds.side=0.5", "images=7"))
    assert (recipe.betas, recipe.mask_kinds["side"], recipe.images) == ((0.5, 0.9), 0.5, 7)
    assert train.recipe_for("cuda", {}).batch == 256
    for text, words in (
        ("shard=0", "above 0"),
        ("mask_kinds.top=1", r"Did you mean mask_kinds\."),
        ("clip=x", "as 1.0"),
        ("betas=[0.9,1]", "betas was refused: expected a number from 0 to below 1; got 1"),
    ):
        with pytest.raises(RefusedError, match=words):
            train.recipe_for("cpu", settings(text))
    told = CliRunner().invoke(app, ["train-bundled", "--dry-run", "--checkpoints", str(tmp_path), "--set", "batch=5"])
    assert told.exit_code == 0, told.output
    assert f"shown 120,000 pictures, {5 * BundledRecipe().workers} a step" in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_model_does_not_go_on_with_another_recipe(tmp_path):
    from safetensors.torch import save_file

    begun = json.dumps(BundledRecipe().__dict__)
    save_file({"x": nn.Linear(1, 1).weight.detach()}, tmp_path / STATE, {"recipe": begun})
    check_begun(with_recipe_settings(BundledRecipe(), {"images": 5, "workers": 1, "scorer_steps": 3}), tmp_path)
    with pytest.raises(InvalidInputError, match=r"begun with clip 1.0, and is to go on with 2.0"):
        check_begun(with_recipe_settings(BundledRecipe(), {"clip": 2}), tmp_path)
    (tmp_path / STATE).write_bytes(b"no state")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        check_begun(BundledRecipe(), tmp_path)
