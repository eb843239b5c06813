"""Attention maps of diffusers' own model classes, tiny and with random weights, against a plain loop over places."""

import threading

import pytest
import torch
from torch.nn import functional as F

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_model import tiny_unet, write_tiny_model
from zoomlib.chunks import Chunked
from zoomlib.denoiser import attentive
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.models import load_denoiser
from zoomlib.models.attention import grid_of, watch_attention
from zoomlib.models.components import use_plain_attention

WORDS = 5
SIZE = (8, 16)


def unet():
    return tiny_unet(4, 4, SIZE)


def pixart():
    from diffusers import PixArtTransformer2DModel

    return PixArtTransformer2DModel(
        2, 8, in_channels=4, num_layers=2, cross_attention_dim=16, sample_size=16, caption_channels=16
    )


def sd3(layers=2, heads=2):
    from diffusers import SD3Transformer2DModel

    sizes = {"attention_head_dim": 16 // heads, "num_attention_heads": heads, "joint_attention_dim": 16}
    return SD3Transformer2DModel(
        16, 2, 4, layers, **sizes, caption_projection_dim=16, pooled_projection_dim=8, out_channels=4
    )


def flux(layers=1, single=1, heads=2):
    from diffusers import FluxTransformer2DModel

    sizes = {"attention_head_dim": 8, "num_attention_heads": heads, "joint_attention_dim": 16}
    return FluxTransformer2DModel(
        1, 16, None, layers, single, **sizes, pooled_projection_dim=8, axes_dims_rope=(2, 2, 4)
    )


def sana():
    from diffusers import SanaTransformer2DModel

    cross = {"num_cross_attention_heads": 2, "cross_attention_head_dim": 8, "cross_attention_dim": 16}
    return SanaTransformer2DModel(4, 4, 2, 8, 1, **cross, caption_channels=16, sample_size=16)


def run(model, z, words):
    """One pass over z (B, 4, 8, 16), with words (B, 5, 16) where the model reads any."""
    kind, B = type(model).__name__, len(z)
    time, pooled = torch.full((B,), 500.0), torch.ones(B, 8)
    if kind == "PixArtTransformer2DModel":
        nothing = {"resolution": None, "aspect_ratio": None}
        return model(z, words, time, added_cond_kwargs=nothing).sample
    if kind == "SD3Transformer2DModel":
        return model(z, words, pooled, time).sample
    if kind == "FluxTransformer2DModel":
        tokens = F.pixel_unshuffle(z, 2).flatten(2).mT
        rows, columns = torch.meshgrid(torch.arange(4), torch.arange(8), indexing="ij")
        places = torch.stack([torch.zeros(32), rows.flatten(), columns.flatten()], 1)
        return model(tokens, words, pooled, time / 1000, places, torch.zeros(words.shape[1], 3)).sample
    return model(z, timestep=time, encoder_hidden_states=words).sample


FAMILIES = {"unet": unet, "pixart": pixart, "sd3": sd3, "flux": flux}


def ready(family):
    torch.manual_seed(0)
    return FAMILIES.get(family, sana)().eval().requires_grad_(False)


def given(words=WORDS):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 4, *SIZE, generator=generator), torch.randn(2, words, 16, generator=generator)


def watched(model, z, words, grid=None):
    with watch_attention(model, SIZE) as watch:
        out = run(model, z, words)
    return out, watch.maps(grid)


def looped(monkeypatch, model, z, words):
    """The mean over heads and layers of softmax(q k / sqrt(d)), place by place, from what torch was handed."""
    calls, attend = [], F.scaled_dot_product_attention

    def spy(query, key, value, *args, **kwargs):
        calls.append((query, key))
        return attend(query, key, value, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(F, "scaled_dot_product_attention", spy)
        run(model, z, words)
    kind = type(model).__name__
    first = WORDS if kind == "FluxTransformer2DModel" else 0
    calls = [(q, k) for q, k in calls if q.shape[2] == k.shape[2] and q.shape[2] in (32, 32 + WORDS)]
    total = torch.zeros(len(z), 32, 32)
    for q, k in calls:
        for b in range(len(z)):
            for head in range(q.shape[1]):
                for place in range(32):
                    scores = torch.stack([q[b, head, first + place] @ key for key in k[b, head]]) / q.shape[-1] ** 0.5
                    total[b, place] += scores.softmax(0)[first : first + 32] / q.shape[1]
    return total / len(calls)


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_are_those_of_a_plain_loop(family, monkeypatch):
    """To 1e-5, two pictures, all self-attention layers of a 4 x 8 grid; rotary embeddings and norms included."""
    model, (z, words) = ready(family), given()
    out, maps = watched(model, z, words)
    assert maps.grid == (4, 8)
    assert torch.allclose(maps.maps, looped(monkeypatch, model, z, words), atol=1e-5)
    assert maps.maps.std() > 1e-4, "a map that is even everywhere would agree with anything"
    assert torch.equal(out, run(model, z, words)), "watching changes nothing"


@pytest.mark.parametrize("kind", [(sd3, 1), (flux, 1, 0), (flux, 0, 1)], ids=["sd3", "flux double", "flux single"])
def test_joint_attention_gives_the_pictures_block(kind):
    """In a first layer, other words change how much a head has left for the picture, but not how it shares that out."""
    make, *layers = kind
    torch.manual_seed(0)
    model = make(*layers, heads=1)
    z, words = given()
    model.eval().requires_grad_(False)
    one, other = (watched(model, z, w)[1].maps for w in (words, words.flip(-1) * 3))
    assert not torch.allclose(one, other, atol=1e-5)
    shares = [maps / maps.sum(-1, keepdim=True) for maps in (one, other)]
    assert torch.allclose(*shares, atol=1e-6)


def test_as_many_words_as_places_are_no_trouble():
    """Cross-attention is then as large as self-attention, and joint attention twice as large."""
    z, words = given(32)
    for family in ("unet", "pixart", "sd3"):
        model = ready(family)
        one, other = (watched(model, z, w, 4)[1] for w in (words, words * 0))
        assert one.maps.shape == (2, 32, 32)
        assert torch.isfinite(one.maps - other.maps).all()
    with watch_attention(ready("unet"), SIZE) as watch:
        pass
    model = ready("unet")
    with watch_attention(model, SIZE) as watch:
        run(model, z, words)
    assert {layer.name.rpartition(".")[2] for layer in watch.layers if layer.looks_at_itself} == {"attn1"}


def test_the_plain_processor_shows_the_same_maps_and_gradients():
    model, (z, words) = ready("unet"), given()
    found = []
    for plain in (False, True):
        if plain:
            use_plain_attention(model)
        x = z.clone().requires_grad_()
        maps = watched(model, x, words)[1].maps
        weights = torch.linspace(-1, 1, maps.numel()).view_as(maps)
        found.append((maps.detach(), torch.autograd.grad((maps * weights).sum(), x)[0]))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-6)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)
    assert found[0][1].abs().max() > 1e-4


def traces(model):
    modules = list(model.modules())
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules]
    return [id(processor) for processor in model.attn_processors.values()], hooks


@pytest.mark.parametrize("family", ["unet", "sd3", "flux"])
def test_the_model_is_left_as_it_was_found_also_when_it_fails(family):
    model, (z, words) = ready(family), given()
    before = traces(model)
    watched(model, z, words)
    assert traces(model) == before
    layer = [module for module in model.modules() if hasattr(module, "get_processor")][-1]
    layer.to_k.forward = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        watched(model, z, words)
    assert traces(model) == before
    assert not torch.overrides._get_current_function_mode_stack()


def test_another_threads_pass_is_not_seen():
    model, (z, words) = ready("unet"), given()
    with watch_attention(model, SIZE) as watch:
        thread = threading.Thread(target=run, args=(model, z, words))
        thread.start()
        thread.join()
    assert not watch.layers


def test_linear_attention_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="SanaLinearAttnProcessor"):
        watched(ready("sana"), *given())


def test_a_grid_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InvalidInputError, match="grid of 16; it has 4 x 8"):
        watched(ready("unet"), *given(), grid=16)


def test_a_joint_processor_of_unknown_order_is_refused_by_name():
    class Strange(type(next(iter(ready("sd3").attn_processors.values())))):
        pass

    model = ready("sd3")
    model.set_attn_processor(Strange())
    with pytest.raises(InvalidInputError, match="Strange"):
        watched(model, *given())


@pytest.mark.parametrize(
    ("tokens", "size", "grid"),
    [(256, (64, 64), (16, 16)), (384, (64, 96), (16, 24)), (48, (48, 64), (6, 8)), (544, (33, 64), (17, 32))],
)
def test_the_shape_of_a_grid_follows_from_its_size(tokens, size, grid):
    assert grid_of(tokens, size) == grid


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    return load_denoiser(write_tiny_model(tmp_path_factory.mktemp("model")))


def test_wrappers_pass_attention_on(denoiser):
    z, prompts = torch.randn(3, *denoiser.shape), ["a", "b", "c"]
    step = denoiser.ladder(4)[0]
    plain = denoiser.attention_maps(z, step, denoiser.condition(prompts)).maps
    for wrapper in (
        Guided(denoiser, 2.0),
        Guided(denoiser, 1.0),
        Chunked(denoiser, 2),
        Chunked(Guided(denoiser, 3), 1),
    ):
        maps = attentive(wrapper).attention_maps(z, step, wrapper.condition(prompts))
        assert maps.grid == (8, 8)
        assert torch.allclose(maps.maps, plain, atol=1e-6)


def test_a_model_without_attention_is_refused_by_name():
    for model in (GaussianDenoiser(), Guided(GaussianDenoiser(), 2), Chunked(Guided(GaussianDenoiser(), 2), 1)):
        with pytest.raises(InvalidInputError, match="GaussianDenoiser shows no self-attention"):
            attentive(model)
