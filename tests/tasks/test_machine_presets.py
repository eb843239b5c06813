"""Presets for kinds of machines: each is a sound configuration, is below what the user says, and is written down."""

from pathlib import Path

import pytest

import prompts
from tasks.errors import RefusedError
from tasks.plan import prepare
from tasks.presets import preset_for, presets
from tasks.run import Tools
from tasks.specs import RunConfig, setting_paths, with_settings, with_values
from zoomlib.models.files.hub import hub_id

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
NAMES = [preset.name for preset in presets()]


def described(name, **options):
    """What a latent model says of itself, without one."""
    assert not options["download"]
    size = options.get("size") or (512, 512)
    facts = {"kind": "model", "id": name, "revision": "0" * 64, "family": "any", "inpaints": False, "upscaler": None}
    return facts | {"shape": (4, size[0] // 8, size[1] // 8), "size_px": size, "factor": 8, "multiple": 8}


def test_there_is_one_for_each_kind_of_machine():
    assert set(NAMES) == {"cpu", "gpu-8gb", "gpu-24gb", "gpu-80gb"}


@pytest.mark.parametrize("preset", presets(), ids=NAMES)
def test_a_preset_is_a_sound_configuration_that_names_models(preset):
    config = with_values(RunConfig(), {"preset": preset.name})
    assert config.preset == preset.name
    assert set(preset.settings) <= set(setting_paths())
    assert (config.model.name, *config.model.fallbacks) == preset.models
    assert all(name == "bundled" or hub_id(name) is not None for name in preset.models)


@pytest.mark.parametrize("preset", presets(), ids=NAMES)
def test_a_run_is_accepted_with_it_and_is_the_same_run_as_without_its_name(preset, tmp_path):
    story = prompts.load_story("cosmic-leaf")
    here = {"model.device": "cpu", "model.download": False, "model.compile": "none"}
    config = with_values(RunConfig(), {"preset": preset.name, **here})
    run = prepare(config, story, tmp_path, Tools(describe=described))
    assert run.model["id"] == preset.models[0]
    assert run.config.preset == preset.name
    plain = config.model_copy(update={"preset": None})
    assert prepare(plain, story, tmp_path, Tools(describe=described)).id == run.id


def test_what_is_said_beside_a_preset_is_kept():
    config = with_values(RunConfig(), {"preset": "gpu-8gb", "model.name": "mine", "model.offload": "none"})
    assert (config.model.name, config.model.offload) == ("mine", "none")
    later = with_settings(with_values(RunConfig(), {"model.name": "mine"}), ["preset=gpu-8gb", "model.rows=2"])
    assert (later.model.name, later.model.rows, later.model.offload) == ("mine", 2, "model")
    with pytest.raises(RefusedError, match="gpu-24gb"):
        with_values(RunConfig(), {"preset": "gpu-9000"})


@pytest.mark.parametrize(
    ("device", "memory", "name"),
    [
        ("cpu", 64e9, "cpu"),
        ("cuda", 4e9, "cpu"),
        ("cuda:1", 8.2e9, "gpu-8gb"),
        ("cuda", 12e9, "gpu-8gb"),
        ("cuda", 25e9, "gpu-24gb"),
        ("cuda", 150e9, "gpu-80gb"),
        ("mps", 150e9, "gpu-8gb"),
    ],
)
def test_the_preset_that_suits_follows_from_device_and_memory(device, memory, name):
    assert preset_for(device, int(memory)).name == name


@pytest.mark.parametrize("preset", presets(), ids=NAMES)
def test_the_documentation_says_what_a_preset_is(preset):
    text = DOCS.read_text(encoding="utf-8")
    assert f"`{preset.name}`" in text
    assert preset.needs in text
    assert all(f"`{name}`" in text for name in preset.models)


def test_that_another_model_draws_is_said(tmp_path):
    story = prompts.load_story("cosmic-leaf")
    config = with_values(RunConfig(), {"preset": "gpu-8gb", "model.device": "cpu", "model.download": False})

    def only_last(_name, **options):
        return described(options["fallbacks"][-1], **options)

    notes = [prepare(config, story, tmp_path, Tools(describe=one)).notes for one in (described, only_last)]
    last = config.model.fallbacks[-1]
    assert [any(f"{last} draws in its place" in note for note in told) for told in notes] == [False, True]
