"""Weights under the names that published checkpoints have, which differ from those that libraries write today."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.doubles.tiny_flows import flux_pipeline, qwen_image_pipeline, z_image_pipeline
from zoomlib.models import load_denoiser


def t5_twice(tensors):
    """The table of words under both of its names."""
    return tensors | {"encoder.embed_tokens.weight": tensors["shared.weight"].clone()}


def clip_below(tensors):
    """All below `text_model`, with the numbers of positions as a buffer."""
    positions = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    return {f"text_model.{name.removeprefix('text_model.')}": value for name, value in tensors.items()} | positions


def with_a_head(tensors):
    """A language model, of which the hidden states alone are used."""
    head = {"lm_head.weight": tensors["embed_tokens.weight"].clone()}
    return {f"model.{name}": value for name, value in tensors.items()} | head


def seeing_apart(tensors):
    """Sight and language beside each other."""
    return {name.replace("model.language_model.", "model.").replace("model.visual.", "visual."): value
            for name, value in tensors.items()}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "part", "renamed"),
    [
        (flux_pipeline, "text_encoder_2", t5_twice),
        (flux_pipeline, "text_encoder", clip_below),
        (z_image_pipeline, "text_encoder", with_a_head),
        (qwen_image_pipeline, "text_encoder", seeing_apart),
    ],
    ids=["t5", "clip", "qwen", "qwen-vl"],
)
def test_a_checkpoint_s_own_names_are_understood(tmp_path, make, part, renamed):
    """The same words come of it, bit for bit."""
    folder, _ = make(tmp_path)
    rows = load_denoiser(folder, size=(32, 32)).condition(["a red galaxy"]).rows
    file = folder / part / "model.safetensors"
    save_file(renamed(load_file(file)), file, metadata={"format": "pt"})
    again = load_denoiser(folder, size=(32, 32)).condition(["a red galaxy"]).rows
    assert all(torch.equal(rows[name], again[name]) for name in rows)
