"""LoRAs and textual inversions: files as their own tools write them, on tiny models in the real format."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_lora import FILE, write_lora
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.doubles.tiny_sdxl import sdxl_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.models import describe, load_denoiser
from zoomlib.models.files.extra_files import Lora

PROMPT = "a red galaxy"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder, pipeline = latent_pipeline(tmp_path_factory.mktemp("sd"), 4)
    pipeline.set_progress_bar_config(disable=True)
    return folder, pipeline


@pytest.fixture(scope="module")
def loras(model, tmp_path_factory):
    return [write_lora(model[1], tmp_path_factory.mktemp(f"lora{k}"), k, ["text_encoder"]) for k in (1, 2)]


def theirs(pipeline, z, prompt=PROMPT):
    made = pipeline(prompt, num_inference_steps=4, guidance_scale=1.0, latents=z.clone(), output_type="latent")
    return made.images


def test_merged_changes_equal_diffusers_own_layers(model, loras):
    """To 1e-4: two LoRAs at weights of their own, theirs beside the weights, ours within."""
    folder, pipeline = model
    given = [Lora(str(loras[0]), 0.7), Lora(str(loras[1] / FILE), -0.4)]
    denoiser = load_denoiser(folder, loras=given)
    ours, z = plain_samples(denoiser, [PROMPT], 4)
    plain = theirs(pipeline, z)
    pipeline.load_lora_weights(loras[0], weight_name=FILE, adapter_name="a")
    with pytest.warns(UserWarning, match="multiple adapters"):  # of theirs, not of ours
        pipeline.load_lora_weights(loras[1], weight_name=FILE, adapter_name="b")
    pipeline.set_adapters(["a", "b"], [0.7, -0.4])
    changed = theirs(pipeline, z)
    pipeline.unload_lora_weights()
    assert torch.allclose(ours, changed, atol=1e-4)
    assert (ours - plain).abs().max() > 0.05
    assert not any("lora" in name for module in denoiser.parts.modules.values() for name in module.state_dict())
    assert not any(p.requires_grad for module in denoiser.parts.modules.values() for p in module.parameters())


def test_a_weight_of_nothing_changes_nothing(model, loras):
    """To 1e-6."""
    changes = [[Lora(str(loras[0]), 0.0)], []]
    none, plain = (plain_samples(load_denoiser(model[0], loras=given), [PROMPT], 4)[0] for given in changes)
    assert torch.allclose(none, plain, atol=1e-6)


def test_the_forerunners_format_is_read(model, loras, tmp_path):
    """Kohya's names, as most shared files have them, with alpha: the same as diffusers' own names."""
    from diffusers.utils import convert_state_dict_to_kohya

    tensors = load_file(loras[0] / FILE)
    own = {name: tensor for name, tensor in tensors.items() if name.startswith("unet.")}
    kohya = convert_state_dict_to_kohya({name.removeprefix("unet."): tensor for name, tensor in own.items()})
    kohya = {f"lora_unet_{name.removeprefix('lora_unet_')}": tensor.clone() for name, tensor in kohya.items()}
    assert any(name.endswith(".lora_down.weight") for name in kohya)
    one, other, plain = (
        plain_samples(load_denoiser(model[0], loras=changes), [PROMPT], 4)[0]
        for changes in (
            [Lora(vectors(tmp_path / "kohya.safetensors", **kohya))],
            [Lora(vectors(tmp_path / "own.safetensors", **own))],
            [],
        )
    )
    assert torch.allclose(one, other, atol=1e-6)
    assert (one - plain).abs().max() > 0.01


def test_sdxl_takes_changes_of_all_its_towers(tmp_path):
    made = sdxl_pipeline(tmp_path / "model")
    lora = write_lora(made[1], tmp_path / "lora", 3, ("text_encoder", "text_encoder_2"))
    ours, z = plain_samples(load_denoiser(made[0], loras=[Lora(str(lora), 0.5)]), [PROMPT], 4)
    pipeline = made[1]
    pipeline.load_lora_weights(lora, weight_name=FILE, adapter_name="a")
    pipeline.set_adapters(["a"], [0.5])
    assert torch.allclose(ours, theirs(pipeline, z), atol=1e-4)


def test_a_run_records_what_was_changed(model, loras):
    plain = describe(model[0])
    told = describe(model[0], loras=[Lora(str(loras[0]), 0.5)])
    assert plain["loras"] == plain["embeddings"] == []
    assert told["loras"][0]["weight"] == 0.5
    assert len(told["loras"][0]["sha256"]) == 64
    others = [describe(model[0], loras=[Lora(str(loras[k]), w)]) for k, w in ((0, 0.25), (1, 0.5))]
    assert len({d["revision"] for d in (plain, told, *others)}) == 4
    assert describe(model[0], loras=[Lora(str(loras[0]), 0.5)])["revision"] == told["revision"]


def vectors(path, **tensors):
    save_file(tensors, path)
    return str(path)


@pytest.mark.parametrize("count", [1, 3])
def test_a_taught_word_equals_diffusers_own(model, tmp_path, count):
    """To 1e-4, one vector or several, in the middle of a text; without it the word is only letters."""
    generator = torch.Generator().manual_seed(count)
    name = f"<moody-{count}>"
    file = vectors(tmp_path / "any.safetensors", **{name: torch.randn(count, 16, generator=generator)})
    text = f"a {name} galaxy"
    ours, z = plain_samples(load_denoiser(model[0], embeddings=[file]), [text], 4)
    plain = theirs(model[1], z, text)
    model[1].load_textual_inversion(file)
    assert torch.allclose(ours, theirs(model[1], z, text), atol=1e-4)
    assert (ours - plain).abs().max() > 1e-3
    assert describe(model[0], embeddings=[file])["embeddings"][0] | {"sha256": ""} == {
        "name": file,
        "word": name,
        "vectors": count,
        "sha256": "",
    }


def test_a_nameless_file_teaches_its_own_name_to_both_towers(tmp_path):
    folder, _ = sdxl_pipeline(tmp_path / "model")
    pair = {"clip_l": torch.randn(2, 16), "clip_g": torch.randn(2, 8)}
    file = vectors(tmp_path / "sketchy.safetensors", **pair)
    taught, plain = load_denoiser(folder, embeddings=[file]), load_denoiser(folder)
    one, other = (d.condition(["a sketchy galaxy"]).rows["text"] for d in (taught, plain))
    assert not torch.allclose(one[..., :16], other[..., :16])
    assert not torch.allclose(one[..., 16:], other[..., 16:])
    words = "a red galaxy"
    assert torch.equal(taught.condition([words]).rows["text"], plain.condition([words]).rows["text"])


def refused(model, match, **extras):
    """By description and by loading alike, before weights are read."""
    for function in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match=match):
            function(model[0], **extras)


def test_bad_files_are_refused_with_the_remedy(model, loras, tmp_path):
    (tmp_path / "old.bin").write_bytes(b"x")
    (tmp_path / "cut.safetensors").write_bytes(b"x" * 20)
    (tmp_path / "two").mkdir()
    for name in "ab":
        vectors(tmp_path / "two" / f"{name}.safetensors", w=torch.ones(1))
    other = vectors(tmp_path / "sdxl.safetensors", **{"unet.mid.attn2.to_k.lora_A.weight": torch.ones(2, 2048)})
    for name, match in {
        "no/such/file.safetensors": r"hf download no/such file\.safetensors",
        str(tmp_path / "gone.safetensors"): "no file",
        str(tmp_path / "old.bin"): r"no \.safetensors file.* can run code",
        str(tmp_path / "cut.safetensors"): "damaged",
        str(tmp_path / "two"): "holds a.safetensors, b.safetensors",
        vectors(tmp_path / "not.safetensors", weight=torch.ones(2)): "holds no LoRA",
        other: "words 2048 wide, where this one reads 16",
        "../../etc/no/passwd": "no file",
        f"no/such/../..{tmp_path}/cut.safetensors": "no file",
        "no/such/*.safetensors": "no file",
        "a/b/" + "c" * 300 + ".safetensors": "no file",
        "~nobody-of-that-name/ink.safetensors": "no file",
    }.items():
        refused(model, match, loras=[Lora(name)])
    wide = vectors(tmp_path / "wide.safetensors", word=torch.ones(768))
    refused(model, "768.* wide.* read .16", embeddings=[wide])
    pair = vectors(tmp_path / "x.safetensors", clip_l=torch.ones(16), clip_g=torch.ones(8))
    refused(model, r"holds 2 tensors, as clip_g.* each text tower: 1, named by", embeddings=[pair])
    refused(model, "no textual inversion", embeddings=[vectors(tmp_path / "0.safetensors", word=torch.ones(()))])
    same = vectors(tmp_path / "y.safetensors", word=torch.ones(16))
    refused(model, "teach one word", embeddings=[same, same])
    refused(["bundled"], "pixel UNet take no loras", loras=[Lora(str(loras[0]))])


def test_what_fits_no_layer_is_refused_or_said(model, loras, tmp_path):
    """A file of another network altogether, and one of which a part is another's."""
    alien = {
        "unet.elsewhere.to_q.lora_A.weight": torch.ones(2, 8),
        "unet.elsewhere.to_q.lora_B.weight": torch.ones(8, 2),
    }
    with pytest.raises(InvalidInputError, match="does not fit"):
        load_denoiser(model[0], loras=[Lora(vectors(tmp_path / "alien.safetensors", **alien))])
    own = load_file(loras[0] / FILE)
    notes = []
    load_denoiser(model[0], loras=[Lora(vectors(tmp_path / "part.safetensors", **own, **alien))], on_note=notes.append)
    assert len(notes) == 1
    assert "1 of" in notes[0]


def test_a_word_that_the_tokenizer_has_is_refused(model, tmp_path):
    word = vectors(tmp_path / "word.safetensors", **{"galaxy</w>": torch.ones(16)})
    with pytest.raises(InvalidInputError, match="cannot be taught"):
        load_denoiser(model[0], embeddings=[word])


def test_a_lora_of_the_hub_is_got_once_and_named_by_its_repository(model, loras, hub_here):
    """ORG/NAME, and ORG/NAME/FILE where there are several; what is in the cache is not asked for again."""
    hub_here.add("someone/style", loras[0], {"README.md": b"words"})
    hub_here.add("someone/many", loras[1], {"other.safetensors": b"0"})
    local = describe(model[0], loras=[Lora(str(loras[0]))])["revision"]
    with pytest.raises(InvalidInputError, match="hf download someone/style"):
        describe(model[0], loras=[Lora("someone/style")])
    assert describe(model[0], loras=[Lora("someone/style")], download=True)["revision"] == local
    hub_here.asked.clear()
    ours, _ = plain_samples(load_denoiser(model[0], loras=[Lora("someone/style")]), [PROMPT], 2)
    assert ours.isfinite().all()
    assert hub_here.asked == []
    with pytest.raises(InvalidInputError, match=r"holds other\.safetensors, .*: name the file"):
        describe(model[0], loras=[Lora("someone/many")], download=True)
    assert not [file for file in hub_here.got() if file.endswith(".safetensors")], (
        "which one is asked before any is got"
    )
    told = describe(model[0], loras=[Lora(f"someone/many/{FILE}")], download=True)
    assert told["loras"][0]["name"] == f"someone/many/{FILE}"
    with pytest.raises(InvalidInputError, match="has no absent"):
        describe(model[0], loras=[Lora("someone/many/absent.safetensors")], download=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_takes_changes_too(model, loras, dtype):
    """Within 5 % of the change in full precision: the sum is rounded where the weights are."""
    weights = {}
    for kind in (torch.float32, dtype):
        for given in ((), (Lora(str(loras[0])),)):
            network = load_denoiser(model[0], dtype=kind, loras=given).parts.backbone.network
            weights[kind, bool(given)] = torch.cat([p.float().flatten() for p in network.parameters()])
    full, half = (weights[kind, True] - weights[kind, False] for kind in (torch.float32, dtype))
    assert (half - full).norm() < 0.05 * full.norm()


def test_magnitudes_that_are_left_out_are_said(model, loras, tmp_path):
    tensors = load_file(loras[0] / FILE)
    name = next(name for name in tensors if "lora_A" in name).replace("lora_A.weight", "dora_scale")
    notes = []
    file = vectors(tmp_path / "dora.safetensors", **tensors, **{name: torch.ones(8)})
    load_denoiser(model[0], loras=[Lora(file)], on_note=notes.append)
    assert [note for note in notes if "DoRA" in note]
