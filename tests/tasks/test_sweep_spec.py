"""What a sweep is: its file, its stories and seeds, and the points that it expands to."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prompts
from evaluation.presets import PRESETS
from prompts.errors import StoryError
from tasks.errors import RefusedError
from tasks.expansion import expand
from tasks.specs import RunConfig
from tasks.sweep_spec import SweepSpec, find_stories, parse_seeds, parse_spec, read_spec, spec_of
from tasks.sweeps import planned
from tests.tasks.test_sweeps import SMALL, STORIES, plan, spec, story


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), ("0,7", (0, 7)), ("5,", (5,)), ("3-5", (3, 4, 5)), (" 1 , 4-5 ", (1, 4, 5)), ("2,2", (2,))],
)
def test_seeds_are_a_count_a_list_or_a_range(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ",", "0", "-1", "a", "5-3", "1.5", "1-99999999", "9" * 30])
def test_other_seeds_are_refused(text):
    with pytest.raises(RefusedError, match="seed"):
        parse_seeds(text)


def test_a_file_says_everything(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "title: Noise\nstories: [cosmic-leaf]\nseeds: 2\nbase: {film: {fps: 8}, sampling.steps: 4}\n"
        "arms:\n  plain: {method: joint}\n  apart: {method: independent}\n"
    )
    read, folder = read_spec(str(tmp_path / "s.yaml"))
    assert folder == tmp_path
    assert (read.title, read.seeds, read.stories) == ("Noise", (0, 1), ("cosmic-leaf",))
    assert read.base == {"film.fps": 8, "sampling.steps": 4}
    assert list(read.arms) == ["plain", "apart"]
    (tmp_path / "s.json").write_text(json.dumps({"arms": ["joint", "superres"]}))
    read, _ = read_spec(str(tmp_path / "s.json"))
    assert (read.title, read.arms["superres"]) == ("s", {"method": "superres"})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_sweep(name):
    read, _ = read_spec(name)
    assert read == spec_of(PRESETS[name])
    assert len(find_stories(read.stories)) == 4
    in_file = parse_spec({"preset": name, "seeds": [5]}, "file", "file")
    assert in_file == read.model_copy(update={"seeds": (5,)})


REFUSED_FILES = {
    "unknown entry": ("gird: {}", "no entry 'gird'.*grid"),
    "unknown preset": ("preset: tabel1", "no preset 'tabel1'.*table1"),
    "a list": ("[1, 2]", "mapping"),
    "twice the same": ("seeds: 1\nseeds: 2", "twice"),
    "no yaml": ("a: [", "line 1"),
    "no seeds": ("seeds: 0", "1 to 10000 seeds"),
    "true": ("seeds: true", "seeds was refused"),
    "uneven": ("zip: {seed: [1], p: [2, 3]}", "one length"),
    "empty grid": ("grid: {p: []}", "at least one value of p"),
    "arms of numbers": ("arms: [1]", "arms was refused"),
    "arm without letters": ('arms: {" ": {method: joint}}', "printable"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_a_bad_file_is_refused(tmp_path, text, words):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises((RefusedError, StoryError), match=re.compile(words, re.DOTALL)):
        read_spec(str(tmp_path / "s.yaml"))


@pytest.mark.parametrize(
    ("name", "words"), [("tabel1", "Did you mean table1"), ("/", "cannot be read"), ("a\0b", "null")]
)
def test_no_file_is_refused(name, words):
    with pytest.raises(RefusedError, match=words):
        read_spec(name)


@pytest.fixture
def shelf(tmp_path):
    """A folder with stories, another one inside, and a file that is none."""
    (tmp_path / "more").mkdir()
    for place, title in (("one.yaml", "One"), ("two.yml", "Two"), ("more/three.yaml", "Three")):
        (tmp_path / place).write_text(prompts.dump_story(story(title)))
    (tmp_path / "notes.txt").write_text("no story")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (["one.yaml", "two.yml"], ["One", "Two"]),
        (["."], ["One", "Two"]),
        (["more", "one.yaml", "more/three.yaml"], ["Three", "One"]),
        (["*.y*ml", "more/*"], ["One", "Two", "Three"]),
        (["cosmic-leaf"], [prompts.load_story("cosmic-leaf").title]),
    ],
)
def test_stories_are_names_files_folders_and_patterns_from_the_sweeps_folder(shelf, names, titles, monkeypatch):
    assert [one.title for one in find_stories(names, shelf)] == titles
    assert [one.title for one in find_stories([n if n == "cosmic-leaf" else str(shelf / n) for n in names])] == titles
    monkeypatch.chdir(shelf)
    assert [one.title for one in find_stories(names)] == titles


@pytest.mark.parametrize("name", ["none.yaml", "*.json", "notes.txt", "", "a\0", "empty"])
def test_what_is_no_story_is_refused(shelf, name):
    (shelf / "empty").mkdir()
    with pytest.raises((RefusedError, StoryError)):
        find_stories([name], shelf)


def test_two_stories_of_one_title_are_refused(shelf):
    other = story("One").model_copy(update={"about": "another"})
    (shelf / "other.yaml").write_text(prompts.dump_story(other))
    with pytest.raises(RefusedError, match="different stories of one title, 'One'"):
        find_stories(["."], shelf)


VALUES = {
    "sampling.coarse_weight": st.sampled_from([0.1, 0.25, 0.5, 1.0, 1.0000001]),
    "sampling.noise": st.sampled_from(["shared", "random"]),
    "guidance.scale": st.integers(1, 9).map(float),
    "film.fps": st.integers(1, 60),
}
GRIDS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=3).flatmap(
    lambda chosen: st.fixed_dictionaries(
        {path: st.lists(VALUES[path], min_size=1, max_size=4, unique=True) for path in chosen}
    )
)


@settings(max_examples=60, deadline=None)
@given(
    grid=GRIDS,
    arms=st.lists(st.sampled_from(["joint", "iterative", "independent"]), max_size=3, unique=True),
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
    rows=st.integers(0, 3),
)
def test_a_sweep_is_the_product_of_its_parts_in_one_order(grid, arms, seeds, rows):
    zipped = {"model.rows": list(range(1, rows + 1)), "film.quality": list(range(rows))} if rows else {}
    wanted = SweepSpec(title="x", arms={name: {"method": name} for name in arms}, grid=grid, zip=zipped, seeds=seeds)
    points = expand(wanted, STORIES)
    cells = 1
    for values in grid.values():
        cells *= len(values)
    assert len(points) == max(len(arms), 1) * cells * max(rows, 1) * len(STORIES) * len(seeds)
    assert len({(point.arm, point.story.title, point.seed) for point in points}) == len(points)
    assert points == expand(wanted, STORIES)
    assert list(dict.fromkeys(point.seed for point in points)) == seeds
    again = expand(SweepSpec.model_validate_json(wanted.model_dump_json()), STORIES)
    assert points == again
    for point in points:
        assert point.config.seed == point.seed
        assert not arms or any(point.arm.startswith(name) for name in arms)
        for path, values in grid.items():
            part, name = path.split(".")
            tree = point.config.model_dump()
            assert tree[part][name] in values


def test_arms_vary_quickest_so_that_half_a_sweep_compares_all():
    points = expand(spec(arms=["joint", "independent"], seeds=2), STORIES)
    assert [str(point) for point in points[:5]] == [
        "joint, One, seed 0",
        "independent, One, seed 0",
        "joint, Two, seed 0",
        "independent, Two, seed 0",
        "joint, One, seed 1",
    ]


def test_names_tell_what_varies():
    grid, zipped = {"sampling.noise": ["shared", "random"]}, {"sampling.eta": [0.0, 1], "film.fps": [4, 8]}
    points = expand(spec(arms={"mine": {}}, grid=grid, zip=zipped), STORIES[:1])
    assert [point.arm for point in points] == [
        "mine noise=shared eta=0 film.fps=4",
        "mine noise=shared eta=1 film.fps=8",
        "mine noise=random eta=0 film.fps=4",
        "mine noise=random eta=1 film.fps=8",
    ]
    assert [point.config.film.fps for point in points] == [4, 8, 4, 8]
    assert expand(SweepSpec(title="x"), STORIES[:1])[0].arm == "joint"


def test_base_is_under_the_command_line_and_that_under_nothing_of_the_arms():
    wanted = spec(arms={"x": {"sampling.eta": 0.5}})
    (point,) = expand(wanted, STORIES[:1], {"sampling.steps": 7, "film.fps": 9})
    assert (point.config.sampling, point.config.film.fps) == ({"steps": 7, "eta": 0.5}, 9)
    with pytest.raises(RefusedError, match=r"sampling\.eta is what arms of this sweep differ in \(x has 0\.5\)"):
        expand(wanted, STORIES, {"sampling.eta": 1})


REFUSED_SPECS = {
    "unknown setting": ({"base": {"film.fsp": 3}}, "Did you mean film.fps"),
    "unknown method": ({"arms": ["jiont"]}, "joint"),
    "unknown method setting": ({"arms": {"x": {"sampling.etta": 1}}}, "x, One, seed 0: .*eta"),
    "unknown setting of an arm": ({"arms": {"x": {"films.fps": 1}}}, "Arm 'x': .*film.fps"),
    "a bad value far on": ({"grid": {"sampling.eta": [0.0, 1.0, 9.0]}}, "eta=9, One, seed 0: .*eta"),
    "seed as setting": ({"grid": {"seed": [1, 2]}}, "name seeds"),
    "set twice": ({"arms": {"x": {"film.fps": 4}}, "grid": {"film.fps": [8]}}, "film.fps is set twice"),
    "grid and zip": ({"grid": {"film.fps": [8]}, "zip": {"film.fps": [8]}}, "film.fps is set twice"),
    "one name": ({"grid": {"sampling.eta": [1, "1"]}}, "both be called"),
    "unknown baseline": ({"arms": ["joint"], "baseline": "jiont"}, "no arm 'jiont'.*joint"),
    "too many": ({"seeds": 10_000, "grid": {"film.fps": [1, 2]}}, "20,000 runs"),
}


@pytest.mark.parametrize(("values", "words"), REFUSED_SPECS.values(), ids=REFUSED_SPECS)
def test_everything_is_refused_before_the_first_run(tmp_path, values, words):
    with pytest.raises(RefusedError, match=words):
        plan(tmp_path / "runs", **{"base": {**SMALL, **values.pop("base", {})}, **values})
    assert not (tmp_path / "runs").exists()


def test_a_sweep_without_stories_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="needs stories"):
        planned(spec(), (), tmp_path)


def test_expansion_leaves_the_default_configuration_alone():
    (point,) = expand(SweepSpec(title="x"), STORIES[:1])
    assert point.config == RunConfig()
