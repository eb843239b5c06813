"""What the page is told, and what may stand in its file."""

import gzip
import html
import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluation.comparison import Media, comparison_page
from evaluation.comparison.data import baseline_of, files_of, ordered_scores, scene_of, with_arms
from evaluation.comparison.drawing import draw_media, filmed
from evaluation.comparison.plots import specifications
from evaluation.presets import PRESETS
from tests.comparisons import ARMS, HOSTILE, LEVELS, SEEDS, SIDE, STORIES
from zoomlib.errors import InvalidInputError
from zoomlib.film.video import probe


@pytest.fixture(scope="module")
def media(comparison):
    return draw_media(comparison.selection.cards, comparison.selection.arms, max_mb=4)


def scene(comparison, **changes):
    selection = replace(comparison.selection, **changes)
    return scene_of(selection, comparison.frame, baseline=comparison.baseline, scores=comparison.scores)


def test_no_word_of_a_stranger_stands_in_the_file_as_markup(text):
    for word in ("<script>alert", "<img src=x", HOSTILE, "</script><script>alert"):
        assert word not in text
    assert text.count("</script>") == text.count("<script")
    assert html.escape("A trial <script>alert(6)</script>") in text


def test_the_policy_lets_in_this_file_only_and_never_compiles_text(text):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {
        "default-src", "img-src", "media-src", "style-src", "script-src", "base-uri", "form-action",
        "require-trusted-types-for", "trusted-types",
    }  # fmt: skip
    assert rules["img-src"] == "data: blob:"
    assert rules["media-src"] == "blob:"
    assert all(re.fullmatch(r"'sha256-[\w+/]+='", one) for one in rules["script-src"].split())
    assert "unsafe" not in policy


def test_addresses_are_asked_from_the_own_server_only(comparison):
    run = comparison.selection.cards[0].id
    text = comparison_page(comparison.selection, comparison.frame, media=Media({run: ["/level"]}, {run: "/film"}))
    assert "img-src 'self' data: blob:; media-src 'self' blob:" in html.unescape(text)
    assert '{"url":"/film"}' in text


def test_the_files_give_back_the_rows(comparison):
    files = files_of(comparison.frame)
    frame = comparison.frame.astype({"arm": str})
    parquet = pd.read_parquet(io.BytesIO(files["parquet"]))
    csv = pd.read_csv(io.BytesIO(gzip.decompress(files["csv"])), float_precision="round_trip")
    assert list(parquet.columns) == list(csv.columns) == list(frame.columns)
    for read in (parquet, csv):
        assert len(read) == len(frame)
        assert np.array_equal(read["value"], frame["value"])
        assert list(read["arm"]) == list(frame["arm"])
    assert files_of(comparison.frame) == files  # the same bytes


def test_scores_of_several_scorers_are_kept_apart(comparison):
    more = comparison.frame[comparison.frame["score"] == "clip_score"].assign(
        scorer="ViT-L-14", scorer_revision="abc", value=lambda rows: rows["value"] / 3
    )
    frame = with_arms(pd.concat([comparison.frame, more]), comparison.selection)
    told = scene_of(comparison.selection, frame, baseline=ARMS[0], scores=["clip_score", "seam"])["scores"]
    assert [one["key"] for one in told] == ["clip_score@ViT-L-14@abc", "clip_score@bundled@rev", "seam"]
    assert told[0]["ranking"][0]["mean"] == pytest.approx(told[1]["ranking"][0]["mean"] / 3)
    assert len(told[0]["value"]) == len(told[1]["value"]) == len(more)


def test_what_a_reader_should_know_is_said(comparison):
    notes = scene(comparison)["notes"]
    assert any("over 3 stories" in note for note in notes)
    assert any(note.startswith(f"{ARMS[2]} lacks 1 of 6 runs") for note in notes)
    assert any(note.startswith("Missing: ") and "the model broke" in note for note in notes)
    assert not any("reads no prompts" in note for note in notes)


def test_a_method_that_reads_no_prompts_is_told(comparison):
    cards = comparison.selection.cards
    notes = scene(comparison, cards=(replace(cards[0], method="infinity"), *cards[1:]))["notes"]
    assert any(note.startswith("infinity reads no prompts: its text scores") for note in notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "other"}, "several models"),
        ({"prompts": ("one", "two")}, "different numbers of levels"),
        ({"prompts": ("other",) * LEVELS}, "different prompts"),
        ({"p": 3.0}, "different zoom factors"),
    ],
)
def test_runs_that_are_not_alike_are_told(comparison, change, said):
    first, *rest = comparison.selection.cards
    assert not any(said in note for note in scene(comparison)["notes"])
    assert any(said in note for note in scene(comparison, cards=(replace(first, **change), *rest))["notes"])


def test_a_preset_gives_its_baseline_its_scores_and_what_was_published(comparison):
    selection = replace(comparison.selection, preset="table1")
    assert baseline_of(selection, comparison.frame) == PRESETS["table1"].baseline
    assert ordered_scores(comparison.frame, PRESETS["table1"])[:3] == ["clip_score", "seam", "window_psnr"]
    told = scene_of(selection, comparison.frame, baseline="joint", scores=["clip_score", "seam", "flicker"])
    anchors = {one["arm"]: one["value"] for one in told["scores"][0]["anchors"]}
    assert anchors["joint"] == 31.39
    assert [one["decides"] for one in told["scores"]] == [True, True, False]
    assert "not to be compared" in told["published"]


def test_what_is_not_there_is_refused_with_what_is(comparison):
    with pytest.raises(InvalidInputError, match="joint"):
        baseline_of(comparison.selection, comparison.frame, "nobody")
    with pytest.raises(InvalidInputError, match="clip_score"):
        ordered_scores(comparison.frame, None, ["beauty"])
    with pytest.raises(InvalidInputError, match="tenfold score"):
        with_arms(comparison.frame.iloc[:0], comparison.selection)


def test_all_values_survive_json(comparison):
    told = json.loads(json.dumps(scene(comparison), allow_nan=False))
    runs = {run["id"]: number for number, run in enumerate(told["runs"])}
    score = next(one for one in told["scores"] if one["name"] == "clip_score")
    rows = comparison.frame[comparison.frame["score"] == "clip_score"]
    expected = list(zip(rows["run_id"].map(runs), rows["level"], rows["value"], strict=True))
    assert list(zip(score["run"], score["level"], score["value"], strict=True)) == expected


def test_plots_take_names_as_values_only():
    told = specifications(ARMS, STORIES)
    assert set(told) == {"ranking", "difference", "spread", "stories", "levels"}

    def strings(value, path=()):
        if isinstance(value, dict):
            for name, one in value.items():
                yield from strings(one, (*path, name))
        elif isinstance(value, list):
            for one in value:
                yield from strings(one, path)
        else:
            yield path, value

    named = {path[-1] for path, value in strings(told) if value in (*ARMS[1:], *STORIES)}
    assert named == {"domain", "sort"}


def test_films_are_one_seed_of_each_story_the_same_in_all_arms(comparison):
    cards, arms = comparison.selection.cards, comparison.selection.arms
    first = filmed(cards, arms, "first")
    assert len(first) == len(ARMS) * len(STORIES)
    assert {card.seed for card in first} == {0}
    without = [card for card in cards if (card.seed, arms[card.id]) != (0, ARMS[1]) or card.story != STORIES[0]]
    assert {card.seed for card in filmed(without, arms, "first") if card.story == STORIES[1]} == {0}
    assert {card.seed for card in filmed(without, arms, "first") if arms[card.id] == ARMS[1]} == {0, 1}
    assert len(filmed(cards, arms, "all")) == len(cards) == len(ARMS) * len(STORIES) * len(SEEDS) - 1
    assert filmed(cards, arms, "none") == []


def test_films_are_of_one_camera_and_pictures_of_the_levels(media, comparison, tmp_path):
    assert media.notes == ()
    infos = []
    for run, film in media.films.items():
        (tmp_path / f"{run}.mp4").write_bytes(film)
        infos.append(probe(tmp_path / f"{run}.mp4"))
    assert {(info.codec, info.pixel_format, info.frames, info.fps) for info in infos} == {("h264", "yuv420p", 108, 24)}
    assert {(info.width, info.height) for info in infos} == {(SIDE, SIDE)}  # never larger than the levels
    card = comparison.selection.cards[0]
    for path, picture in zip(card.levels, media.pictures[card.id], strict=True):
        with Image.open(path) as level, Image.open(io.BytesIO(picture)) as small:
            assert small.size == level.size
            away = np.abs(np.asarray(small.convert("RGB"), float) - np.asarray(level.convert("RGB"), float))
            assert away.mean() < 6  # of 255: the loss of WebP


def test_pictures_shrink_until_the_page_is_as_small_as_asked(comparison):
    few = comparison.selection.cards[:4]
    arms = comparison.selection.arms
    roomy, tight = (draw_media(few, arms, films="none", max_mb=room) for room in (4, 0.001))
    size = [sum(len(one) for levels in made.pictures.values() for one in levels) for made in (roomy, tight)]
    assert size[1] <= size[0]
    assert set(roomy.films) == set()


def test_a_damaged_picture_is_left_out_and_told(comparison, tmp_path):
    card = comparison.selection.cards[0]
    (tmp_path / "stack").mkdir()
    for path in card.levels[1:]:
        (tmp_path / "stack" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "stack" / card.levels[0].name).write_bytes(b"no picture")
    made = draw_media([replace(card, folder=tmp_path)], comparison.selection.arms)
    assert made.pictures[card.id][0] is None
    assert all(made.pictures[card.id][1:])
    assert made.films == {}
    assert len(made.notes) == 2
    assert all(card.id in note for note in made.notes)
