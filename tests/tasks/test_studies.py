"""A study made of runs: the same from the same, its films alike in all but what they show, nothing in them to read."""

import json

import numpy as np
import pytest
import torch

from evaluation.study.desk import film_name
from evaluation.study.people import People
from evaluation.study.plan import Design, load
from tasks.errors import RefusedError
from tasks.selection import select
from tasks.study import Wanted, find_study, folder_of, keep, missing_films, planned, read_study
from tasks.study_films import draw_films, spoil
from tests.comparisons import ARMS, LEVELS, STORIES, make_sweep, picture_stack
from zoomlib.errors import InvalidInputError
from zoomlib.film import video
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames
from zoomlib.stack import ZoomStack

QUICK = {"seconds_per_level": 0.1}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The folder of a sweep of three arms on three stories and two seeds."""
    return make_sweep(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def selection(sweep):
    return select([str(sweep)], sweep.parents[1])


def plan(selection, **wanted):
    return planned(selection, Wanted(**{**QUICK, **wanted}))


def test_all_pairs_of_arms_are_there_for_every_story_and_seed(selection):
    study = plan(selection)
    assert study.arms == ARMS
    assert len(study.pairs) == 3 * len(STORIES) * 2
    assert len(study.clips) == 3 * len(STORIES) * 2
    assert len({pair.id for pair in study.pairs}) == len(study.pairs)
    for pair in study.pairs:
        assert tuple(study.clips[clip].arm for clip in pair.clips) == pair.arms
        assert {study.runs[study.clips[clip].run]["story"] for clip in pair.clips} == {pair.story}
        assert {study.runs[study.clips[clip].run]["seed"] for clip in pair.clips} == {pair.seed}


def test_the_same_is_the_same_study_and_anything_else_another(selection):
    study = plan(selection)
    assert plan(selection) == study
    others = [
        plan(selection, question="Which is sharper?"),
        plan(selection, name="Again"),
        plan(selection, baseline=ARMS[0]),
        plan(selection, arms=ARMS[:2]),
        plan(selection, size_px=64),
        plan(selection, seconds_per_level=0.2),
        *(plan(selection, design=Design(**one)) for one in ({"seed": 1}, {"pairs": 4}, {"repeats": 1}, {"catches": 1})),
    ]
    assert len({study.id, *(one.id for one in others)}) == 11


def test_pictures_that_changed_make_another_study(tmp_path):
    sweep = make_sweep(tmp_path)
    before = plan(select([str(sweep)], tmp_path))
    picture_stack(99).save(next(tmp_path.glob("story-0/*")) / "stack")
    assert plan(select([str(sweep)], tmp_path)).id != before.id


def test_fewer_pairs_than_were_asked_for_are_told(selection):
    study = plan(selection, arms=ARMS[:2], design=Design(pairs=18, repeats=2))
    assert (study.design.pairs, study.design.repeats) == (6, 2)
    assert any("there are 6" in note for note in study.notes)


def test_films_of_a_story_are_alike_in_all_but_what_they_show(selection, tmp_path):
    study = plan(selection, arms=ARMS[:2])
    cards = {card.id: card for card in selection.cards}
    draw_films(study, tmp_path, cards)
    people, seen = People(study, tmp_path), set()
    for clip in study.clips.values():
        path = tmp_path / "media" / film_name(people, clip.id)
        facts = video.probe(path)
        seen.add((facts.width, facts.height, facts.fps, facts.frames, facts.codec, facts.pixel_format, facts.audio))
        told = {
            name: text
            for name, text in facts.tags.items()
            if name not in ("major_brand", "minor_version", "compatible_brands")
        }
        assert told.keys() <= {"encoder"}
        assert "tenfold" not in str(told).lower()
        for word in (*ARMS, clip.run, cards[clip.run].story):
            assert word.encode() not in path.read_bytes()
            assert word not in path.name
    assert seen == {(48, 48, 25, 10, "h264", "yuv420p", "")}
    assert [path.name for path in (tmp_path / "media").iterdir() if len(path.name) != 28] == []


def test_a_film_shows_its_run(selection, tmp_path):
    study = plan(selection, arms=ARMS[:2])
    cards = {card.id: card for card in selection.cards}
    clip = next(iter(study.clips.values()))
    only = type(study)(**{**vars(study), "clips": {clip.id: clip}})
    draw_films(only, tmp_path, cards)
    shown = np.stack(list(video.read(tmp_path / "media" / film_name(People(study, tmp_path), clip.id)))).astype(float)
    stack = ZoomStack.load(cards[clip.run].folder / "stack")
    camera = Camera(LEVELS, fps=25, seconds=clip.seconds, factors=stack.factors)
    wanted = np.stack(list(frames(stack, camera, (48, 48)))).astype(float)
    light = np.array([0.2126, 0.7152, 0.0722])  # colours have half the resolution
    assert np.abs((shown - wanted) @ light).mean() < 5
    assert np.abs((shown - wanted[::-1]) @ light).mean() > 10


def test_films_are_drawn_once_and_what_is_missing_again(selection, tmp_path):
    study = plan(selection, arms=ARMS[:2])
    cards = {card.id: card for card in selection.cards}
    draw_films(study, tmp_path, cards)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").iterdir()}
    lost = sorted(times)[0]
    lost.unlink()
    assert len(missing_films(study, tmp_path)) == 1
    draw_films(study, tmp_path, cards)
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").iterdir()}
    assert now.keys() == times.keys()
    assert [path for path in times if now[path] != times[path]] == [lost]
    lost.unlink()
    with pytest.raises(RefusedError, match="Name the study's runs again"):
        draw_films(study, tmp_path, {})


def test_a_run_whose_pictures_were_changed_is_refused(tmp_path):
    sweep = make_sweep(tmp_path)
    selection = select([str(sweep)], tmp_path)
    study = plan(selection)
    level = selection.cards[0].folder / "stack" / "level_01.png"
    level.write_bytes(level.read_bytes()[:100])
    with pytest.raises(RefusedError, match="cannot be shown"):
        draw_films(study, tmp_path / "study", {card.id: card for card in selection.cards})


def test_a_spoiled_copy_is_the_same_where_it_begins_and_negative_after_one_level():
    stack = picture_stack(3)
    spoiled = spoil(stack)
    assert torch.equal(spoiled.levels[0::2], stack.levels[0::2])
    assert torch.equal(spoiled.levels[1::2], -stack.levels[1::2].flip(-2))
    assert spoiled.factors == stack.factors


def test_catch_trials_pair_a_film_with_its_spoiled_copy(selection):
    study = plan(selection, design=Design(pairs=4, catches=2))
    assert len(study.catches) == 2
    for pair in study.catches:
        good, bad = (study.clips[clip] for clip in pair.clips)
        assert (good.run, good.spoiled, bad.spoiled) == (bad.run, False, True)
        assert good.seconds == bad.seconds
    assert len({study.clips[pair.clips[0]].run for pair in study.catches}) == 2


def test_a_study_is_found_by_its_name_id_and_folder(selection, tmp_path):
    study = plan(selection, name="Three ways")
    folder = folder_of(study, tmp_path)
    assert folder == tmp_path / "_studies" / f"three-ways-{study.id}"
    folder.mkdir(parents=True)
    assert find_study("three-ways", tmp_path) is None  # not before its films are there
    keep(study, folder)
    for name in (str(folder), folder.name, study.id, study.id[:4]):
        assert find_study(name, tmp_path) == folder
    for name in ("three-ways", "Three ways"):
        assert find_study(name, tmp_path) is None  # it may be a sweep's
        assert find_study(name, tmp_path, titles=True) == folder
    assert load(folder) == study == read_study(study.id, tmp_path)[0]
    for name in ("", "x", study.id[:3], "three", "../secret"):
        assert find_study(name, tmp_path, titles=True) is None
    with pytest.raises(RefusedError, match="no study 'x'"):
        read_study("x", tmp_path)


def test_hostile_names_become_no_paths(selection, tmp_path):
    study = plan(selection, name="../../<script>alert(1)</script>")
    folder = folder_of(study, tmp_path)
    assert folder.parent == tmp_path / "_studies"
    assert "script" in json.loads((_kept(study, folder) / "study.json").read_text())["name"]


def _kept(study, folder):
    folder.mkdir(parents=True)
    keep(study, folder)
    return folder


@pytest.mark.parametrize("wanted", [{"question": " "}, {"arms": ("nobody",)}, {"baseline": "nobody"}])
def test_wishes_that_make_no_study_are_refused(selection, wanted):
    with pytest.raises(InvalidInputError):
        plan(selection, **wanted)
