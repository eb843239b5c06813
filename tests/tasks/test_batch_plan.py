"""Batches: reading what is asked for, and accepting or refusing every job for itself before anything is made."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.errors import StoryError
from tasks.batch.plan import plan_batch
from tasks.batch.spec import BatchSpec, is_batch_file, parse_batch, read_batch
from tasks.errors import RefusedError
from tests.doubles.painter import Studio
from tests.tasks.test_sweeps import SMALL


def write_story(folder: Path, name: str, title: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"title": title or name, "p": 2, "levels": [f"{name} a", "b"]}))
    return path


def planned(folder: Path, *stories: str, settings: dict | None = None, **values):
    spec = BatchSpec(stories=stories, settings=SMALL | (settings or {}), **values)
    return plan_batch(spec, folder / "runs", folder=folder, tools=Studio().tools())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=True) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.sampled_from([*BatchSpec.model_fields, "story", ""])


@given(JSON | st.dictionaries(ENTRIES, JSON, max_size=4))
def test_whatever_a_file_holds_is_a_batch_or_refused(value):
    try:
        spec = parse_batch(value, "x.yaml")
    except RefusedError:
        return
    assert spec.stories
    assert BatchSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"stories": ["a"], "sedes": 3}, "Did you mean seeds"),
        ({"stories": []}, "stories"),
        ({"stories": ["a"], "seeds": "x"}, r"x\.yaml: seeds: Expected seeds as a count \(3\), .* got 'x'\.$"),
        ({"stories": ["a"], "config": {"film": {"fsp": 3}}}, "config.film.fsp"),
        (["a"], "mapping"),
    ],
)
def test_refusals_name_the_entry(value, words):
    with pytest.raises(RefusedError, match=words):
        parse_batch(value, "x.yaml")


def test_a_batch_is_read_from_yaml_and_told_from_a_story(tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("stories: [one.json]\nseeds: 3-4\nsettings: {film: {fps: 4}}\n")
    spec, folder = read_batch(str(file))
    assert (spec.title, spec.seeds, folder) == ("night", (3, 4), tmp_path)
    assert spec.configured().film.fps == 4
    assert is_batch_file(str(file))
    assert not is_batch_file(str(write_story(tmp_path, "one")))
    file.write_text("stories: [")
    assert not is_batch_file(str(file))
    with pytest.raises(StoryError):
        read_batch(str(file))
    with pytest.raises(RefusedError, match="There is no batch's file"):
        read_batch(str(tmp_path / "none.yaml"))
    file.write_bytes(b"stories: [\xff]")
    with pytest.raises(RefusedError, match="cannot be read as a batch"):
        read_batch(str(file))


def test_planning_writes_nothing_and_a_mended_story_leaves_the_place_as_it_was(tmp_path, monkeypatch):
    write_story(tmp_path, "one")
    (tmp_path / "bad.json").write_text("{")
    first = planned(tmp_path, "one.json", "bad.json", seeds=2, title="My night")
    assert [job.refusal is None for job in first.jobs] == [True, True, False]
    assert not (tmp_path / "runs").exists()
    assert first.folder == tmp_path / "runs" / "_batches" / f"my-night-{first.id}"
    write_story(tmp_path, "one", "Another title")
    monkeypatch.chdir(tmp_path)
    spec = BatchSpec(stories=("one.json", "bad.json"), settings=SMALL, seeds=2, title="My night")
    assert plan_batch(spec, Path("runs"), tools=Studio().tools()).id == first.id
    assert planned(tmp_path, "one.json", seeds=2, title="My night").id != first.id


def test_every_story_by_every_method_with_every_seed(tmp_path):
    for name in ("one", "two"):
        write_story(tmp_path / "stories", name)
    batch = planned(tmp_path, "stories", methods=["joint", "independent"], seeds=[3, 5])
    assert [job.number for job in batch.jobs] == list(range(1, 9))
    assert batch.jobs[0].name == "one, joint, seed 3"
    assert {(job.source, job.method, job.seed) for job in batch.jobs} == {
        (f"stories/{name}.json", method, seed)
        for name in ("one", "two")
        for method in ("joint", "independent")
        for seed in (3, 5)
    }
    assert len({job.run.id for job in batch.jobs}) == len({job.key for job in batch.jobs}) == 8
    assert [job.config.seed for job in batch.jobs[:2]] == [3, 5]
    assert planned(tmp_path, "stories/t*.json").jobs[0].source == "stories/two.json"


def test_a_bad_one_among_many_is_refused_alone(tmp_path):
    write_story(tmp_path, "one")
    (tmp_path / "bad.json").write_text('{"title": "Bad", "levels": []}')
    named = ("one.json", "bad.json", "missing.json", "none/*.json", "-")
    batch = planned(tmp_path, *named, methods=["joint", "jiont"], seeds=2)
    refused = {job.source: job.refusal for job in batch.jobs if job.refusal is not None}
    assert refused.keys() == {*named}
    assert "levels" in refused["bad.json"]
    assert "no such file" in refused["missing.json"]
    assert "standard input" in refused["-"]
    assert "Choose one of: alignnoise" in refused["one.json"]
    assert not any(reason.endswith(".") or "\n" in reason for reason in refused.values())
    assert [job.name for job in batch.accepted] == ["one, joint, seed 0", "one, joint, seed 1"]
    with pytest.raises(ValueError, match=r"bad\.json has neither"):
        next(job for job in batch.jobs if job.source == "bad.json").asked  # noqa: B018


def test_nothing_acceptable_at_all_is_refused(tmp_path):
    with pytest.raises(RefusedError, match=r"^/.*missing\.json: There is no such file"):
        planned(tmp_path, "missing.json")
    write_story(tmp_path, "one")
    with pytest.raises(RefusedError, match=r"^None of 2 jobs can be made\. There is no method"):
        planned(tmp_path, "one.json", methods=["jiont"], seeds=2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"settings": {"film.fsp": 3}}, "Did you mean film.fps"),
        ({"settings": {"seed": 1}, "seeds": 2}, "seed is set, and so is seeds"),
        ({"settings": {"method": "joint"}, "methods": ["joint"]}, "method is set"),
        ({"seeds": 10_000, "methods": ["joint", "independent", "iterative"]}, "more than 20,000 videos"),
    ],
)
def test_what_no_run_has_is_refused_as_a_whole(tmp_path, values, words):
    write_story(tmp_path, "one")
    with pytest.raises(RefusedError, match=words):
        planned(tmp_path, "one.json", **values)


def test_seed_and_method_of_the_configuration_hold_where_none_is_named(tmp_path):
    write_story(tmp_path, "one")
    (job,) = planned(tmp_path, "one.json", settings={"seed": 7, "method": "independent"}).jobs
    assert (job.seed, job.method, job.run.config.seed) == (7, "independent", 7)


def test_the_same_work_is_made_once_and_names_are_unmistakable(tmp_path):
    write_story(tmp_path, "one", "Same")
    write_story(tmp_path, "two", "Same")
    (tmp_path / "copy.json").write_text((tmp_path / "one.json").read_text())
    batch = planned(tmp_path, "one.json", "two.json", "copy.json", "one.json")
    assert [job.name for job in batch.jobs] == ["Same, joint, seed 0 (one.json)", "Same, joint, seed 0 (two.json)"]
    assert batch.notes == (
        "Same, joint, seed 0 (copy.json) is the same work as Same, joint, seed 0 (one.json), which is made once.",
    )


def test_wishes_are_planned_offline_before_anything_is_made(tmp_path):
    batch = planned(tmp_path, "from a galaxy to a leaf", seeds=2, settings={"p": 4.0})
    assert [job.wish.seed for job in batch.jobs] == [0, 1]
    assert all(job.run is not None and job.wish.p == 4.0 == job.run.p for job in batch.jobs)
    assert all(job.run.told["plan"]["planner"] == "offline" for job in batch.jobs)
    refused = planned(tmp_path, "from a galaxy to a leaf", "from nowhere to never").jobs[1]
    assert refused.run is None
    assert refused.refusal


def test_a_wish_for_a_language_model_is_accepted_and_nobody_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k" * 20)
    nobody = {"plan.model": "m", "plan.base_url": "http://127.0.0.1:9/v1", "model.name": "painter"}
    (job,) = planned(tmp_path, "from a galaxy to a leaf", settings=nobody).jobs
    assert (job.run, job.refusal, job.asked) == (None, None, job.wish)
