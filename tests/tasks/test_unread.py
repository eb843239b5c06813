"""What a user is told of prompts that are longer than what the model reads."""

import pytest

from prompts import load_story
from tasks.plan import prepare
from tasks.specs import RunConfig, with_settings
from tasks.text_limit import text_limit
from tests.doubles.tiny_flows import sd3_pipeline
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.tasks.test_pipeline import BASE, story


def test_the_end_that_is_not_read_is_named_before_anything_is_made(tmp_path):
    folder = latent_pipeline(tmp_path, 4)[0]
    config = with_settings(RunConfig(), [*BASE, f"model.name={folder}"])
    long = " ".join(["red"] * 38) + " but blue at the very end"
    run = prepare(config, story(levels=["a", long, "c"]), tmp_path / "runs")
    told = [note for note in run.notes if "does not read" in note]
    assert told == ["The model does not read the end of level 1's prompt: 'but blue at the very end'. Shorten it."]
    many = prepare(config, story(levels=[f"{long} {k}" for k in range(7)]), tmp_path / "runs")
    told = [note for note in many.notes if " read the end" in note]
    assert len(told) == 5
    assert told[-1] == "Nor does it read the ends of 3 more."


def test_short_prompts_need_no_tokenizer(tmp_path):
    folder = latent_pipeline(tmp_path, 4)[0]
    for file in (folder / "tokenizer").glob("*.json"):
        file.write_text("{}")
    config = with_settings(RunConfig(), [*BASE, f"model.name={folder}"])
    assert not [note for note in prepare(config, story(), tmp_path / "runs").notes if "read" in note]


def test_planners_are_told_what_the_encoder_that_reads_most_is_given(tmp_path):
    """Stable Diffusion 3 gives T5 256 tokens, whatever its configuration says, and CLIP 77."""
    flow, plain = sd3_pipeline(tmp_path / "flow")[0], latent_pipeline(tmp_path / "plain", 4)[0]
    limit = text_limit(with_settings(RunConfig(), [f"model.name={flow}"]))
    assert limit.tokens == 256
    assert limit.count("red " * 300) > 256 > limit.count("red " * 20) > 20
    assert text_limit(with_settings(RunConfig(), [f"model.name={plain}"])).tokens == 40
    first = with_settings(RunConfig(), ["model.name=no/model", f'model.fallbacks=["{flow}"]'])
    assert text_limit(first).tokens == 256


def test_prompts_that_are_read_need_no_library_of_models(tmp_path, monkeypatch):
    """Importing it takes seconds: more than all else of a dry run."""
    monkeypatch.setattr("tasks.unread.unread", lambda *_: pytest.fail("the slow way"))
    run = prepare(with_settings(RunConfig(), BASE), load_story("cosmic-leaf"), tmp_path / "runs")
    assert max(map(len, run.story.prompts())) > 40
    assert not [note for note in run.notes if "read" in note]
