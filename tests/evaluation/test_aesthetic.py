import re
import shlex

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from evaluation.measures import describe, load_measure
from evaluation.networks import aesthetic, clip
from tests.evaluation import tiny_heads, tiny_scorer
from tests.evaluation.tiny_heads import WIDTH, mlp, write
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

EMBEDDED = torch.nn.functional.normalize(torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(1)), dim=1)
PUBLISHED = (768, 1024, 128, 64, 16, 1)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    torch.manual_seed(0)
    return clip.load_scorer(clip.save(clip.create(config), config, tokenizer, tmp_path_factory.mktemp("s") / "tiny"))


@pytest.mark.parametrize("prefix", ["", "head.", "model.module."])
def test_a_linear_head_is_a_dot_product(tmp_path, prefix):
    linear = nn.Linear(WIDTH, 1)
    head = aesthetic.read_head(
        write({prefix + k: v for k, v in linear.state_dict().items()}, tmp_path / "h.safetensors")
    )
    expected = EMBEDDED @ linear.weight[0] + linear.bias
    assert torch.allclose(head(EMBEDDED), expected.detach(), atol=1e-6)


@pytest.mark.parametrize("widths", [(WIDTH, 1), (WIDTH, 8, 1), (WIDTH, 24, 12, 6, 4, 1)])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_chain_of_layers_is_the_module_that_was_saved(tmp_path, widths, prefix):
    whole = mlp(*widths)
    head = aesthetic.read_head(
        write({prefix + k: v for k, v in whole.state_dict().items()}, tmp_path / "h.safetensors")
    )
    assert torch.allclose(head(EMBEDDED), whole.layers(EMBEDDED)[:, 0].detach(), atol=1e-6)


def test_the_published_form_has_these_names_and_sizes(tmp_path):
    """768-1024-128-64-16-1 at 0, 2, 4, 6, 7: dropout after all but the last two."""
    whole = mlp(*PUBLISHED)
    assert list(whole.state_dict())[::2] == [f"layers.{i}.weight" for i in (0, 2, 4, 6, 7)]
    head = aesthetic.read_head(write(whole.state_dict(), tmp_path / "h.safetensors"))
    assert (head.width, head.rectified) == (768, False)


def test_more_than_ten_layers_are_in_the_order_of_their_numbers(tmp_path):
    parts = [part for _ in range(12) for part in (nn.Linear(WIDTH, WIDTH), nn.Dropout())]
    whole = nn.Sequential(*parts, nn.Linear(WIDTH, 1)).eval()
    head = aesthetic.read_head(write(whole.state_dict(), tmp_path / "h.safetensors"))
    assert torch.allclose(head(EMBEDDED), whole(EMBEDDED)[:, 0].detach(), atol=1e-6)


def test_room_for_a_relu_and_a_dropout_means_that_they_were_there(tmp_path):
    """The published `relu` heads: 0, 3, 6, 9, 11, the last step without dropout."""
    parts = []
    for a, b in ((WIDTH, 12), (12, 8), (8, 6)):
        parts += [nn.Linear(a, b), nn.ReLU(), nn.Dropout()]
    whole = nn.Sequential(*parts, nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1)).eval()
    head = aesthetic.read_head(write(whole.state_dict(), tmp_path / "h.safetensors"))
    assert head.rectified
    assert torch.allclose(head(EMBEDDED), whole(EMBEDDED)[:, 0].detach(), atol=1e-6)


def test_rows_are_of_normalised_embeddings_and_name_head_and_model(tmp_path, scorer):
    linear = nn.Linear(WIDTH, 1)
    file = write(linear.state_dict(), tmp_path / "laion.safetensors")
    measure = load_measure(f"aesthetic:{file}", scorer=scorer)
    stack = ZoomStack(tiny_scorer.pictures(4), 2.0)
    with torch.no_grad():
        raw = scorer.model.encode_image(scorer.preprocess(stack.levels))
        expected = linear(raw / raw.norm(dim=1, keepdim=True))[:, 0]
        wrong = linear(raw)[:, 0]
    scores = measure.score(stack, scorer.embed_images(stack.levels))
    values = torch.tensor([score.value for score in scores])
    assert torch.allclose(values, expected, atol=1e-5)
    assert not torch.allclose(values, wrong, atol=1e-2)
    assert {(s.score, s.scope, s.scorer) for s in scores} == {("aesthetic", "level", "laion on tiny")}
    assert scores[0].scorer_revision == f"{describe(f'aesthetic:{file}')['revision']} on {scorer.revision}"


def test_a_head_of_another_width_is_refused_with_both_widths_and_the_scorer_that_fits(tmp_path, scorer):
    file = write(nn.Linear(768, 1).state_dict(), tmp_path / "h.safetensors")
    with pytest.raises(InvalidInputError, match=r"768 .* 16\b.*ViT-L-14-quickgelu:openai"):
        load_measure(f"aesthetic:{file}", scorer=scorer)
    with pytest.raises(InvalidInputError, match=r"none.*ViT-L-14-quickgelu:openai"):
        load_measure(f"aesthetic:{file}", scorer=None)
    other = write(nn.Linear(20, 1).state_dict(), tmp_path / "o.safetensors")
    with pytest.raises(InvalidInputError, match="embeddings of 20 numbers"):
        load_measure(f"aesthetic:{other}", scorer=scorer)


def without(name):
    weights = mlp(WIDTH, 8, 4, 1).state_dict()
    del weights[name]
    return weights


def shaped(**changed):
    return {**mlp(WIDTH, 8, 4, 1).state_dict(), **{k.replace("_", "."): torch.zeros(v) for k, v in changed.items()}}


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({}, "no aesthetic head"),
        (without("layers.0.bias"), r"layers\.0\.bias"),
        (without("layers.2.weight"), r"layers\.2\.weight"),
        (shaped(layers_2_weight=(4, 9)), r"\(4, 9\)"),
        (shaped(layers_3_weight=(2, 4), layers_3_bias=(2,)), "one value"),
        (shaped(layers_0_bias=(7,)), "do not follow"),
        (shaped(layers_0_weight=(8, WIDTH, 1)), "do not follow"),
        ({**without("layers.0.bias"), "layers.0.bias": torch.full((8,), torch.nan)}, "not finite"),
        ({**shaped(), "layers.0.running_mean": torch.zeros(8)}, "running_mean"),
        ({k.replace("3", "9"): v for k, v in shaped().items()}, "cannot be told"),
    ],
    ids=["empty", "no-bias", "no-weight", "no-chain", "two-values", "short-bias", "conv", "nan", "norm", "far-apart"],
)
def test_a_file_that_is_no_whole_head_is_refused(tmp_path, weights, told):
    with pytest.raises(InvalidInputError, match=told):
        aesthetic.read_head(write(weights, tmp_path / "h.safetensors"))


def test_a_damaged_file_is_refused(tmp_path):
    file = write(nn.Linear(768, 1).state_dict(), tmp_path / "h.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InvalidInputError, match="damaged"):
        aesthetic.read_head(file)
    with pytest.raises(InvalidInputError, match="no file"):
        aesthetic.read_head(tmp_path / "none.safetensors")


def test_a_pickle_is_refused_with_the_command_that_converts_it(tmp_path):
    """And the command does: also for a name with spaces and quotes."""
    whole, file = mlp(WIDTH, 8, 1), tmp_path / "it's a head.pth"
    torch.save(whole.state_dict(), file)
    with pytest.raises(InvalidInputError) as refused:
        describe(f"aesthetic:{file}")
    command = re.search(r"Convert it once: (.*)", str(refused.value), re.DOTALL).group(1)
    words = shlex.split(command)
    exec(words[2])
    made = load_file(file.with_suffix(".safetensors"))
    assert all(torch.equal(made[name], value) for name, value in whole.state_dict().items())
    assert words[:2] == ["python", "-c"]
    assert aesthetic.read_head(file.with_suffix(".safetensors")).width == WIDTH == tiny_heads.WIDTH
