"""Presets are data: they name what is there, and say of the published values whose they are."""

import pytest

from evaluation.catalogue import CATALOGUE
from evaluation.presets import OTHER_MODELS, PRESETS
from evaluation.ranking_text import Words, escaped, ranking_markdown
from evaluation.statistics import rankings
from tests.evaluation.test_statistics import frame

ALL = pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))


@ALL
def test_a_preset_names_scores_and_arms_that_there_are(preset):
    names = [arm.name for arm in preset.arms]
    assert len(set(names)) == len(names)
    assert preset.baseline in names
    assert set(preset.scores) <= CATALOGUE.keys()
    assert {anchor.arm for anchor in preset.anchors} <= set(names)
    assert {anchor.score for anchor in preset.anchors} <= CATALOGUE.keys() | {"preference"}


def test_table1_has_the_papers_values():
    table = {(anchor.arm, anchor.score): anchor.value for anchor in PRESETS["table1"].anchors}
    assert table == {
        ("superres", "clip_score"): 29.18,
        ("superres", "aesthetic"): 4.89,
        ("outpaint-direct", "clip_score"): 30.08,
        ("outpaint-direct", "aesthetic"): 5.51,
        ("joint", "clip_score"): 31.39,
        ("joint", "aesthetic"): 5.65,
        ("joint", "preference"): 92.0,
    }
    assert PRESETS["table1"].scores[:2] == ("clip_score", "aesthetic")


def test_the_ablation_changes_one_thing_at_a_time():
    arms = {arm.name: arm for arm in PRESETS["ablation"].arms}
    paper = arms["joint, as in the paper"].values
    assert paper == {"method": "joint", "sampling.coarse_weight": 1.0, "sampling.feather": 0.0}
    for name, change in (("without shared noise", "sampling.noise"), ("naive blending", "sampling.blending")):
        own = arms[name].values
        assert own.items() - paper.items() == {(change, own[change])}


@pytest.fixture
def page():
    values = {(arm, story, 0): value for arm, value in (("joint", 31), ("superres", 29)) for story in "abcdef"}
    rows = frame(values, scorer="bundled", scorer_revision="r1")
    preset = PRESETS["table1"]
    words = Words(
        preset.title, preset.asks, preset.reading, "tenfold sweep table1", missing=["x"], anchors=preset.anchors
    )
    return ranking_markdown(rankings(rows), preset.scores, words, "joint")


def test_published_values_stand_beside_the_warning(page):
    section = page[page.index("## Text") : page.index("Not measured")]
    assert "joint 31.39, outpaint-direct 30.08, superres 29.18" in section
    assert OTHER_MODELS in section
    assert "joint 92 (preference, %)" in page


def test_the_page_says_what_is_missing_and_how_sure_it_is(page):
    assert "Not measured here: aesthetic," in page.replace("\\", "")
    assert "## Not there\n\n- x" in page
    assert "only 6 stories" in page
    assert "With 6 stories no p can be below 0.031." in page
    assert "| 2 | superres | 29.0 | 29.0 to 29.0 | −2.00 | −2.00 to −2.00 |  | 0 % | 0.031 | 0.031 | 6 |" in page
    assert "Judged by bundled (r1)." in page


def test_names_are_shown_as_text():
    rows = frame({("a|b <script>alert(1)</script>", "s", 0): 1.0, ("[x](y)\n# z", "s", 0): 2.0})
    text = ranking_markdown(rankings(rows), ["clip_score"], Words("<b>", facts=["*x*"]), "x")
    assert "<" not in text
    (line,) = [line for line in text.splitlines() if "alert" in line]
    assert "a\\|b &lt;script>" in line
    assert "\\[x\\](y) \\# z" in text
    assert escaped("a_b\\") == "a\\_b\\\\"
    assert escaped("R&D <b>\n&lt;") == "R&amp;D &lt;b> &amp;lt;"
