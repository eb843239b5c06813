"""Runs of Stable Diffusion XL as of any other model, with a style, a LoRA and a taught word by configuration."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.continuation import rerolled
from tasks.errors import RefusedError
from tasks.finished import read_finished
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.specs import RunConfig, with_settings
from tasks.styles import styles
from tests.doubles.tiny_lora import FILE, write_lora
from tests.doubles.tiny_sdxl import sdxl_pipeline
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import BASE, story
from zoomlib.errors import InvalidInputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdxl")
    write_lora(sdxl_pipeline(folder / "model")[1], folder / "lora", towers=("text_encoder", "text_encoder_2"))
    save_file({"clip_l": torch.randn(2, 16), "clip_g": torch.randn(2, 8)}, folder / "sketchy.safetensors")
    return folder


def config(folder, *settings):
    return with_settings(
        RunConfig(), [*BASE, f"model.name={folder / 'model'}", "sampling.steps=2", "film.fps=2", *settings]
    )


def run(folder, root, *settings, levels=("a red galaxy", "a blue planet")):
    return run_zoom(config(folder, *settings), story(levels=list(levels)), root)


def test_a_run_of_rectangles_with_a_style_a_lora_and_a_word(made, tmp_path):
    """Each changes the pictures and the run's id; all are recorded."""
    settings = {
        "plain": "seed=0",
        "style": "style=ink",
        "lora": f"model.loras={json.dumps([{'name': str(made / 'lora'), 'weight': 0.7}])}",
        "word": f"model.embeddings={made / 'sketchy.safetensors'}",
    }
    prompts = ("a sketchy galaxy", "a blue planet")
    reports = {name: run(made, tmp_path, "model.size=48x32", one, levels=prompts) for name, one in settings.items()}
    plain = sampled(reports["plain"])
    assert plain.shape == (2, 3, 32, 48)
    assert len({report.run.id for report in reports.values()}) == 4
    assert not any(torch.equal(sampled(reports[name]), plain) for name in ("style", "lora", "word"))
    recorded = json.loads((reports["style"].run.folder / "config.json").read_text())
    assert all(styles()["ink"].words in prompt for prompt in recorded["prompts"])
    assert reports["lora"].run.model["loras"][0]["weight"] == 0.7
    assert reports["word"].run.model["embeddings"][0]["word"] == "sketchy"


def test_a_run_that_is_gone_on_with_keeps_its_style(made, tmp_path):
    """A level made again has the style's words once, and what no level must show once."""
    first = run(made, tmp_path, "style=ink").run
    again = rerolled(read_finished(first.id, tmp_path), 1)
    second = run_zoom(again.config, again.story, again.root).run
    assert second.story.style == first.story.style == styles()["ink"].words
    assert second.story.negative == first.story.negative


def test_a_file_that_was_changed_makes_another_run(made, tmp_path):
    """Though its name is the same; nothing is loaded to know it."""
    file = tmp_path / "mine.safetensors"
    tensors = load_file(made / "lora" / FILE)
    ids = []
    for scale in (1.0, 2.0, 1.0):
        save_file({name: tensor * scale for name, tensor in tensors.items()}, file)
        ids.append(prepare(config(made, f"model.loras={file}"), story(levels=["a"]), tmp_path / "runs").id)
    assert ids[0] == ids[2] != ids[1]


def test_outpainting_by_the_models_own_input(tmp_path):
    sdxl_pipeline(tmp_path / "model", 9)
    report = run(tmp_path, tmp_path / "runs", "method=outpaint-direct")
    assert sampled(report).shape == (2, 3, 16, 16)


def test_what_cannot_be_is_refused_before_weights_are_loaded(made, tmp_path):
    for setting, words in {
        "model.loras=absent.safetensors": "no file",
        "model.size=40x18": r"multiples of 4 .* The nearest is",
        f"model.embeddings={made / 'lora' / FILE}": "no textual inversion .* named clip_l and clip_g",
    }.items():
        with pytest.raises((InvalidInputError, RefusedError), match=words):
            prepare(config(made, setting), story(levels=["a"]), tmp_path / "runs")
