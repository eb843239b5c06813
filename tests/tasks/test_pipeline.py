"""The main job without an engine: what is made, what is reused, and what damage and interruption cost."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from prompts import Story, load_story
from tasks.events import StageDone, StageMoved, StageStarted
from tasks.pipeline import Report, run_zoom
from tasks.plan import prepare
from tasks.sample import load_state
from tasks.specs import RunConfig, with_settings
from tasks.stages import look_ahead, stages_of
from tests.doubles.painter import Studio
from zoomlib.film.video import probe
from zoomlib.stack import ZoomStack

BASE = ["scores.scorer=none", "sampling.steps=5", "film.fps=8", "film.seconds_per_level=1", "film.size_px=64"]
STAGES = ["story", "sampling", "levels", "video", "motion", "pictures", "view"]


def story(**changes) -> Story:
    return Story.model_validate({"title": "Test story", "p": 2, "levels": ["a", "b", "c"]} | changes)


def run(
    root: Path, *settings: str, studio: Studio | None = None, force: bool = False, events=None, **changes
) -> Report:
    config = with_settings(RunConfig(), [*BASE, *settings])
    listen = (lambda _event: None) if events is None else events.append
    tools = (studio or Studio()).tools()
    return run_zoom(config, story(**changes), root, tools=tools, force=force, on_event=listen)


def made(report: Report) -> list[str]:
    return [stage.stage for stage in report.stages if stage.made]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture
def finished(tmp_path) -> Report:
    return run(tmp_path / "runs")


def in_store(report: Report, stage: str, name: str) -> Path:
    return report.run.workshop.store.path(report.results[stage].artifacts[name])


def test_a_cold_run_makes_everything(finished):
    assert made(finished) == STAGES
    folder = finished.run.folder
    names = {"config.json", "story.yaml", "zoom.mp4", "scores-video.parquet", "poster.png", "contact_sheet.png"}
    names |= {"view.html"}
    levels = {f"stack/level_{i:02d}.png" for i in range(3)} | {"stack/stack.json"}
    assert set(contents(folder)) == names | levels
    film = probe(folder / "zoom.mp4")
    assert (film.frames, film.width, film.height, film.fps) == (16, 64, 64, 8)
    assert ZoomStack.load(folder / "stack").levels.shape == (3, 3, 64, 64)
    assert load_story(folder / "story.yaml") == story()
    with Image.open(folder / "poster.png") as poster:
        assert poster.size == (64, 64)


def test_config_json_says_everything(finished):
    facts = json.loads((finished.run.folder / "config.json").read_text())
    assert facts["run_id"] == finished.run.folder.name
    assert (facts["seed"], facts["model"]["id"], facts["model"]["revision"]) == (0, "bundled", "r1")
    assert facts["config"]["sampling"]["steps"] == 5
    assert facts["config"]["sampling"]["blending"] == "laplacian"
    assert {"python", "torch", "diffusers", "tenfold"} <= facts["versions"].keys()
    assert facts["device"] == "cpu"
    assert facts["files"].keys() == contents(finished.run.folder).keys() - {"config.json"}


def test_a_warm_run_makes_nothing_loads_nothing_and_changes_nothing(finished, tmp_path):
    before, studio = contents(finished.run.folder), Studio()
    report = run(tmp_path / "runs", studio=studio)
    assert made(report) == []
    assert report.restored == ()
    assert studio.loaded == []
    assert contents(finished.run.folder) == before
    assert report.run.id == finished.run.id


def test_runs_are_reproducible(finished, tmp_path):
    again = run(tmp_path / "elsewhere")
    assert made(again) == STAGES
    assert again.run.id == finished.run.id
    before, after = contents(finished.run.folder), contents(again.run.folder)
    for name in before.keys() - {"config.json"}:
        assert after[name] == before[name], name


def test_a_deleted_video_is_put_back(finished, tmp_path):
    before = contents(finished.run.folder)
    (finished.run.folder / "zoom.mp4").unlink()
    report = run(tmp_path / "runs")
    assert (made(report), report.restored) == ([], ("zoom.mp4",))
    assert contents(finished.run.folder) == before


def test_only_a_video_that_is_nowhere_any_more_is_made(finished, tmp_path):
    before, studio = contents(finished.run.folder), Studio()
    finished.video.unlink()
    in_store(finished, "video", "zoom.mp4").unlink()
    report = run(tmp_path / "runs", studio=studio)
    assert made(report) == ["video"]
    assert studio.loaded == []
    assert contents(finished.run.folder).keys() == before.keys()


@pytest.mark.parametrize("stage", ["levels", "sampling"])
def test_a_flipped_byte_in_the_store_makes_that_stage_again_and_nothing_else(finished, tmp_path, stage):
    name = {"levels": "level_01.png", "sampling": "sampled"}[stage]
    damaged = in_store(finished, stage, name)
    before, sound = contents(finished.run.folder), damaged.read_bytes()
    flip(damaged)
    assert made(run(tmp_path / "runs")) == [stage]
    assert damaged.read_bytes() == sound
    after = contents(finished.run.folder)
    assert {name for name in before if after[name] != before[name]} <= {"config.json"}  # the seconds that it took


def test_a_flipped_byte_in_the_run_folder_is_put_right(finished, tmp_path):
    level = finished.run.folder / "stack" / "level_02.png"
    sound = level.read_bytes()
    flip(level)
    report = run(tmp_path / "runs")
    assert (made(report), report.restored) == ([], ("stack/level_02.png",))
    assert level.read_bytes() == sound


def test_a_deleted_run_folder_comes_back_from_the_store(finished, tmp_path):
    before = contents(finished.run.folder)
    shutil.rmtree(finished.run.folder)
    assert made(run(tmp_path / "runs")) == []
    assert contents(finished.run.folder) == before


def test_leftovers_of_a_killed_process_disappear(finished, tmp_path):
    (finished.run.folder / ".zoom.mp4.abc.part").write_bytes(b"half")
    run(tmp_path / "runs")
    assert not (finished.run.folder / ".zoom.mp4.abc.part").exists()


@pytest.mark.parametrize(
    ("settings", "changes", "again"),
    [
        (["film.fps=4"], {}, ["video", "motion"]),
        (["film.direction=out"], {}, ["video", "motion"]),
        (["film.quality=30"], {}, ["video", "motion"]),
        (["film.captions=burnt"], {}, ["video", "motion"]),
        (["film.format=webp"], {}, ["video", "motion"]),
        (["film.size_px=128"], {}, ["video", "motion", "pictures"]),
        (["film.size_px=32"], {}, ["levels", "video", "motion", "pictures", "view"]),
        (["sampling.steps=6"], {}, STAGES[1:]),
        (["sampling.eta=0.5"], {}, STAGES[1:]),
        (["guidance.scale=3"], {}, STAGES[1:]),
        (["seed=1"], {}, STAGES[1:]),
        (["p=4"], {}, STAGES[1:]),
        (["method=independent"], {}, STAGES[1:]),
        ([], {"levels": ["a", "b", "d"]}, STAGES),
        ([], {"negative": "fog"}, STAGES),
        ([], {"levels": [{"prompt": "a", "focus": [0.3, 0.4]}, "b", "c"]}, STAGES),
        ([], {"about": "only a note"}, ["story"]),
    ],
)
def test_only_what_depends_on_a_change_is_made_again(finished, tmp_path, settings, changes, again):
    report = run(tmp_path / "runs", *settings, **changes)
    assert made(report) == again
    assert report.run.folder != finished.run.folder
    assert made(run(tmp_path / "runs")) == []


def test_another_revision_of_the_weights_is_another_run(finished, tmp_path):
    report = run(tmp_path / "runs", studio=Studio(revision="r2"))
    assert "sampling" in made(report)
    assert report.run.id != finished.run.id


def test_force_makes_everything_again(finished, tmp_path):
    before = contents(finished.run.folder)
    assert made(run(tmp_path / "runs", force=True)) == STAGES
    after = contents(finished.run.folder)
    assert {name for name in before if after[name] != before[name]} <= {"config.json"}


class CutError(Exception):
    pass


@pytest.mark.parametrize("eta", [0, 1])
def test_an_interrupted_sampling_goes_on_bit_for_bit(tmp_path, eta):
    whole = run(tmp_path / "whole", f"sampling.eta={eta}")

    def stop(event) -> None:
        if event == StageMoved("sampling", 3):
            raise CutError

    studio, config = Studio(), with_settings(RunConfig(), [*BASE, f"sampling.eta={eta}"])
    with pytest.raises(CutError):
        run_zoom(config, story(), tmp_path / "cut", tools=studio.tools(), on_event=stop)
    assert studio.painters[0].steps == 3
    events, studio = [], Studio()
    cut = run(tmp_path / "cut", f"sampling.eta={eta}", studio=studio, events=events)
    assert studio.painters[0].steps == 2
    assert StageStarted("sampling", 5, "steps, 3 levels", 3) in events
    sampled = [report.results["sampling"].artifacts["sampled"].sha256 for report in (whole, cut)]
    assert sampled[0] == sampled[1]
    assert cut.video.read_bytes() == whole.video.read_bytes()


def test_a_damaged_checkpoint_starts_the_sampling_anew(tmp_path):
    def stop(event) -> None:
        if event == StageMoved("sampling", 3):
            raise CutError

    config = with_settings(RunConfig(), BASE)
    with pytest.raises(CutError):
        run_zoom(config, story(), tmp_path, tools=Studio().tools(), on_event=stop)
    checkpoint = next(tmp_path.rglob("state.safetensors"))
    assert load_state(checkpoint).index == 3
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert load_state(checkpoint) is None
    studio = Studio()
    run(tmp_path, studio=studio)
    assert studio.painters[0].steps == 5


def test_events_tell_of_every_stage_in_order(tmp_path):
    events = []
    run(tmp_path, events=events)
    assert [event.stage for event in events if isinstance(event, StageDone)] == STAGES
    steps = [event.done for event in events if isinstance(event, StageMoved) and event.stage == "sampling"]
    frames = [event.done for event in events if isinstance(event, StageMoved) and event.stage == "video"]
    assert steps == list(range(1, 6))
    assert frames == list(range(1, 17))
    warm = []
    run(tmp_path, events=warm)
    assert all(isinstance(event, StageDone) and not event.made for event in warm)


def test_looking_ahead_writes_nothing_and_knows_what_is_there(tmp_path):
    config = with_settings(RunConfig(), BASE)
    plan = prepare(config, story(), tmp_path / "runs", Studio().tools())
    assert look_ahead(plan) == {}
    assert list(tmp_path.iterdir()) == []
    report = run(tmp_path / "runs")
    assert look_ahead(plan) == report.results
    in_store(report, "video", "zoom.mp4").unlink()
    assert set(look_ahead(plan)) == set(STAGES) - {"video", "motion"}
    in_store(report, "sampling", "sampled").unlink()
    assert set(look_ahead(plan)) == {"story"}
    assert [stage.name for stage in stages_of(plan)] == STAGES
