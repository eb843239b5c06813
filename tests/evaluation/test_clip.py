import json
import math

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from evaluation.networks import clip
from evaluation.networks.preprocess import preprocess
from tests.evaluation import tiny_scorer
from zoomlib.errors import InvalidInputError
from zoomlib.images import from_pil

TOKENIZER = tiny_scorer.tokenizer()
CONFIG = tiny_scorer.config(TOKENIZER.get_vocab_size())


def made(config=CONFIG, seed=0):
    torch.manual_seed(seed)
    return clip.create(config).eval()


@pytest.fixture
def folder(tmp_path):
    return clip.save(made(), CONFIG, TOKENIZER, tmp_path / "scorer")


def test_what_is_saved_is_loaded(folder):
    scorer = clip.load_scorer(folder)
    model, images = made(), tiny_scorer.pictures()
    ids = scorer.tokenize(tiny_scorer.WORDS).ids
    with torch.no_grad():
        own = model.encode_image(scorer.preprocess(images), normalize=True)
        told = model.encode_text(ids, normalize=True)
    assert torch.allclose(scorer.embed_images(images), own, atol=1e-6)
    assert torch.allclose(scorer.embed_texts(tiny_scorer.WORDS), told, atol=1e-6)
    assert scorer.name == "scorer"


@pytest.mark.parametrize("extra", [{}, {"quick_gelu": True}, {"custom_text": True}])
def test_open_clip_itself_reads_the_folder_as_the_same_model(tmp_path, extra):
    """An independent reader; QuickGELU and the kind of text tower come from the folder's own configuration."""
    config = tiny_scorer.config(TOKENIZER.get_vocab_size(), **extra)
    folder = clip.save(made(config), config, TOKENIZER, tmp_path)
    scorer = clip.load_scorer(folder)
    model = open_clip.create_model(f"local-dir:{folder}").eval()
    transform = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    images = tiny_scorer.pictures(side=32)
    pixels = [transform(Image.fromarray(x)) for x in ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()]
    with torch.no_grad():
        own = model.encode_image(torch.stack(pixels), normalize=True)
        told = model.encode_text(scorer.tokenize(tiny_scorer.WORDS).ids, normalize=True)
    assert torch.allclose(scorer.embed_images(images), own, atol=5e-3)  # they round to 8 bits
    assert torch.allclose(scorer.embed_texts(tiny_scorer.WORDS), told, atol=1e-6)


def test_quick_gelu_is_another_model(tmp_path):
    quick = tiny_scorer.config(TOKENIZER.get_vocab_size(), quick_gelu=True)
    scores = [
        clip.load_scorer(clip.save(made(), config, TOKENIZER, tmp_path / name)).embed_images(tiny_scorer.pictures())
        for name, config in (("plain", CONFIG), ("quick", quick))
    ]
    assert not torch.allclose(*scores, atol=1e-4)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(48, 48), (70, 41), (33, 90), (16, 16), (20, 31), (32, 32)])
def test_preprocessing_is_open_clips(mode, interpolation, size):
    """To the rounding of their 8-bit resize: a grey level and a half."""
    # Within the middle of the range: they also clamp between the two passes of the resize.
    values = np.random.default_rng(0).integers(50, 206, (7, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)
    cfg = PreprocessCfg(
        32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), interpolation=interpolation, resize_mode=mode, fill_color=90
    )
    theirs = image_transform_v2(cfg, is_train=False)(picture)
    ours = preprocess(from_pil(picture)[None], vars(cfg))[0]
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1.6 / 255 / 0.2


def test_half_precision_files_load_and_score_nearly_the_same(tmp_path):
    full, half = (
        clip.load_scorer(clip.save(made(), CONFIG, TOKENIZER, tmp_path / str(dtype), dtype=dtype))
        for dtype in (torch.float32, torch.float16)
    )
    sizes = [(tmp_path / str(t) / clip.WEIGHTS).stat().st_size for t in (torch.float32, torch.float16)]
    assert sizes[1] < 0.6 * sizes[0]
    assert torch.allclose(
        full.embed_images(tiny_scorer.pictures()), half.embed_images(tiny_scorer.pictures()), atol=5e-3
    )


def test_the_revision_follows_the_weights(tmp_path, folder):
    first, again = clip.load_scorer(folder), clip.load_scorer(folder)
    other = clip.load_scorer(clip.save(made(seed=1), CONFIG, TOKENIZER, tmp_path / "other"))
    assert first.revision == again.revision != other.revision
    assert len(first.revision) == 64


def test_scores_are_cosines_of_each_image_with_its_own_prompt(folder):
    scorer, images = clip.load_scorer(folder), tiny_scorer.pictures()
    rated = scorer.score(images, tiny_scorer.WORDS)
    cosines = scorer.embed_images(images) @ scorer.embed_texts(tiny_scorer.WORDS).T
    for i in range(4):
        others = [cosines[i, j] for j in range(4) if j != i]
        assert rated.clip_score[i] == pytest.approx(max(100 * cosines[i, i].item(), 0), abs=1e-4)
        assert rated.clip_margin[i] == pytest.approx((cosines[i, i] - max(others)).item(), abs=1e-6)
        assert rated.clip_rank[i] == 1 + sum(c > cosines[i, i] for c in others)
    assert torch.equal(scorer.text_image(images, tiny_scorer.WORDS), rated.clip_score)


def test_rating_in_closed_form():
    cosines = torch.tensor([[0.3, 0.1, 0.2], [0.5, 0.4, 0.6], [0.1, 0.0, -0.2]])
    rated = clip.rate(cosines, torch.ones(3), torch.zeros(3))
    assert torch.allclose(rated.clip_score, torch.tensor([30.0, 40.0, 0.0]))
    assert torch.allclose(rated.clip_margin, torch.tensor([0.1, -0.2, -0.3]))
    assert rated.clip_rank.tolist() == [1, 3, 3]


def test_one_level_has_no_margin(folder):
    rated = clip.load_scorer(folder).score(tiny_scorer.pictures(1), ["a red galaxy"])
    assert rated.clip_margin.isnan().all()
    assert rated.clip_rank.tolist() == [1]


def test_scores_do_not_depend_on_the_batch(folder):
    scorer = clip.load_scorer(folder)
    images, prompts = tiny_scorer.pictures(5), [*tiny_scorer.WORDS, "x"]
    one = clip.Scorer(scorer.model, scorer.tokenize, scorer.name, scorer.revision, scorer.device, batch=1)
    assert torch.allclose(one.text_image(images, prompts), scorer.text_image(images, prompts), atol=1e-4)


def test_a_prompt_that_is_too_long_is_read_from_its_beginning_and_told(folder):
    scorer = clip.load_scorer(folder)
    long = "a red spiral galaxy " * 40
    rated = scorer.score(tiny_scorer.pictures(2), [long, "a red galaxy"])
    assert rated.prompt_truncated.tolist() == [True, False]
    assert rated.prompt_tokens[0] > tiny_scorer.CONTEXT >= rated.prompt_tokens[1]
    assert scorer.embed_texts([long]).isfinite().all()
    assert torch.allclose(scorer.embed_texts([long]), scorer.embed_texts([long + " and more"]), atol=1e-6)


def test_without_a_tokenizer_of_its_own_a_folder_uses_open_clips(tmp_path):
    """Its end token survives truncation, and the count tells what was cut."""
    config = tiny_scorer.config(49408)
    config["model_cfg"]["text_cfg"]["context_length"] = 77
    scorer = clip.load_scorer(clip.save(made(config), config, None, tmp_path))
    tokens = scorer.tokenize(["a galaxy", "star " * 200])
    assert tokens.counts.tolist() == [4, 202]
    assert tokens.truncated.tolist() == [False, True]
    assert (tokens.ids.argmax(1) == torch.tensor([3, 76])).all()
    assert (tokens.ids.amax(1) == 49407).all()


def test_score_rows_name_their_scorer(folder):
    scorer = clip.load_scorer(folder)
    scores = clip.score_text(scorer, tiny_scorer.pictures(3), tiny_scorer.WORDS[:3])
    names = {"clip_score", "clip_margin", "clip_rank", "prompt_tokens", "prompt_truncated"}
    assert {(s.score, s.level) for s in scores} == {(name, level) for name in names for level in range(3)}
    assert {(s.scorer, s.scorer_revision, s.scope) for s in scores} == {("scorer", scorer.revision, "level")}
    assert all(math.isfinite(s.value) for s in scores)


@pytest.mark.parametrize(
    ("prompts", "shape"), [(["a"], (2, 3, 32, 32)), ([], (0, 3, 32, 32)), (["a"], (1, 1, 32, 32)), (["a"], (3, 32, 32))]
)
def test_images_and_prompts_must_fit(folder, prompts, shape):
    with pytest.raises(InvalidInputError):
        clip.load_scorer(folder).score(torch.zeros(shape), prompts)


def damage_config(folder):
    (folder / clip.CONFIG).write_text("{", encoding="utf-8")


def drop_model_cfg(folder):
    (folder / clip.CONFIG).write_text("{}", encoding="utf-8")


def other_architecture(folder):
    config = json.loads((folder / clip.CONFIG).read_text())
    config["model_cfg"]["embed_dim"] = 24
    (folder / clip.CONFIG).write_text(json.dumps(config))


def unknown_option(folder):
    config = json.loads((folder / clip.CONFIG).read_text())
    config["model_cfg"]["vision_cfg"]["colour"] = "blue"
    (folder / clip.CONFIG).write_text(json.dumps(config))


def name_a_hub(folder):
    config = json.loads((folder / clip.CONFIG).read_text())
    config["model_cfg"]["text_cfg"]["hf_model_name"] = "roberta-base"
    (folder / clip.CONFIG).write_text(json.dumps(config))


def truncate(folder):
    data = (folder / clip.WEIGHTS).read_bytes()
    (folder / clip.WEIGHTS).write_bytes(data[: len(data) // 2])


def pickle_only(folder):
    (folder / clip.WEIGHTS).unlink()
    torch.save({}, folder / "open_clip_pytorch_model.bin")


def remove_config(folder):
    (folder / clip.CONFIG).unlink()


def damage_tokenizer(folder):
    (folder / clip.TOKENIZER).write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (damage_config, "open_clip_config"),
        (drop_model_cfg, "model_cfg"),
        (remove_config, "open_clip_config"),
        (other_architecture, "does not fit"),
        (unknown_option, "colour"),
        (name_a_hub, "hf_model_name"),
        (truncate, "damaged"),
        (pickle_only, "missing"),
        (damage_tokenizer, "tokenizer"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_reason(folder, damage, told):
    damage(folder)
    with pytest.raises(InvalidInputError, match=told):
        clip.load_scorer(folder)


@pytest.mark.parametrize(
    "name", ["nothing", "ViT-B-32", "ViT-B-32:", "ViT-B-32:no_such_weights", "No-Such:openai", "", "a/b/c"]
)
def test_an_unknown_scorer_is_refused_without_a_network(name):
    with pytest.raises(InvalidInputError):
        clip.load_scorer(name)


@pytest.mark.parametrize(
    ("name", "forced"),
    [("ViT-B-32:openai", True), ("ViT-B-32:laion2b_s34b_b79k", False), ("ViT-B-32-quickgelu:openai", True)],
)
def test_weights_get_the_activation_that_they_were_trained_with(monkeypatch, name, forced):
    """`openai` under the plain name is the trap: open_clip would only warn, and score wrongly."""
    asked = {}

    def create_model(architecture, *, pretrained, force_quick_gelu):
        asked.update(architecture=architecture, pretrained=pretrained, quick=force_quick_gelu)
        return made()

    monkeypatch.setattr(open_clip, "create_model", create_model)
    scorer = clip.load_scorer(name)
    assert asked == {"architecture": name.split(":")[0], "pretrained": name.split(":")[1], "quick": forced}
    assert scorer.name == name


def test_a_download_that_fails_is_an_error_of_ours(monkeypatch):
    def create_model(*_, **__):
        raise RuntimeError("no route to host")

    monkeypatch.setattr(open_clip, "create_model", create_model)
    with pytest.raises(InvalidInputError, match="no route to host"):
        clip.load_scorer("ViT-B-32:openai")


def test_weights_of_a_known_architecture_come_from_a_file(tmp_path, monkeypatch):
    text = CONFIG["model_cfg"]["text_cfg"] | {"vocab_size": 49408, "context_length": 77}
    config = {"model_cfg": CONFIG["model_cfg"] | {"text_cfg": text}, "preprocess_cfg": {}}
    (tmp_path / "tiny-for-a-test.json").write_text(json.dumps(config["model_cfg"]))
    from open_clip import factory

    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    open_clip.add_model_config(tmp_path / "tiny-for-a-test.json")
    weights = clip.save(made(config), config, None, tmp_path / "saved") / clip.WEIGHTS
    name = f"tiny-for-a-test:{weights.rename(tmp_path / 'mine.safetensors')}"

    scorer = clip.load_scorer(name)
    images, model = tiny_scorer.pictures(), made(config)
    with torch.no_grad():
        own = model.encode_image(scorer.preprocess(images), normalize=True)
    assert torch.allclose(scorer.embed_images(images), own, atol=1e-6)
    assert scorer.name == clip.describe_named(name)["id"] == "tiny-for-a-test:mine"
    assert clip.embedding_width(name) == 16
    with pytest.raises(InvalidInputError, match="does not fit ViT-B-32"):
        clip.load_scorer(name.replace("tiny-for-a-test", "ViT-B-32"))
