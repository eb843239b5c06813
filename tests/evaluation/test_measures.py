import pytest
import torch
from torch import nn
from torchmetrics.functional.multimodal.clip_iqa import _clip_iqa_compute, _clip_iqa_format_prompts

from evaluation import measures
from evaluation.catalogue import CATALOGUE
from evaluation.measures import KINDS, describe, load_measure
from evaluation.networks import clip
from evaluation.scoring import score_stack
from tests.evaluation import tiny_heads, tiny_scorer
from tests.evaluation.tiny_heads import write
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    torch.manual_seed(0)
    return clip.load_scorer(clip.save(clip.create(config), config, tokenizer, tmp_path_factory.mktemp("s") / "tiny"))


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """One of each kind, by name."""
    folder = tmp_path_factory.mktemp("weights")
    write(nn.Linear(tiny_heads.WIDTH, 1).state_dict(), folder / "head.safetensors")
    write(tiny_heads.lpips_model("squeeze").state_dict(), folder / "squeeze.safetensors")
    write(tiny_heads.arniqa_model().state_dict(), folder / "arniqa.safetensors")
    tiny_heads.write_tower(folder / "dino")
    return [
        f"aesthetic:{folder}/head.safetensors",
        "clip_iqa",
        f"lpips:{folder}/squeeze.safetensors",
        f"dino:{folder}/dino",
        f"quality:arniqa-koniq10k:{folder}/arniqa.safetensors",
    ]


def test_every_kind_adds_its_rows_to_a_stacks_and_its_score_is_in_the_catalogue(named, scorer):
    stack = ZoomStack(tiny_scorer.pictures(3, 64), 2.0)
    assert {name.partition(":")[0] for name in named} == set(KINDS)
    loaded = [load_measure(name, scorer=scorer) for name in named]
    plain = score_stack(stack, tiny_scorer.WORDS[:3], scorer)
    scores = score_stack(stack, tiny_scorer.WORDS[:3], scorer, measures=loaded)
    added = [score for score in scores if score not in plain]
    assert [score for score in scores if score in plain] == plain
    counts = {name: sum(s.score == name for s in added) for name in {s.score for s in added}}
    levels = {"aesthetic": 3, "clip_iqa": 3, "quality_arniqa_koniq10k": 3}
    assert counts == levels | {"window_lpips": 2, "window_dino": 2}
    assert all(score.scorer and score.scorer_revision for score in added)
    assert all(CATALOGUE[score.score].scope == score.scope for score in added)


def test_what_is_described_is_what_is_loaded_and_follows_the_contents(named, tmp_path, scorer):
    for name in named:
        told, loaded = describe(name), load_measure(name, scorer=scorer)
        assert told["revision"] in loaded.revision or name == "clip_iqa"
        assert str(tmp_path.parent) not in told["id"]  # equal files elsewhere are the same measure
    file = write(nn.Linear(4, 1).state_dict(), tmp_path / "head.safetensors")
    first = describe(f"aesthetic:{file}")
    write(nn.Linear(4, 1).state_dict(), file)
    assert describe(f"aesthetic:{file}")["id"] == first["id"] == "aesthetic:head.safetensors"
    assert describe(f"aesthetic:{file}")["revision"] != first["revision"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("beauty", "There are: aesthetic:FILE, clip_iqa, lpips:FILE, dino:FOLDER, quality:METRIC:FILE"),
        ("astethic:x", "Did you mean aesthetic:FILE"),
        ("", "no measure"),
        ("clip_iqa:x", "Expected clip_iqa"),
        ("aesthetic", "Expected aesthetic:FILE"),
        ("lpips:", "Expected lpips:FILE"),
        ("lpips:no.safetensors", "no file"),
        ("dino:nowhere", "config.json"),
        ("quality:musiq:x.safetensors", "arniqa-koniq10k"),
        ("quality:arniqa-koniq10k", "quality:METRIC:FILE"),
        ("quality:arniqa-koniq10k:no.safetensors", "no file"),
    ],
)
def test_a_name_that_cannot_be_is_refused_before_anything_is_loaded(name, told):
    with pytest.raises(InvalidInputError, match=told):
        describe(name)
    with pytest.raises(InvalidInputError, match=told):
        load_measure(name)


def test_without_the_library_of_an_extra_its_measure_is_refused_with_the_command(monkeypatch, named):
    found = measures.importlib.util.find_spec
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda name: None if name == "lpips" else found(name))
    with pytest.raises(InvalidInputError, match=r"pip install 'tenfold\[lpips\]'"):
        describe(next(name for name in named if name.startswith("lpips")))


def test_clip_iqa_is_torchmetrics_formula(scorer):
    """Of the same embeddings, to 1e-4; their prompts too."""
    prompts, names = _clip_iqa_format_prompts(("quality",))
    stack = ZoomStack(tiny_scorer.pictures(4), 2.0)
    embedded = scorer.embed_images(stack.levels)
    expected = _clip_iqa_compute(embedded, scorer.embed_texts(prompts), names)
    scores = load_measure("clip_iqa", scorer=scorer).score(stack, embedded)
    assert torch.allclose(torch.tensor([s.value for s in scores]), expected, atol=1e-4)
    assert {(s.scorer, s.scorer_revision) for s in scores} == {("tiny", scorer.revision)}
    assert expected.max() - expected.min() > 1e-3  # else the test could not fail


def test_clip_iqa_in_closed_form():
    from evaluation.networks.clip_iqa import share

    good, bad = torch.eye(2)
    cosine = 0.01 * torch.log(torch.tensor(3.0))  # a lead of ln 3 after scaling: 3 to 1
    picture = torch.stack([torch.stack([cosine, torch.zeros(())]), good, bad])
    assert torch.allclose(share(picture, torch.eye(2)), torch.tensor([0.75, 1.0, 0.0]), atol=1e-6)


def test_clip_iqa_needs_a_scorer():
    with pytest.raises(InvalidInputError, match="scorer"):
        load_measure("clip_iqa")
