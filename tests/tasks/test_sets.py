"""Runs as sets against a folder: what is written, found again, said, and refused before any work."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image

import evaluation
from evaluation.cards import RunCard, Selection
from tasks import sets as sets_module
from tasks.errors import RefusedError
from tasks.events import StageDone, StageMoved, StageStarted
from tasks.set_folder import SET
from tasks.set_notes import HEADS, lines, title
from tasks.sets import SetSpec, score_sets

LEVELS = 3


def picture(path: Path, seed: int, side: int = 32, colour: int = 128) -> None:
    random = np.random.default_rng(seed)
    coarse = (colour + random.normal(0, 40, (4, 4, 3))).clip(0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)


def run(root: Path, story: str, method: str, seed: int = 0, *, side: int = 32, colour: int = 128) -> RunCard:
    folder = root / story / f"{method}-{seed}"
    for level in range(LEVELS):
        salt = 1000 * sum(map(ord, story)) + 100 * seed + 10 * level + len(method)
        picture(folder / "stack" / f"level_{level:02d}.png", salt, side, colour)
    return RunCard(
        id=f"{story}{method}{seed}",
        folder=folder,
        story=story,
        prompts=("a", "b", "c"),
        method=method,
        variant=method,
        seed=seed,
        model="m",
        model_revision="r",
        software="s",
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        p=2.0,
    )


def selection(*cards: RunCard) -> Selection:
    arms = {card.id: card.variant for card in cards}
    return Selection("runs", cards, arms, tuple(dict.fromkeys(arms.values())))


@pytest.fixture
def reference(tmp_path):
    folder = tmp_path / "reference"
    for k in range(20):
        picture(folder / f"{k:02}.png", 7 + k)
    return folder


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    stories = [f"story {letter}" for letter in "abcd"]
    return selection(
        *(run(root, story, "joint") for story in stories),
        *(run(root, story, "superres", colour=40) for story in stories),
    )


@pytest.fixture
def spec(reference):
    return SetSpec(reference, resamples=20)


def values(outcome) -> dict[str, float]:
    return {score.score: score.value for score in outcome.scores}


def test_one_set_for_each_arm_with_rows_and_what_they_were_measured_on(tmp_path, runs, spec):
    outcomes = score_sets(runs, spec, tmp_path / "out")
    assert [outcome.arm for outcome in outcomes] == ["joint", "superres"]
    frame = evaluation.read_scores(tmp_path / "out")
    assert set(frame.run_id) == {outcome.id for outcome in outcomes}
    assert set(frame.scope) == {"set"}
    assert set(frame.story) == {"4 stories"}
    assert set(frame.variant) == {"joint", "superres"}
    assert set(frame.scorer) == {"bundled"}
    joint, dark = map(values, outcomes)
    assert joint["set_images"] == 4 * LEVELS
    assert joint["set_stories"] == 4
    assert joint["frechet_distance"] < dark["frechet_distance"]
    assert joint["kernel_distance"] < dark["kernel_distance"]
    assert "kernel_distance_low" in joint
    facts = json.loads((outcomes[0].folder / SET).read_text())
    assert facts["id"] == outcomes[0].id == outcomes[0].folder.name
    assert len(facts["members"]) == 12
    assert facts["reference"]["pictures"] == 20
    assert facts["settings"]["resamples"] == 20
    found = duckdb.sql(f"select count(*) from '{tmp_path}/out/*/*/scores.parquet'").fetchall()
    assert found == [(len(frame),)]


def test_the_second_time_nothing_is_extracted_and_the_same_place_is_written(tmp_path, runs, spec):
    first, events = score_sets(runs, spec, tmp_path / "out"), []
    second = score_sets(runs, spec, tmp_path / "out", on_event=events.append)
    assert [outcome.id for outcome in first] == [outcome.id for outcome in second]
    assert [outcome.scores for outcome in first] == [outcome.scores for outcome in second]
    assert not [event for event in events if isinstance(event, StageStarted) and event.unit == "images"]
    assert len(list((tmp_path / "out" / "_sets").iterdir())) == 2


def test_progress_tells_how_many_pictures_there_are_and_one_more_run_costs_only_itself(tmp_path, runs, spec):
    events = []
    score_sets(runs, spec, tmp_path / "out", on_event=events.append)
    started = {event.stage: event.total for event in events if isinstance(event, StageStarted)}
    assert started == {"reference": 20, "pictures": 24, "distances": 2}
    assert [event.done for event in events if isinstance(event, StageMoved) and event.stage == "reference"][-1] == 20
    assert [event.stage for event in events if isinstance(event, StageDone)] == ["reference", "pictures", "distances"]
    more, later = selection(*runs.cards, run(tmp_path / "runs", "story e", "joint")), []
    score_sets(more, spec, tmp_path / "out", on_event=later.append)
    assert {event.stage: event.total for event in later if isinstance(event, StageStarted)}["pictures"] == LEVELS


def test_a_changed_picture_and_a_damaged_cache_are_extracted_again(tmp_path, runs, spec):
    before = values(score_sets(runs, spec, tmp_path / "out")[0])
    kept = list((tmp_path / "out" / ".cache" / "features").iterdir())
    assert len(kept) == 1 + 8
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    assert values(score_sets(runs, spec, tmp_path / "out")[0]) == before
    picture(spec.reference / "00.png", 99, colour=250)
    assert values(score_sets(runs, spec, tmp_path / "out")[0]) != before


def test_the_place_does_not_depend_on_where_the_reference_lies(tmp_path, runs, spec, reference):
    first = score_sets(runs, spec, tmp_path / "out")
    moved = reference.rename(tmp_path / "elsewhere")
    again = score_sets(runs, SetSpec(moved, resamples=20), tmp_path / "out")
    assert [outcome.id for outcome in first] == [outcome.id for outcome in again]


def test_only_the_levels_that_are_asked_for(tmp_path, runs, spec, reference):
    found = score_sets(runs, SetSpec(reference, levels=(0, 2), resamples=0), tmp_path / "out")
    assert values(found[0])["set_images"] == 8
    with pytest.raises(RefusedError, match="0 pictures at the levels 9"):
        score_sets(runs, SetSpec(reference, levels=(9,)), tmp_path / "out")


def test_what_limits_the_numbers_is_said_in_words(tmp_path, runs, spec):
    told = " ".join(score_sets(runs, spec, tmp_path / "out")[0].notes)
    assert "not of Inception" in told
    assert "Read the kernel distance first: 12 pictures against 20" in told
    assert "rest on 4 stories only" in told
    one = score_sets(selection(*(card for card in runs.cards if card.story == "story a")), spec, tmp_path / "out")
    assert "all pictures are of one story" in " ".join(one[0].notes).lower()
    uneven = score_sets(selection(*runs.cards[:-1]), spec, tmp_path / "out")
    assert "not to be compared with: superres" in " ".join(uneven[0].notes)


def test_pictures_that_are_in_both_sets_are_told(tmp_path, runs, spec, reference):
    for k, card in enumerate(runs.cards[:2]):
        (reference / f"copy{k}.png").write_bytes(card.levels[0].read_bytes())
    (reference / "again.png").write_bytes((reference / "00.png").read_bytes())
    told = " ".join(score_sets(runs, spec, tmp_path / "out")[0].notes)
    assert "in the reference too: 2" in told
    assert "Pictures of the reference that are there once more: 1." in told


def test_larger_pictures_are_scored_at_the_training_size(tmp_path, reference):
    large = selection(*(run(tmp_path / "runs", f"story {k}", "joint", side=64) for k in range(3)))
    found = score_sets(large, SetSpec(reference, training_px=32, resamples=0), tmp_path / "out")[0]
    names = values(found)
    assert {"scaleinv_frechet_distance_2x", "scaleinv_kernel_distance_2x_antialiased"} <= names.keys()
    assert "frechet_distance" not in names
    assert "Read the kernel distance first" in " ".join(found.notes)
    with pytest.raises(RefusedError, match="no whole number of times"):
        score_sets(
            selection(run(tmp_path / "runs", "odd", "joint", side=48)), SetSpec(reference, training_px=32), tmp_path
        )
    mixed = selection(*large.cards, run(tmp_path / "runs", "small", "joint", side=32))
    with pytest.raises(RefusedError, match="1 and 2 times 32"):
        score_sets(mixed, SetSpec(reference, training_px=32), tmp_path)
    with pytest.raises(RefusedError, match="Resize them first"):
        score_sets(large, SetSpec(reference, training_px=16), tmp_path)


def test_what_cannot_be_used_is_refused_before_the_extractor_is_loaded(tmp_path, runs, spec, reference, monkeypatch):
    monkeypatch.setattr(sets_module, "load_extractor", lambda *a, **k: pytest.fail("loaded"))
    (reference / "03.png").write_text("no picture")
    with pytest.raises(RefusedError, match=r"03\.png"):
        score_sets(runs, spec, tmp_path / "out")
    (reference / "03.png").unlink()
    runs.cards[0].levels[1].write_bytes(b"cut")
    with pytest.raises(RefusedError, match=r"level_01\.png"):
        score_sets(runs, spec, tmp_path / "out")
    runs.cards[0].levels[1].unlink()
    with pytest.raises(RefusedError, match="is missing"):
        score_sets(runs, spec, tmp_path / "out")
    with pytest.raises(RefusedError, match="There is no file"):
        score_sets(runs, SetSpec(reference, extractor="inception:none.safetensors"), tmp_path / "out")
    with pytest.raises(RefusedError, match="is not a folder"):
        score_sets(runs, SetSpec(tmp_path / "none"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_table_for_people_has_intervals_and_published_values(tmp_path, runs, spec):
    found = {row[0]: row for row in lines(score_sets(runs, spec, tmp_path / "out")[0].scores)}
    assert list(found)[:2] == ["Kernel", "Fréchet"]
    assert " to " in found["Kernel"][HEADS.index("95 % interval")]
    assert found["Pictures"][1] == "12"
    from evaluation.table import Score

    row = lines([Score("scaleinv_fid_8x", 130.0, "set"), Score("scaleinv_fid_8x_antialiased", 100.0, "set")])
    assert row[0][:2] == ("ScaleInv FID, 8x", "130")
    assert "InfinityGAN 121.18 (Flickr-Landscape)" in row[0][3]
    assert row[1][0] == "ScaleInv FID, 8x, antialiased"
    assert title("scaleinv_set_images_4x") == "ScaleInv Pictures, 4x"
