"""Sweeps: reading, expansion as a pure function, planning that refuses before anything is made, and making."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prompts
from evaluation.presets import PRESETS
from prompts import Story
from prompts.errors import StoryError
from tasks.errors import RefusedError
from tasks.events import RunEnded, RunStarted
from tasks.expansion import expand
from tasks.run import CONFIG
from tasks.selection import select
from tasks.specs import RunConfig
from tasks.sweep_file import SWEEP, read_sweep, write_sweep
from tasks.sweep_report import CSV, MARKDOWN, PAGE, conclude, findings, publish_to
from tasks.sweep_spec import SweepSpec, find_stories, parse_seeds, parse_spec, read_spec, spec_of
from tasks.sweeps import Execution, planned, run_sweep
from tests.doubles.painter import Studio

SMALL = {"sampling.steps": 2, "film.fps": 2, "film.seconds_per_level": 1, "film.size_px": 64}
SMALL |= {"scores.scorer": "none", "scores.video": False, "enlarge.model": "none"}


def story(title: str = "Test story") -> Story:
    return Story.model_validate({"title": title, "p": 2, "levels": [f"{title} a", "b"]})


STORIES = (story("One"), story("Two"))


def spec(**values) -> SweepSpec:
    return parse_spec({"title": "Test", "base": SMALL, **values}, "test", "test")


def plan(root: Path, *stories: Story, studio: Studio | None = None, **values):
    return planned(spec(**values), stories or STORIES, root, tools=(studio or Studio()).tools())


# --- reading


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


# --- expansion

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


# --- planning


def test_planning_writes_nothing_and_the_id_follows_the_content(tmp_path):
    first = plan(tmp_path / "runs", grid={"sampling.eta": [0, 1]})
    assert not (tmp_path / "runs").exists()
    assert plan(tmp_path / "elsewhere", grid={"sampling.eta": [0, 1]}).id == first.id
    assert plan(tmp_path / "runs", grid={"sampling.eta": [0, 0.5]}).id != first.id
    assert first.folder.parent == tmp_path / "runs" / "_sweeps"
    assert len({one.run.id for one in first.points}) == len(first.points) == 4


def test_points_that_are_the_same_work_are_merged(tmp_path):
    """Joint sampling's own eta is 1: two names for one arm."""
    merged = plan(tmp_path, arms={"plain": {}, "eta": {"sampling.eta": 1.0}, "cold": {"sampling.eta": 0.0}})
    assert merged.arms == ("plain", "cold")
    assert len(merged.points) == 4
    assert merged.notes == ("eta asks for the same runs as plain, which are made once.",)
    assert len(plan(tmp_path, story("One"), story("One")).points) == 1
    assert len(plan(tmp_path, story("One"), grid={"film.fps": [4, 4]}).points) == 1


@pytest.mark.parametrize("name", PRESETS)
def test_every_arm_of_a_preset_can_be_made_with_the_bundled_model(tmp_path, name):
    sweep = planned(spec_of(PRESETS[name]), find_stories(["cosmic-leaf"]), tmp_path)
    assert sweep.arms == tuple(arm.name for arm in PRESETS[name].arms)
    assert (sweep.preset, sweep.baseline) == (PRESETS[name], PRESETS[name].baseline)
    assert sweep.folder.name == f"{name}-{sweep.id}"
    assert len(sweep.points) == 3 * len(sweep.arms)


def test_a_preset_with_other_arms_is_none(tmp_path):
    values = parse_spec({"preset": "table1", "arms": ["joint", "independent"], "base": SMALL}, "x", "x")
    sweep = planned(values, STORIES, tmp_path, tools=Studio().tools())
    assert (sweep.preset, sweep.baseline) == (None, "joint")


# --- making


def test_a_sweep_makes_its_runs_and_finds_them_again(tmp_path):
    studio, events = Studio(), []
    sweep = plan(tmp_path, studio=studio, grid={"sampling.eta": [0, 1]})
    facts = run_sweep(sweep, tools=studio.tools(), on_event=events.append)
    assert facts == {"sweep": sweep.id, "folder": str(sweep.folder), "runs": 4, "failed": {}}
    told = [event for event in events if isinstance(event, RunStarted)]
    assert [(one.number, one.total) for one in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    found = read_sweep(sweep.folder)
    assert (found.name, found.title, found.id, found.preset) == ("test", "Test", sweep.id, None)
    assert found.arms == ("eta=0", "eta=1")
    for point, one in zip(found.points, sweep.points, strict=True):
        assert (tmp_path / str(point.folder) / CONFIG).is_file()
        assert (point.arm, point.story, point.seed, point.run_id) == (
            one.point.arm,
            one.point.story.title,
            0,
            one.run.id,
        )
    samplings = studio.loaded.count("denoiser")
    run_sweep(plan(tmp_path, studio=studio, grid={"sampling.eta": [0, 1]}), tools=studio.tools())
    assert studio.loaded.count("denoiser") == samplings == 4
    assert write_sweep(found, tmp_path / "copy").read_text() == (sweep.folder / SWEEP).read_text()


def failing(studio: Studio, at: int):
    """Tools whose denoiser cannot be loaded the `at`-th time."""
    tools = studio.tools()

    def load(name, **options):
        if len(studio.loaded) == at - 1:
            studio.loaded.append("failed")
            raise RuntimeError("no  room\nfor it.")
        return studio.load_denoiser(name, **options)

    return type(tools)(describe=tools.describe, load_denoiser=load, load_upscaler=tools.load_upscaler)


def test_a_run_that_fails_does_not_stop_the_others_and_is_told(tmp_path):
    studio, events = Studio(), []
    sweep = plan(tmp_path, studio=studio, arms=["joint", "independent"])
    facts = run_sweep(sweep, tools=failing(studio, 2), on_event=events.append)
    reason = "RuntimeError: no room for it"
    assert facts["failed"] == {"independent, One, seed 0": reason}
    ended = [event for event in events if isinstance(event, RunEnded)]
    assert [event.error for event in ended] == [None, reason, None, None]
    points = read_sweep(sweep.folder).points
    assert [(point.folder is None, point.error) for point in points[:2]] == [(False, None), (True, reason)]
    assert select([str(sweep.folder)], tmp_path).missing == (f"independent, One, seed 0: {reason}.",)
    again = run_sweep(plan(tmp_path, studio=studio, arms=["joint", "independent"]), tools=studio.tools())
    assert again["failed"] == {}
    assert all(point.folder for point in read_sweep(sweep.folder).points)


def test_the_file_is_there_from_the_beginning_and_tells_what_is_done(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path, studio=studio, seeds=3)
    execution = Execution(sweep)
    rounds = iter(execution)
    next(rounds)
    assert [point.folder for point in read_sweep(sweep.folder).points] == [None] * 6
    with pytest.raises(KeyboardInterrupt), execution.attempt(sweep.points[0]):
        raise KeyboardInterrupt
    assert execution.errors == {}

    def stop(event):
        if isinstance(event, RunStarted) and event.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, tools=studio.tools(), on_event=stop)
    assert [point.folder is not None for point in read_sweep(sweep.folder).points] == [True] * 2 + [False] * 4
    run_sweep(plan(tmp_path, studio=studio, seeds=3), tools=studio.tools())
    assert studio.loaded.count("denoiser") == 6  # the two before the stop were found


# --- findings


def test_a_sweep_ends_in_a_ranking_a_table_and_a_page(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path / "runs", studio=studio, arms=["joint", "independent"])
    assert findings(sweep) is None
    assert conclude(sweep) is None
    run_sweep(sweep, tools=studio.tools())
    scored = [write_scores(one) for one in sweep.points]
    assert len(scored) == 4
    found = conclude(sweep, "tenfold sweep x.yaml")
    assert list(found.rankings["score"].unique()) == ["seam"]
    assert list(found.rankings["arm"]) == ["independent", "joint"]
    text = (sweep.folder / MARKDOWN).read_text()
    assert text == found.markdown
    assert "tenfold sweep x.yaml" in text
    assert "4 of 4 runs: 2 arms, 2 stories, seeds 0; drawn by bundled (r1)" in text
    assert (sweep.folder / CSV).read_text().startswith("score,scorer,scorer_revision,rank,arm,mean")
    assert "<html" in (sweep.folder / PAGE).read_text()
    copies = publish_to(sweep, tmp_path / "docs" / "x")
    assert {copy.name for copy in copies} == {MARKDOWN, CSV, PAGE, SWEEP}
    assert (tmp_path / "docs" / "x" / CSV).read_bytes() == (sweep.folder / CSV).read_bytes()


def test_a_damaged_table_of_scores_is_told_and_left_out(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path, studio=studio, arms=["joint", "independent"])
    run_sweep(sweep, tools=studio.tools())
    paths = [write_scores(one) for one in sweep.points]
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    found = findings(sweep)
    assert any(paths[0].name in one and sweep.points[0].run.id in one for one in found.missing)
    joint = found.rankings[found.rankings["arm"] == "joint"]
    assert (joint["runs"].iloc[0], joint["stories"].iloc[0]) == (1, 1)


def write_scores(one) -> Path:
    """A score of a run, as its stage writes it: 1.5 for joint and 1.1 for others."""
    from evaluation import table

    run = one.run
    value = 1.5 if run.config.method == "joint" else 1.1
    origin = table.Run(run.id, run.story.title, run.config.method, one.point.arm, run.config.seed, "m", "r", "tenfold")
    return table.write_scores(table.rows([table.Score("seam", value, level=0)], origin), run.folder / "scores.parquet")


def test_expansion_leaves_the_default_configuration_alone():
    (point,) = expand(SweepSpec(title="x"), STORIES[:1])
    assert point.config == RunConfig()
