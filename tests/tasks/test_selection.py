"""Which runs are meant by a name, and what they are called where they are compared."""

import json
import shutil
from dataclasses import replace

import pytest

from tasks.arms import arms_of, differing
from tasks.compare import compare, default_place, frame_of, write_comparison, write_csv
from tasks.errors import RefusedError
from tasks.selection import select
from tests.comparisons import ARMS, LEVELS, SEEDS, STORIES, make_run, make_sweep

POINTS = len(ARMS) * len(STORIES) * len(SEEDS)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_sweep(folder, without=[(0, 0, 0)])
    return folder


@pytest.fixture
def plain(tmp_path):
    """Makes runs without pictures: (arm, story, seed, settings) each; returns the folder of all."""

    def make(*runs):
        for number, (arm, story, seed, settings) in enumerate(runs):
            make_run(tmp_path / f"story-{story}" / f"{number:02d}aaaaaaaaaa", arm, story, seed, settings=settings)
        return tmp_path

    return make


def ids(selection):
    return [card.id for card in selection.cards]


@pytest.mark.parametrize("name", ["trial", "0a1b2c3d", "0a1b", "trial-0a1b2c3d"])
def test_a_sweep_by_name_id_or_folder(root, name):
    found = select([name], root)
    assert len(found.cards) == POINTS - 1
    assert found.arm_names == ARMS
    assert found.title == "A trial <script>alert(6)</script>"
    assert ids(found) == ids(select([str(root / "_sweeps" / "trial-0a1b2c3d")], root / "elsewhere"))
    (lost,) = found.missing
    assert "the model broke" in lost
    assert f"{ARMS[0]}, {STORIES[0]}, seed 0" in lost


def test_runs_by_id_beginning_and_folder_keep_their_order_and_count_once(root):
    all_ids = ids(select([str(root)], root))
    one, two, three = all_ids[5], all_ids[0], all_ids[9]
    folder = next(root.glob(f"*/{three}"))
    assert ids(select([one, two, str(folder), one], root)) == [one, two, three]
    assert ids(select([one, two[:4]], root)) == [one, two]


def test_a_story_and_any_folder_of_runs(root, tmp_path):
    story = select(["story-1"], root)
    assert {card.story for card in story.cards} == {STORIES[1]}
    shutil.copytree(root / "story-1", tmp_path / "copied")
    assert ids(select([str(tmp_path / "copied")], root)) == ids(story)
    assert len(select([str(root)], tmp_path).cards) == POINTS - 1


@pytest.mark.parametrize("names", [["nothing"], [""], ["000"], []])
def test_a_name_that_leads_nowhere_is_refused_with_a_remedy(root, names):
    with pytest.raises(RefusedError, match="Name"):
        select(names, root)


def test_a_single_run_is_refused_unless_one_is_enough(root):
    one = ids(select([str(root)], root))[0]
    with pytest.raises(RefusedError, match="at least 2 runs"):
        select([one], root)
    assert ids(select([one], root, fewest=1)) == [one]


def test_several_that_fit_are_told(root, tmp_path):
    shutil.copytree(root / "_sweeps", tmp_path / "_sweeps")
    shutil.copytree(tmp_path / "_sweeps" / "trial-0a1b2c3d", tmp_path / "_sweeps" / "trial-11111111")
    with pytest.raises(RefusedError, match="Several fit"):
        select(["trial"], tmp_path)


def test_damaged_runs_in_a_folder_are_told_not_fatal(root, tmp_path):
    shutil.copytree(root, tmp_path / "runs")
    broken = next((tmp_path / "runs" / "story-0").iterdir())
    (broken / "config.json").write_text("{", encoding="utf-8")
    found = select([str(tmp_path / "runs")], tmp_path)
    assert len(found.cards) == POINTS - 2
    assert any(broken.name in lost for lost in found.missing)


@pytest.mark.parametrize("folder", ["../../etc", "/etc"])
def test_a_sweep_that_points_outside_is_refused(root, tmp_path, folder):
    path = tmp_path / "_sweeps" / "bad"
    path.mkdir(parents=True)
    facts = json.loads((root / "_sweeps" / "trial-0a1b2c3d" / "sweep.json").read_text(encoding="utf-8"))
    facts["points"][1]["folder"] = folder
    (path / "sweep.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(RefusedError, match="outside"):
        select([str(path)], tmp_path)


def test_arms_are_the_variants_without_what_all_share(plain):
    root = plain((0, 0, 0, {}), (1, 0, 0, {}))
    cards = list(select([str(root)], root).cards)
    assert set(arms_of(cards, {}).values()) == {"joint eta=0", "joint eta=1"}
    shared = [replace(card, variant=f"{card.variant} steps=30") for card in cards]
    assert set(arms_of(shared, {}).values()) == {"joint eta=0", "joint eta=1"}
    assert arms_of(cards, {cards[0].id: "mine"})[cards[0].id] == "mine"


def test_seeds_are_arms_where_only_they_differ(plain):
    root = plain((0, 0, 0, {}), (0, 0, 1, {}))
    assert select([str(root)], root).arm_names == ("joint eta=0 seed=0", "joint eta=0 seed=1")


def test_runs_of_several_stories_and_seeds_are_one_arm(plain):
    root = plain((0, 0, 0, {}), (0, 0, 1, {}), (0, 1, 0, {}))
    assert select([str(root)], root).arm_names == ("joint eta=0",)


def test_doubles_are_told_apart_by_what_differs(plain):
    root = plain((0, 0, 0, {}), (0, 0, 0, {}))
    cards = select([str(root)], root).cards
    assert set(arms_of(cards, {}).values()) == {f"joint eta=0 {card.id}" for card in cards}
    facts = json.loads((cards[1].folder / "config.json").read_text(encoding="utf-8"))
    facts["config"]["p"] = 3
    (cards[1].folder / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    found = select([str(root)], root)
    assert found.arm_names == ("joint eta=0 p=", "joint eta=0 p=3")
    assert differing(found.cards) == {"p": ("", "3")}


def test_the_frame_has_all_scores_and_names_damaged_files(root, tmp_path):
    shutil.copytree(root / "story-0", tmp_path / "story-0")
    found = select([str(tmp_path)], tmp_path)
    frame, damaged = frame_of(found.cards)
    assert damaged == ()
    assert len(frame) == len(found.cards) * (3 * LEVELS)
    table = found.cards[0].folder / "scores.parquet"
    table.write_bytes(table.read_bytes()[:100])
    frame, (said,) = frame_of(found.cards)
    assert str(table) in said
    assert found.cards[0].id not in set(frame["run_id"])


def test_where_a_comparison_is_written(root, tmp_path):
    found = select(["trial"], root)
    place = default_place(tmp_path, found)
    assert place.parent == tmp_path / "_comparisons"
    assert place.name.startswith("a-trial-script-alert-6-script")
    assert default_place(tmp_path, select([str(root)], root)) != place
    assert write_comparison("page", place).read_text(encoding="utf-8") == "page"
    for bad in (tmp_path, tmp_path / "no" / "page.html"):
        with pytest.raises(RefusedError):
            write_comparison("page", bad)
    with pytest.raises(RefusedError):
        write_csv(compare(found).frame, tmp_path / "no" / "rows.csv")


@pytest.mark.parametrize("asked", [{"baseline": "nobody"}, {"scores": ["beauty"]}])
def test_unknown_arms_and_scores_are_refused(root, asked):
    with pytest.raises(RefusedError):
        compare(select(["trial"], root), **asked)
