"""Variants, shards, halves, pickles, checkpoints in one file: which files of a model's folder are read, and which are
refused before anything is."""

import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.models import describe, load_denoiser
from zoomlib.models.files import digests
from zoomlib.models.files.weights import Weights, choose, size

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("whole"), 4)[0]


@pytest.fixture
def model(original, tmp_path):
    return shutil.copytree(original, tmp_path / "model")


def estimate(folder, dtype=torch.float32):
    denoiser = load_denoiser(folder, dtype=dtype)
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return denoiser.predict_clean(z, denoiser.ladder(4)[1], denoiser.condition(["a red leaf"]))


@pytest.mark.parametrize(
    ("names", "dtype", "expected"),
    [
        (["model.safetensors", "model.fp16.safetensors"], torch.float32, Weights(None, ("model.safetensors",))),
        (["model.safetensors", "model.fp16.safetensors"], torch.float16, Weights("fp16", ("model.fp16.safetensors",))),
        (["model.safetensors", "model.fp16.safetensors"], torch.bfloat16, Weights("fp16", ("model.fp16.safetensors",))),
        (["model.fp16.safetensors"], torch.float32, Weights("fp16", ("model.fp16.safetensors",))),
        (["model.bf16.safetensors", "model.safetensors"], torch.float16, Weights(None, ("model.safetensors",))),
        (["model.safetensors.part", "pytorch_model.bin", "config.json"], torch.float32, None),
        (["model-00001-of-00002.safetensors", "model.safetensors.index.json"], torch.float32, None),
        (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], torch.float32, None),
        (
            ["model.fp16-00001-of-00001.safetensors", "model.safetensors.index.fp16.json"],
            torch.float16,
            Weights("fp16", ("model.fp16-00001-of-00001.safetensors",), "model.safetensors.index.fp16.json"),
        ),
    ],
)
def test_the_variant_that_suits_is_taken_of_those_that_are_whole(names, dtype, expected):
    assert choose(names, dtype) == expected


def test_a_variant_that_is_alone_is_read_whatever_the_type(model, original):
    whole = load_file(model / UNET)
    save_file({k: v.half() for k, v in whole.items()}, model / "unet/diffusion_pytorch_model.fp16.safetensors")
    both = describe(model, dtype=torch.float16)
    assert both["revision"] != describe(model)["revision"], "other files are other weights"
    assert both["bytes"] < describe(model)["bytes"]
    (model / UNET).unlink()
    rounded, exact = estimate(model), estimate(original)
    assert torch.allclose(rounded, exact, atol=0.02)
    assert not torch.equal(rounded, exact)


def shard(folder, count=3):
    """Cut the UNet's weights into shards, as diffusers writes them."""
    whole = load_file(folder / UNET)
    names = [f"diffusion_pytorch_model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    where = {key: names[i % count] for i, key in enumerate(whole)}
    for name in names:
        save_file({key: whole[key] for key in whole if where[key] == name}, folder / "unet" / name)
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    place = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    place.write_text(json.dumps(index))
    (folder / UNET).unlink()
    return place, names


def test_shards_are_the_same_model(model, original):
    shard(model)
    assert torch.equal(estimate(model), estimate(original))
    assert size(model / "unet", torch.float32).parameters == size(original / "unet", torch.float32).parameters


def test_a_missing_shard_is_half_a_download(model):
    _, names = shard(model)
    (model / "unet" / names[1]).unlink()
    with pytest.raises(InvalidInputError, match="unet has only some of its weights"):
        describe(model)


@pytest.mark.parametrize("name", ["../vae/diffusion_pytorch_model.safetensors", "/etc/passwd", "other.safetensors", 3])
def test_an_index_names_nothing_but_the_shards_beside_it(model, name):
    place, _ = shard(model)
    index = json.loads(place.read_text())
    index["weight_map"][next(iter(index["weight_map"]))] = name
    place.write_text(json.dumps(index))
    with pytest.raises(InvalidInputError, match="none of the weights beside it"):
        describe(model)


def test_weights_that_lack_a_layer_are_not_filled_with_chance(model):
    whole = load_file(model / UNET)
    save_file({k: v for k, v in whole.items() if "mid_block" not in k}, model / UNET)
    with pytest.raises(InvalidInputError, match=r"unet lack \d+ tensors, as mid_block"):
        load_denoiser(model)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m: shutil.rmtree(m / "vae"), "config.json in 'vae'|vae is missing"),
        (lambda m: shutil.rmtree(m / "tokenizer"), "tokenizer is missing"),
        (lambda m: [f.unlink() for f in (m / "tokenizer").glob("*")], "tokenizer has no vocabulary"),
        (lambda m: (m / UNET).unlink(), "unet has no safetensors"),
        (lambda m: (m / UNET).write_bytes((m / UNET).read_bytes()[:2000]), "Half a download"),
        (lambda m: (m / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0"), "git lfs pull"),
        (lambda m: (m / UNET).rename(m / "unet/diffusion_pytorch_model.bin"), "can run code"),
    ],
)
def test_half_a_model_is_refused_before_anything_is_loaded(model, spoil, words):
    spoil(model)
    for look in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match=words):
            look(model)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.safetensors", "from_single_file"),
        ("v1-5-pruned.ckpt", "pickle, which can run code"),
        ("flux-q4.gguf", "checkpoint in one file"),
    ],
)
def test_a_checkpoint_in_one_file_is_refused_with_the_way_out(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"x")
    for given in (tmp_path / name, name):
        with pytest.raises(InvalidInputError, match=words):
            describe(given)
    with pytest.raises(InvalidInputError, match=f"a folder with {name} and no model_index.json"):
        describe(tmp_path)


def test_code_in_a_model_s_folder_is_never_run(model, tmp_path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for place in ("pipeline.py", "unet/modeling.py", "unet/__init__.py"):
        (model / place).write_text(trap)
    estimate(model)
    index = json.loads((model / "model_index.json").read_text())
    index["unet"] = ["modeling", "UNet2DConditionModel"]
    (model / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(InvalidInputError, match=r"modeling\.UNet2DConditionModel.*not run"):
        load_denoiser(model)
    assert not (tmp_path / "ran").exists()


def test_digests_of_large_files_are_computed_once_and_told(model, tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "LARGE_BYTES", 1)
    kept, files, seen = tmp_path / "cache" / "digests.json", [model / UNET, model / "model_index.json"], []
    total = sum(file.stat().st_size for file in files)
    with digests.telling(lambda *news: seen.append(news)):
        first = digests.digests_of(files, kept)
        assert first == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        assert seen[-1] == ("model", total, total)
        seen.clear()
        digests._SEEN.clear()  # as in another process
        assert digests.digests_of(files, kept) == first
        assert not seen
        files[0].write_bytes(files[0].read_bytes() + b" ")
        assert digests.digests_of(files, kept)[0] not in first
        kept.write_text("{broken")
        digests._SEEN.clear()
        assert digests.digests_of(files, kept)[1] == first[1]
    assert json.loads(kept.read_text()).keys() == {str(file.resolve()) for file in files}


def test_a_hub_s_cache_names_large_files_by_their_digest(tmp_path, monkeypatch):
    blob = tmp_path / "blobs" / ("ab" * 32)
    blob.parent.mkdir()
    blob.write_bytes(b"anything")
    (tmp_path / "model.safetensors").symlink_to(blob)
    assert digests.digest_of(tmp_path / "model.safetensors") == "ab" * 32
