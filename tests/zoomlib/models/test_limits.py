"""What is said of texts that are longer than what a model reads: its own tokenizers decide."""

import contextlib
import json

import pytest
import torch

from tests.doubles.tiny_flows import flux_pipeline, qwen_image_pipeline, sd3_pipeline, z_image_pipeline
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.models import describe, load_denoiser
from zoomlib.models.limits import unread

LETTERS = "abcdefghij" * 120


EXACT = {
    "clip": (lambda folder: sd3_pipeline(folder, t5=False), {77}),
    "sd3": (sd3_pipeline, {77, 256}),
    "dev": (flux_pipeline, {77, 512}),
    "schnell": (lambda folder: flux_pipeline(folder, "schnell"), {77, 256}),
}
CHATS = {"z": (z_image_pipeline, {502}), "qwen": (qwen_image_pipeline, {1019})}
"""Of these as many tokens are read as the chat around the text leaves; tokenizers of letters leave some 150 fewer."""


@pytest.mark.parametrize("kind", [*EXACT, *CHATS])
def test_what_is_not_read_does_not_matter_and_what_is_does(tmp_path, kind):
    """Other letters behind the last that is read leave the model's rows as they are; another last one changes them."""
    make, most = (EXACT | CHATS)[kind]
    folder, _ = make(tmp_path)
    reads = describe(folder, size=(32, 32))["reads"]
    assert {tokens for _, tokens in reads} == most
    [end] = unread(folder, reads, [LETTERS])
    assert LETTERS.endswith(end)
    kept, rest = LETTERS[: -len(end)], len(end)
    last = len(kept) - (1 if kind in EXACT else 200)
    denoiser = load_denoiser(folder, size=(32, 32))
    rows, behind, before = (
        denoiser.condition([words]).rows
        for words in (LETTERS, kept + "z" * rest, LETTERS[:last] + "z" + LETTERS[last + 1 :])
    )
    if kind in EXACT:
        assert all(torch.equal(rows[name], behind[name]) for name in rows)
    assert not all(torch.equal(rows[name], before[name]) for name in rows)


def test_the_libraries_own_warnings_are_held_back(tmp_path, caplog, monkeypatch):
    """CLIP reads 77 tokens of these, T5 all: what CLIP's tokenizer says of it would mislead."""
    from diffusers.utils import logging as pictures

    monkeypatch.setattr(pictures._get_library_root_logger(), "propagate", True)
    folder, pipeline = flux_pipeline(tmp_path)
    load_denoiser(folder, size=(32, 32)).condition(["a red galaxy " * 12])
    assert not caplog.records
    pipeline.encode_prompt("a red galaxy " * 12)
    assert "truncated" in caplog.text, "without that, diffusers says it"


def test_short_texts_are_read_whole(tmp_path):
    folder, _ = flux_pipeline(tmp_path)
    reads = describe(folder, size=(32, 32))["reads"]
    assert unread(folder, reads, ["a", "", "a red galaxy " * 20]) == ["", "", ""]


def test_clip_reads_as_much_as_it_has_positions(tmp_path):
    """The bundled tokenizer knows whole words: 40 tokens less start and end are 38 of them."""
    folder, _ = latent_pipeline(tmp_path, 4)
    reads = describe(folder)["reads"]
    assert reads == (("tokenizer", 40),)
    text = " ".join(["red"] * 50)
    assert unread(folder, reads, [text, "red galaxy"]) == [" ".join(["red"] * 12), ""]


def test_a_broken_tokenizer_is_an_error_of_one_paragraph(tmp_path):
    folder, _ = latent_pipeline(tmp_path, 4)
    for file in (folder / "tokenizer").iterdir():
        file.write_text("{")
    with pytest.raises(InvalidInputError, match=r"tokenizer in .* could not be read"):
        unread(folder, (("tokenizer", 40),), ["red " * 50])


@pytest.mark.parametrize("changed", [{"_class_name": ["own", "Own"]}, {"scheduler": ["own", "Own"]}])
def test_a_model_with_code_of_its_own_is_refused_before_weights_are_read(tmp_path, changed):
    folder, _ = latent_pipeline(tmp_path, 4)
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | changed))
    for place in (folder, folder / "scheduler"):
        (place / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for file in folder.rglob("*.safetensors"):
        file.write_bytes(b"none of these is read")
    for look in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match=r"[Cc]ode .* is not run"):
            look(folder)
    assert not (tmp_path / "ran").exists()


def test_code_that_comes_with_a_tokenizer_is_neither_run_nor_asked_about(tmp_path, monkeypatch):
    """transformers asks the user where it is not told; here the user would say yes."""
    folder, _ = latent_pipeline(tmp_path, 4)
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
    config = folder / "tokenizer" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | own))
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom transformers import CLIPTokenizer as Own\n"
    (folder / "tokenizer" / "own.py").write_text(code)
    asked = []
    monkeypatch.setattr("builtins.input", lambda *words: asked.append(words) or "y")
    with contextlib.suppress(InvalidInputError):
        unread(folder, (("tokenizer", 40),), ["red " * 50])
    with contextlib.suppress(InvalidInputError):
        load_denoiser(folder).condition(["red"])
    assert not asked
    assert not (tmp_path / "ran").exists()
