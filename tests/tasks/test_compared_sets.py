"""Scores of sets in a comparison: those of its arms and no others, with what is to be known of them."""

import json

import pytest

from tasks.compare import compare
from tasks.compared_sets import sets_among
from tasks.selection import select
from tasks.set_folder import SET, SETS
from tasks.sets import SetSpec, score_sets
from tests.comparisons import ARMS, make_sweep, picture_stack
from zoomlib.images import save_png


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_sweep(folder)
    reference = tmp_path_factory.mktemp("far") / "<b>pictures"
    reference.mkdir()
    for number in range(6):
        save_png(picture_stack(100 + number).levels[0], reference / f"{number}.png")
    score_sets(select(["trial"], folder), SetSpec(reference, resamples=20), folder)
    return folder


def test_every_arm_has_its_sets_with_intervals_and_no_path_of_this_machine(root):
    rows, damaged = sets_among(select(["trial"], root))
    assert damaged == []
    assert {row["arm"] for row in rows} == set(ARMS)
    assert {row["score"] for row in rows} == {"frechet_distance", "kernel_distance"}
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"]
        assert (row["runs"], row["stories"], row["levels"], row["pictures"]) == (6, 3, "0 to 4", 30)
        assert row["reference"] == "<b>pictures (6 pictures)"
        assert row["extractor"].startswith("bundled (")
    assert str(root.parent) not in json.dumps(rows)
    frechet = [row["value"] for row in rows if row["score"] == "frechet_distance"]
    assert frechet == sorted(frechet)


def test_a_set_with_pictures_of_other_runs_is_left_out(root):
    whole = select(["trial"], root)
    some = select([card.id for card in whole.cards if whole.arms[card.id] == ARMS[0]][:2], root)
    assert sets_among(some) == ([], [])


def test_the_page_shows_them_and_a_damaged_one_is_told(root):
    comparison = compare(select(["trial"], root))
    assert len(comparison.sets) == 2 * len(ARMS)
    text = comparison.page(films="none", max_mb=2)
    assert "\\u003cb>pictures (6 pictures)" in text
    broken = root / SETS / "broken" / SET
    broken.parent.mkdir()
    broken.write_text("{")
    try:
        again = compare(select(["trial"], root))
    finally:
        broken.unlink()
        broken.parent.rmdir()
    assert len(again.sets) == len(comparison.sets)
    assert any("broken" in note for note in again.notes)
