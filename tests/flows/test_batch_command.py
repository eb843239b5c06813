"""`tenfold batch`: what it prints, makes, refuses and makes again; and the same through Prefect."""

import json

import pytest

from tasks.batch import making
from tasks.batch.record import FILE, SUMMARY
from tests.flows.test_command import contents, here, refused, tenfold  # noqa: F401  `here` is a fixture
from tests.flows.test_sweep import story


@pytest.fixture
def folder(here, model_folder):  # noqa: F811
    """Two stories and a batch's file beside them, with small settings and the tiny model."""
    settings = {"model.name": str(model_folder), "scores.scorer": "none", "scores.video": False}
    settings |= {"sampling.steps": 2, "film.fps": 2, "film.seconds_per_level": 1, "film.size_px": 64}
    (here / "night").mkdir()
    for title in ("One", "Two"):
        (here / "night" / f"{title.lower()}.json").write_text(story(title))
    batch = {"title": "Night", "stories": ["*.json"], "settings": settings | {"enlarge.model": "none"}}
    (here / "night.yaml").write_text(json.dumps(batch | {"stories": ["night"]}))
    return here


def summary_of(folder):
    (place,) = (folder / "runs" / "_batches").iterdir()
    return json.loads((place / FILE).read_text())


def test_a_dry_run_tells_every_video_and_writes_nothing(folder):
    before = contents(folder)
    result = tenfold("batch", "night.yaml", "--seeds", "2", "--set", "film.fps=4", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Night: 4 videos, 0 of them there as a whole, 0 refused" in result.stdout
    assert f"{4 * 2 * 2 * 2} evaluations of the model, {4 * 4} frames" in result.stdout
    assert "Nothing was written." in result.stdout
    assert contents(folder) == before


REFUSALS = {
    "nothing": ([], "needs stories"),
    "no such story": (["no-such-story"], "no-such-story"),
    "nothing acceptable": (["cosmic-leaf", "--methods", "jiont"], "Choose one of: alignnoise"),
    "bad seeds": (["cosmic-leaf", "--seeds", "x"], "seeds"),
    "bad setting": (["cosmic-leaf", "--set", "film.fsp=4"], "Did you mean film.fps"),
    "no such batch": (["--failed", "abcd1234"], "no such batch"),
    "settings for an earlier batch": (["--failed", "abcd1234", "--seeds", "2"], "as it was asked for then"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_made_is_refused_before_anything_is_written(here, arguments, words):  # noqa: F811
    refused(here, tenfold("batch", *arguments), words)


def test_a_night_with_a_failure_and_a_bad_file_and_the_morning_after(folder, monkeypatch):
    real, broken = making.run_zoom, ["Two"]

    def run_zoom(config, story, *arguments, **options):
        if story.title in broken:
            raise MemoryError("none left")
        return real(config, story, *arguments, **options)

    monkeypatch.setattr(making, "run_zoom", run_zoom)
    (folder / "night" / "bad.json").write_text("{")
    result = tenfold("batch", "night.yaml", "--no-engine")
    assert result.exit_code == 1, result.output
    assert "Night: 3 videos: 1 made, 1 failed, 1 refused" in result.stdout
    assert "run 3 of 3 failed: MemoryError: none left" in result.stderr
    assert "Failed: Two, joint, seed 0: MemoryError: none left." in result.stderr
    assert "Refused: night/bad.json: " in result.stderr
    facts = summary_of(folder)
    assert facts["counts"] == {"made": 1, "reused": 0, "failed": 1, "refused": 1, "left": 0}
    assert [job["source"] for job in facts["jobs"]] == ["night/bad.json", "night/one.json", "night/two.json"]
    folders = [job["outcome"]["folder"] for job in facts["jobs"] if job["outcome"]["folder"]]
    assert [(folder / "runs" / name / "config.json").is_file() for name in folders] == [True]

    broken.clear()
    again = tenfold("batch", "--failed", facts["id"], "--no-engine")
    assert again.exit_code == 2, again.output
    assert "1 made, 1 refused" not in again.stdout  # the one that was made then is told as it was
    assert "run 2 of 3" not in again.stderr
    assert summary_of(folder)["counts"] == {"made": 2, "reused": 0, "failed": 0, "refused": 1, "left": 0}

    (folder / "night" / "bad.json").unlink()
    last = tenfold("batch", "night.yaml", "--quiet")  # all is there: no server is started for it
    assert (last.exit_code, last.stderr) == (0, "")
    assert last.stdout.strip().endswith(SUMMARY)
    assert "2 reused" in (folder / last.stdout.strip()).read_text()


def test_stories_are_given_by_name_file_and_words(folder):
    result = tenfold("batch", "cosmic-leaf", "night/one.json", "a galaxy and a leaf", "nope.yaml", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "4 videos" in result.stdout
    assert "Refused: nope.yaml" in result.stderr
    assert "a galaxy and a leaf, joint, seed 0" in " ".join(result.stdout.split())


@pytest.mark.slow  # run 2026-11-22, green
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_batch_by_prefect_comes_to_the_same(folder):
    result = tenfold("batch", "night.yaml")
    assert result.exit_code == 0, result.output
    assert "Night: 2 videos: 2 made" in result.stdout
    assert summary_of(folder)["counts"]["made"] == 2
