"""Scores by networks of other libraries, against those libraries, with random weights."""

import json
import re
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F
from torchmetrics.functional.image.lpips import _LPIPS
from transformers import AutoModel

from evaluation.blur import blur
from evaluation.measures import load_measure
from evaluation.networks.lpips_distance import LEAST_PX, network_of
from evaluation.windows import each_pair
from tests.evaluation import tiny_heads, tiny_scorer
from tests.evaluation.tiny_heads import write
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack, render_levels

STACK = ZoomStack(tiny_scorer.pictures(3, 64), 2.0)
AGREEING = ZoomStack(render_levels(STACK.levels, 2), 2.0)


@pytest.fixture(scope="module", params=["alex", "vgg", "squeeze"])
def lpips_net(request, tmp_path_factory):
    model = tiny_heads.lpips_model(request.param)
    return request.param, model, write(model.state_dict(), tmp_path_factory.mktemp("l") / "net.safetensors")


def _counted_from_0(match):
    return f"slices.{int(match[1]) - 1}"


def test_window_lpips_is_the_librarys(lpips_net):
    """And that of torchmetrics' own network; to 1e-4 of the value."""
    net, model, file = lpips_net
    measure = load_measure(f"lpips:{file}")
    assert measure.net == network_of(model.state_dict()) == net
    other = tiny_heads.drawn(lambda: _LPIPS(pretrained=False, net=net, pnet_rand=True))
    for name in ("shift", "scale"):
        getattr(other.scaling_layer, name).copy_(getattr(model.scaling_layer, name))
    renamed = {
        re.sub(r"slice(\d)", _counted_from_0, name) if net == "squeeze" else name: value
        for name, value in model.state_dict().items()
    }
    other.load_state_dict({name: value for name, value in renamed.items() if "scaling" not in name})
    scores = measure.score(STACK, None)
    for score, (wide, fine) in zip(scores, each_pair(STACK.levels, 2.0), strict=True):
        with torch.no_grad():
            assert score.value == pytest.approx(model(wide.float(), fine.float()).item(), rel=1e-4)
            assert score.value == pytest.approx(other(wide.float(), fine.float()).item(), rel=1e-4)
        assert score.value > 0
    assert [(s.score, s.scope, s.level, s.scorer) for s in scores] == [
        ("window_lpips", "pair", i, f"lpips-{net} (net)") for i in range(2)
    ]


def test_windows_that_agree_have_no_distance_and_others_have(lpips_net):
    *_, file = lpips_net
    measure = load_measure(f"lpips:{file}")
    agreeing, apart = (sum(s.value for s in measure.score(stack, None)) for stack in (AGREEING, STACK))
    assert agreeing < 1e-3 * apart


def test_windows_below_what_the_network_sees_are_refused(lpips_net):
    net, _, file = lpips_net
    measure, least = load_measure(f"lpips:{file}"), LEAST_PX[net]
    fits = torch.rand(1, 3, least, least + 1) * 2 - 1
    assert measure.distance(fits, -fits) > 0
    with pytest.raises(InvalidInputError, match=f"at least {least} pixels"):
        measure.distance(fits[:, :, :-1], fits[:, :, :-1])


def test_one_level_has_no_pair_and_grey_is_taken_as_three_equal_channels(lpips_net, tmp_path):
    *_, file = lpips_net
    measure = load_measure(f"lpips:{file}")
    assert measure.score(ZoomStack(STACK.levels[:1], 2.0), None) == []
    grey = STACK.levels[:, :1]
    assert measure.distance(grey[:1], grey[1:2]) == pytest.approx(
        measure.distance(grey[:1].expand(-1, 3, -1, -1), grey[1:2].expand(-1, 3, -1, -1)), rel=1e-6
    )


def test_half_a_state_dict_of_lpips_is_refused(tmp_path):
    weights = tiny_heads.lpips_model("squeeze").state_dict()
    heads = {name: value for name, value in weights.items() if name.startswith("lin")}
    for part, told in [
        (heads, "does not hold"),
        ({k: v for k, v in weights.items() if "fire" not in k and "slice3" not in k}, "no whole"),
    ]:
        with pytest.raises(InvalidInputError, match=told):
            load_measure(f"lpips:{write(part, tmp_path / 'w.safetensors')}")


@pytest.mark.parametrize("kind", ["dinov2", "vit"])
def test_window_dino_is_the_cosine_of_the_models_class_tokens(tmp_path, kind):
    tiny_heads.write_tower(tmp_path / "tower", kind)
    measure = load_measure(f"dino:{tmp_path / 'tower'}")
    model, side = AutoModel.from_pretrained(tmp_path / "tower").eval(), 42 if kind == "dinov2" else 32
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    scores = measure.score(STACK, None)
    for score, pair in zip(scores, each_pair(STACK.levels, 2.0), strict=True):
        tokens = []
        for picture in pair:
            large = F.interpolate((picture.float() + 1) / 2, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
            with torch.no_grad():
                tokens.append(model((large - mean) / std).last_hidden_state[:, 0])
        assert score.value == pytest.approx(F.cosine_similarity(*tokens).item(), abs=1e-4)
    assert [(s.score, s.scope, s.level, s.scorer) for s in scores] == [
        ("window_dino", "pair", i, "tower") for i in range(2)
    ]
    assert min(s.value for s in measure.score(AGREEING, None)) > 1 - 1e-4 > max(s.value for s in scores)


def test_a_towers_preprocessor_is_followed(tmp_path):
    tiny_heads.write_tower(tmp_path)
    told = {"crop_size": {"height": 28, "width": 28}, "size": {"shortest_edge": 32}, "resample": 2}
    told |= {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    measure = load_measure(f"dino:{tmp_path}")
    pixels = measure.preprocess(torch.zeros(1, 3, 20, 30))
    assert pixels.shape == (1, 3, 28, 28)
    assert pixels.abs().max() < 1e-6
    assert measure.cfg["interpolation"] == "bilinear"


def forget_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lose_a_layer(folder):
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    write({k: v for k, v in weights.items() if "layer.1" not in k}, folder / "model.safetensors")


def cut(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def another_kind(folder):
    (folder / "config.json").write_text('{"model_type": "nothing-known"}')


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (forget_weights, "no safetensors"),
        (lose_a_layer, "missing"),
        (cut, "cannot be loaded"),
        (another_kind, "cannot"),
    ],
)
def test_a_tower_that_is_not_whole_is_refused(tmp_path, damage, told):
    tiny_heads.write_tower(tmp_path)
    damage(tmp_path)
    with pytest.raises(InvalidInputError, match=told):
        load_measure(f"dino:{tmp_path}")


@pytest.mark.parametrize("dataset", ["koniq10k", "kadid10k"])
def test_quality_is_torchmetrics_arniqa(tmp_path, dataset):
    from torchmetrics.functional.image.arniqa import _arniqa_update

    model = tiny_heads.arniqa_model(dataset)
    file = write(model.state_dict(), tmp_path / "weights.safetensors")
    scores = load_measure(f"quality:arniqa-{dataset}:{file}").score(STACK, None)
    with torch.no_grad():
        expected, _ = _arniqa_update((STACK.levels + 1) / 2, model, normalize=True)
    assert torch.allclose(torch.tensor([s.value for s in scores]), expected, rtol=1e-4, atol=1e-6)
    assert {(s.score, s.scope, s.scorer) for s in scores} == {
        (f"quality_arniqa_{dataset}", "level", f"arniqa-{dataset} (weights)")
    }
    write({"regressor.weight": model.regressor.weight}, file)
    with pytest.raises(InvalidInputError, match="no whole state dict"):
        load_measure(f"quality:arniqa-{dataset}:{file}")


def test_blur_is_scikit_images_and_grows_with_blurring():
    from skimage.measure import blur_effect

    pictures = torch.rand(3, 3, 48, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = [blur_effect(((x + 1) / 2).movedim(0, -1).numpy(), channel_axis=-1) for x in pictures]
    assert blur(pictures) == pytest.approx(expected, abs=1e-4)
    softened = [torch.tensor(blur(F.avg_pool2d(pictures, k, 1, k // 2))) for k in (1, 3, 5, 9)]
    assert all((a + 0.05 < b).all() for a, b in pairwise(softened))
    assert all(0 < value < 1 for one in softened for value in one.tolist())
    assert blur(pictures[:, :1])[0] == pytest.approx(blur(pictures[:1, :1].expand(-1, 3, -1, -1))[0], abs=1e-6)
