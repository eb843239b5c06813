"""What a user is told of prompts that are longer than what the model reads."""

from tasks.plan import prepare
from tasks.specs import RunConfig, with_settings
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
