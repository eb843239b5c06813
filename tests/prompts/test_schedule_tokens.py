"""Counting tokens: as open_clip does, to the token, without loading it; and as a model's folder says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from prompts import Level, Story, load_story, names
from prompts.schedule import TextLimit, check_schedule
from prompts.schedule.tokens import CLIP_FILE, END, MERGES, START, clip_limit, folder_limit

BUNDLED = Path(__file__).parents[2] / "zoomlib" / "bundled" / "weights"


@pytest.fixture(scope="module")
def theirs():
    """How open_clip itself counts, without its cut at 77."""
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    return lambda text: len(tokenizer.encode(text)) + 2


@pytest.mark.parametrize("name", names())
def test_ready_prompts_count_as_open_clip_counts(theirs, name):
    assert [clip_limit().count(p) for p in load_story(name).prompts()] == [
        theirs(p) for p in load_story(name).prompts()
    ]


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "A GALAXY", "don't we'll", "1234 km", "a  b\tc\n", "&amp;amp; &lt;b&gt;", "ÃƒÂ©tÃ©", "“curly” ‘q’",
     "übergröße", "日本の森", "🌍🌎", "a\u200db", "<end_of_text> <START_OF_TEXT>", "ſ 's 'S", "\x1b[1mbold", "ﬁne",
     "x" * 300],
)  # fmt: skip
def test_odd_texts_count_as_open_clip_counts(theirs, text):
    assert clip_limit().count(text) == theirs(text)


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"]), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_counts_as_open_clip_counts(theirs, text):
    assert clip_limit().count(text) == theirs(text)


def test_the_first_count_is_quick_and_loads_neither_open_clip_nor_torch():
    code = (
        "import sys, time; from prompts.schedule.tokens import clip_limit; start = time.process_time();"
        "count = clip_limit().count('a spiral galaxy'); took = time.process_time() - start;"
        "assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules); print(count, took)"
    )
    count, took_s = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(count) == 5
    assert float(took_s) < 0.4  # 0.1 s on a quiet machine
    assert clip_limit() is clip_limit()


def test_the_bundled_model_reads_what_its_folder_says():
    limit = folder_limit(BUNDLED)
    assert limit.tokens == json.loads((BUNDLED / "tokenizer" / "tokenizer_config.json").read_text())["model_max_length"]
    own = Tokenizer.from_file(str(BUNDLED / "tokenizer" / "tokenizer.json"))
    for prompt in load_story("whole-ladder").prompts():
        assert limit.count(prompt) == len(own.encode(prompt).ids) <= limit.tokens
    assert limit.count("a blue galaxy " * 40) > limit.tokens  # the tokenizer's own cut is off


def clip_folder(folder: Path, **config) -> Path:
    """A model folder with CLIP's tokenizer in its two-file form."""
    import gzip
    import importlib.util

    package = Path(importlib.util.find_spec("open_clip").origin).parent
    merges = gzip.decompress((package / CLIP_FILE).read_bytes()).decode().split("\n")[1 : MERGES + 1]
    from tokenizers.pre_tokenizers import ByteLevel

    signs = sorted(ByteLevel.alphabet())
    entries = [
        *signs,
        *(s + "</w>" for s in signs),
        *("".join(m.split()) for m in merges),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({e: i for i, e in enumerate(entries)}))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_a_folder_with_vocabulary_and_merges_counts_as_clip(tmp_path):
    limit = folder_limit(clip_folder(tmp_path, model_max_length=77))
    assert limit.tokens == 77
    for name in names():
        for prompt in load_story(name).prompts():
            assert limit.count(prompt) == clip_limit().count(prompt)


def test_the_encoders_own_length_goes_before_that_of_the_tokenizer(tmp_path):
    folder = clip_folder(tmp_path, model_max_length=1e30)
    assert folder_limit(folder) is None  # transformers writes 1e30 where it knows no length
    (folder / "text_encoder").mkdir()
    (folder / "text_encoder" / "config.json").write_text('{"max_position_embeddings": 64}')
    assert folder_limit(folder).tokens == 64


@pytest.mark.parametrize("damage", ["{", '"text"', "[]", '{"model": {"type": "?"}}'])
def test_a_folder_that_cannot_be_read_has_no_limit(tmp_path, damage):
    assert folder_limit(tmp_path) is None
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer_config.json").write_text('{"model_max_length": 77}')
    assert folder_limit(tmp_path) is None
    (tmp_path / "tokenizer" / "tokenizer.json").write_text(damage)
    assert folder_limit(tmp_path) is None


def test_only_the_levels_that_are_too_long_are_faulty_and_viewpoint_and_style_count():
    story = Story(
        title="A", p=2, levels=[Level(prompt="a forest"), Level(prompt="a forest of tall oaks"), Level(prompt="an oak")]
    )
    limit = TextLimit("a small encoder", 4, lambda text: len(text.split()) + 2)
    assert [(v.level, v.kind) for v in check_schedule(story, limit)] == [(1, "length")]
    fault = check_schedule(story, limit)[0]
    assert "7 tokens" in fault.reason
    assert "a small encoder reads 4" in fault.reason
    styled = story.model_copy(update={"style": "photograph"})
    assert [v.level for v in check_schedule(styled, limit)] == [0, 1, 2]
    assert check_schedule(styled) == ()


def test_special_tokens_of_clip_are_what_open_clip_calls_them(theirs):
    assert theirs(START + END) == 4 == clip_limit().count(START + END)
