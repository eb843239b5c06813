"""Where and how a model runs changes nothing but memory and time."""

import pytest
import torch
from torch import nn

from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.chunks import Chunked
from zoomlib.errors import InvalidInputError, UnsoundError
from zoomlib.guidance import guided
from zoomlib.methods.joint import sample_stack
from zoomlib.models import load_denoiser, placement
from zoomlib.models.offload import by_layers, by_model
from zoomlib.models.placement import Placement, check_compiler, moves_in_layers, runs_on, usual_dtype
from zoomlib.sharding import Sharded

PROMPTS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("latent"), 4)[0]


@pytest.fixture(scope="module")
def inpainting(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("inpainting"), 9)[0]


def made(model) -> tuple[torch.Tensor, ...]:
    """An estimate, its picture, and the code of that."""
    z = torch.randn(3, *model.shape, generator=torch.Generator().manual_seed(0))
    clean = model.predict_clean(z, model.ladder(5)[1], model.condition(PROMPTS))
    picture = model.codec.decode(clean)
    return clean, picture, model.codec.encode(picture)


def assert_same(found, wanted, atol=0.0):
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("how", [by_model, lambda modules, device: by_layers(modules, device, least=0)])
def test_off_loaded_models_compute_the_same(folder, how):
    wanted = made(load_denoiser(folder))
    model = load_denoiser(folder)
    how(model.parts.modules, torch.device("cpu"))
    assert_same(made(model), wanted)
    layered = how is not by_model
    assert all(moves_in_layers(module) is layered for module in model.parts.modules.values())
    assert model.codec.codec.widen() is False  # float32 already
    assert all(runs_on(module) == torch.device("cpu") for module in model.parts.modules.values())


@pytest.mark.parametrize("offload", ["model", "layers"])
def test_an_off_loaded_model_inpaints_as_another(inpainting, offload):
    def estimate(model):
        side = model.shape[1] * model.codec.factor
        picture = torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
        mask = torch.zeros(3, 1, side, side)
        mask[..., : side // 2] = 1
        z = torch.randn(3, *model.shape, generator=torch.Generator().manual_seed(1))
        return model.predict_clean(z, model.ladder(5)[1], model.condition(PROMPTS, image=picture, mask=mask))

    assert torch.equal(
        estimate(load_denoiser(inpainting, placement=Placement(offload=offload))), estimate(load_denoiser(inpainting))
    )


def test_one_network_at_a_time_is_on_the_device_and_moves_only_at_its_turn():
    """No second device is here: networks that note where they are sent stand for one."""

    class Moves(nn.Linear):
        def to(self, device):
            moves.append((self.name, str(device)))
            self.at = torch.device(device)
            return self

    moves: list[tuple[str, str]] = []
    modules = {name: Moves(2, 2) for name in ("text", "unet", "vae")}
    for name, module in modules.items():
        module.name = name
    from zoomlib.models import offload

    patched = pytest.MonkeyPatch()
    patched.setattr(offload, "_lies_on", lambda module: module.at)
    patched.setattr(offload, "send_to_device", lambda given, _: given)
    with patched.context():
        by_model(modules, torch.device("meta"))
        moves.clear()
        for name in ("text", "unet", "unet", "vae", "unet"):
            modules[name](torch.ones(1, 2))
            there = [other for other, module in modules.items() if module.at == torch.device("meta")]
            assert there == [name]
    patched.undo()
    assert [move for move in moves if move[1] == "meta"] == [(n, "meta") for n in ("text", "unet", "vae", "unet")]
    assert runs_on(modules["vae"]) == torch.device("meta")


def test_another_layout_of_weights_gives_the_same_to_rounding(folder):
    model = load_denoiser(folder, placement=Placement(channels_last=True))
    weight = model.parts.backbone.network.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert_same(made(model), made(load_denoiser(folder)), atol=1e-4)


@pytest.mark.parametrize(("dtype", "off"), [(torch.bfloat16, 0.2), (torch.float16, 0.02)])
def test_half_precision_is_near(folder, dtype, off):
    model = load_denoiser(folder, dtype=dtype)
    clean, *_ = made(model)
    assert clean.dtype == torch.float32
    wanted, *_ = made(load_denoiser(folder))
    assert (clean - wanted).abs().max() < off * wanted.abs().max()


def test_estimates_that_are_no_numbers_are_an_error_with_the_remedy(folder):
    model = load_denoiser(folder, dtype=torch.float16)
    model.parts.backbone.network.conv_out.bias.data.fill_(float("inf"))
    with pytest.raises(UnsoundError, match=r"float16.*dtype=bfloat16 or float32"):
        made(model)


@pytest.mark.slow  # compiling takes minutes
def test_a_compiled_model_computes_the_same_in_chunks_of_one_size(folder):
    compiled = load_denoiser(folder, placement=Placement(compile="default"))
    assert compiled.compiled
    assert_same(made(compiled), made(load_denoiser(folder)), atol=1e-4)
    z = torch.randn(3, *compiled.shape, generator=torch.Generator().manual_seed(0))
    step, told = compiled.ladder(5)[1], compiled.condition(PROMPTS)
    assert torch.allclose(
        Chunked(compiled, 2).predict_clean(z, step, told), compiled.predict_clean(z, step, told), atol=1e-5
    )
    assert compiled.attention_maps(z, step, told).maps.shape[0] == 3


def test_what_does_not_go_together_is_refused(monkeypatch):
    with pytest.raises(InvalidInputError, match="offload=none, or compile=none"):
        Placement(offload="model", compile="default")
    monkeypatch.setattr(placement.shutil, "which", lambda _: None)
    with pytest.raises(InvalidInputError, match=r"C\+\+ compiler"):
        Placement(compile="default")
    monkeypatch.setattr(placement.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidInputError, match="triton"):
        check_compiler(torch.device("cuda"))


def test_precision_suits_the_device(monkeypatch):
    assert usual_dtype("cpu") == torch.float32
    assert usual_dtype("mps") == torch.float16
    for capability, dtype in (((8, 0), torch.bfloat16), ((7, 5), torch.float16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, found=capability: found)
        assert usual_dtype("cuda") == dtype
        assert usual_dtype("cuda", small=True) == torch.float32


def stack(model, rows, scale=3.0) -> torch.Tensor:
    shards = [Chunked(one, rows) for one in (model if isinstance(model, list) else [model])]
    denoiser = guided(shards[0] if len(shards) == 1 else Sharded(shards), scale)
    generator = torch.Generator().manual_seed(0)
    return sample_stack(denoiser, PROMPTS, p=2, steps=3, eta=1.0, generator=generator).levels


@pytest.mark.parametrize("rows", [1, 2, 4, "auto"])
def test_a_run_in_chunks_or_on_two_devices_is_the_run(folder, rows):
    whole = stack(load_denoiser(folder), None)
    assert torch.allclose(stack(load_denoiser(folder), rows), whole, atol=1e-5)
    assert torch.allclose(stack([load_denoiser(folder), load_denoiser(folder)], rows), whole, atol=1e-5)


def test_many_texts_are_read_a_few_at_a_time(folder):
    model = load_denoiser(folder)
    texts = [f"text {number}" for number in range(19)]
    rows = model.condition(texts).rows["text"]
    assert torch.allclose(rows, torch.cat([model.condition([text]).rows["text"] for text in texts]), atol=1e-5)
