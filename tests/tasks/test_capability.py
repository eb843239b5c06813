"""What fits into which memory, by sums that can be done by hand."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from tasks.capability import WAYS, Device, advice, fitting
from tasks.presets import preset_of
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.models import describe
from zoomlib.models.files.weights import Size
from zoomlib.models.needs import NUMBERS_PER_PIXEL, STAYS, needs, needs_of

GB = 10**9


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("model"), 4)[0]


def test_a_model_needs_its_numbers_and_one_picture(model):
    files = [next((model / part).glob("*.safetensors")) for part in ("unet", "vae", "text_encoder")]
    numbers = [sum(x.numel() for x in load_file(file).values()) for file in files]
    work = 16 * 16 * NUMBERS_PER_PIXEL
    found = needs_of(describe(model), torch.float32)
    assert found.resident == 4 * (sum(numbers) + work)
    assert found.by_model == 4 * (max(numbers) + work)
    assert found.by_layers == found.resident, "what is small is not off-loaded by layers"
    assert needs_of(describe(model), torch.bfloat16).resident * 2 == found.resident


def test_a_large_transformer_goes_through_a_small_card_by_layers():
    """Twelve thousand million numbers in 57 blocks, and an encoder of 4.8, as FLUX has, at 1024 px and 2 bytes."""
    parts = [Size(12 * GB, 340 * 10**6, 0), Size(4_800 * 10**6, 200 * 10**6, 0), Size(84 * 10**6, 10**7, 0)]
    found = needs(parts, (1024, 1024), 2)
    work = 1024 * 1024 * NUMBERS_PER_PIXEL * 2
    assert found.resident == 2 * 16_884 * 10**6 + work
    assert found.by_model == 24 * GB + work
    assert found.by_layers == 2 * 84 * 10**6 + 2 * 2 * 340 * 10**6 + work
    assert STAYS > 2 * 84 * 10**6
    ram = 64 * GB
    assert [found.fits(free, ram) for free in (80 * GB, 32 * GB, 24 * GB, 8 * GB, 2 * GB)] == [
        "none",
        "model",
        "layers",
        "layers",
        None,
    ]
    assert found.fits(8 * GB, 16 * GB) is None, "what waits needs a place, too"


def test_models_that_are_here_are_told_with_how_they_fit(model, tmp_path, monkeypatch):
    shutil.copytree(model, tmp_path / "models" / "small")
    (tmp_path / "models" / "broken").mkdir()
    (tmp_path / "models" / "broken" / "model_index.json").write_text("{}")
    monkeypatch.setenv("TENFOLD_MODELS", str(tmp_path / "models"))
    big = Device("cuda:0", "a card", 8 * GB, 7 * GB, "float16")
    rows = {(row["name"], row["family"]): row for row in fitting(big, 16 * GB)}
    fits = {name: row["fits"] for (name, family), row in rows.items() if family != "infinity"}
    assert fits["small"] == fits["bundled"] == WAYS["none"]
    assert "cannot be used" in fits["broken"]
    for name, planes in (("bundled", "with a horizon"), ("bundled-map", "with no horizon")):
        assert planes in rows[name, "infinity"]["fits"], "of any size: what it needs is a tile's"
    tiny = Device("cuda:0", "a card", 8 * GB, 1000, "float16")
    denoisers = [row for row in fitting(tiny, 16 * GB) if row["family"] and row["family"] != "infinity"]
    assert {row["fits"] for row in denoisers} == {WAYS[None]}


def test_nobody_is_told_to_get_what_may_not_be_got(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name, words in {"cpu": "forbids to get it; bundled draws in its place", "gpu-8gb": "nothing else is"}.items():
        assert words in advice(preset_of(name))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert "tenfold models get" in advice(preset_of("cpu"))
