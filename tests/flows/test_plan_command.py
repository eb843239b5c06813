"""`tenfold plan`, `tenfold ladder` and `tenfold zoom` of words: what they print, write, refuse, and never ask twice."""

import json
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import prompts
from flows.cli import app
from flows.wishes import story_or_wish
from prompts import PlanRequest, StoryError
from prompts.schedule import check_schedule
from tasks.errors import RefusedError
from tasks.named import is_wish
from tests.doubles.bad_replies import prompt, some
from tests.doubles.openai_server import Reply, serving
from tests.doubles.planners import KEY, SHORT, STORY, right_model, short_model
from tests.doubles.schedule_model import Model

NOBODY = "http://127.0.0.1:9/v1"
CITY = ["--from-width", f"{STORY.levels[0].width_m} m", "--to-width", f"{STORY.levels[-1].width_m} m"]
CITY += ["--levels", str(len(STORY.levels)), "--p", str(STORY.p)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, and an environment without the user's settings."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS", "TENFOLD_PLAN_MODEL", "TENFOLD_VISION_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what an editor leaves
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def tenfold(*arguments: object, text: str = ""):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


def done(*arguments: object, text: str = ""):
    result = tenfold(*arguments, text=text)
    assert result.exit_code == 0, result.output
    return result


def editor(folder: Path, monkeypatch, *commands: str) -> None:
    """An editor that does this with the file, as $1."""
    script = folder.parent / "editor.sh"
    script.write_text("#!/bin/sh\n" + "\n".join(commands) + "\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(script))


def test_a_plan_offline_is_yaml_on_standard_output_and_a_table_beside_it(here):
    result = done("plan", "from a galaxy to a leaf cell", "--levels", "12", "--p", "2")
    story = prompts.parse_story(result.stdout)
    assert (len(story.levels), story.p) == (12, 2)
    assert check_schedule(story) == ()
    assert story.levels[3].prompt.split(",")[0] in " ".join(result.stderr.split())
    assert "True to scale" in result.stderr
    assert "offline, seed 0" in result.stderr
    assert list(here.iterdir()) == []
    assert done("plan", "from a galaxy to a leaf cell", "--levels", "12", "--p", "2").stdout == result.stdout
    other = done("plan", "from a galaxy to a leaf cell", "--levels", "12", "--p", "2", "--seed", "3", "--quiet")
    assert (other.stdout != result.stdout, other.stderr) == (True, "")


def test_widths_style_title_and_a_file(here):
    options = [
        "--from-width",
        "10km",
        "--to-width",
        "1 mm",
        "--style",
        "ink drawing",
        "--title",
        "Down",
        "--negative",
        "x",
    ]
    result = done("plan", *options, "--to", "down.yaml")
    assert result.stdout.strip() == "down.yaml"
    story = prompts.load_story("down.yaml")
    assert (story.title, story.style, story.negative) == ("Down", "ink drawing", "x")
    assert story.levels[0].width_m == pytest.approx(1e4, rel=0.01)
    assert story.levels[-1].width_m == pytest.approx(1e-3, rel=1)
    assert "10 km" in result.stderr
    as_json = json.loads(done("plan", *options, "--json").stdout)
    assert prompts.Story.model_validate(as_json["story"]) == story
    assert as_json["plan"]["planner"] == "offline"


REFUSED = {
    "nothing": ([], "What shall the story show"),
    "no words": (["  "], "What shall the story show"),
    "unknown": (["from a xyzzy to a plugh"], "xyzzy"),
    "one width": (["a leaf", "--from-width", "1m"], "both widths"),
    "no length": (["a leaf", "--from-width", "1 parsnip", "--to-width", "1 mm"], "no length"),
    "levels": (["a leaf", "--levels", "0"], "levels"),
    "p": (["a leaf", "--p", "1"], "p"),
    "a story": (["cosmic-leaf"], "is a story already"),
    "no model": (["a leaf", "--planner", "model"], "No language model is named"),
    "no key": (["a leaf", "--planner", "model", "--llm", "writer"], "OPENAI_API_KEY"),
    "no folder": (["a leaf", "--to", "no/such/file.yaml"], "folder that does not exist"),
    "unknown setting": (["a leaf", "--set", "plan.round=2"], "plan.rounds"),
    "a password": (["a leaf", "--set", "plan.base_url=http://me:word@host/v1"], "without name and password"),
    "no photo": (["a leaf", "--photo", "no.png"], "no.png is not a file"),
    "no photo for a model": (
        ["a leaf", "--photo", "no.png", "--llm", "m", "--set", f"plan.base_url={NOBODY}"],
        "no.png",
    ),
    "unseen photo": (["--photo", "no.png"], "name a vision model"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_wish_is_refused_in_a_paragraph_and_nothing_is_written(here, arguments, words):
    result = tenfold("plan", *arguments)
    assert result.exit_code == 2, result.output
    assert re.search(words, result.stderr)
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert list(here.iterdir()) == []


def test_a_language_model_plans_once_and_a_dry_run_asks_nothing(here, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(right_model()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("TENFOLD_PLAN_MODEL", "writer")
        words = ["plan", STORY.title, *CITY, "--no-engine"]
        dry = done(*words, "--dry-run", "--set", "plan.max_cost=null")
        assert server.asked == []
        assert "500,000 tokens" in dry.stdout
        (most,) = re.findall(r"at most ([\d,]+) tokens \(price unknown\)", dry.stdout)
        less = tenfold(*words, "--set", f"plan.max_tokens={int(most.replace(',', '')) - 1}")
        assert (less.exit_code, server.asked) == (1, [])  # the estimate is the most, and no more than that
        assert "under a higher ceiling" in less.stderr
        first = done(*words, "--set", f"plan.max_tokens={most.replace(',', '')}")
        second = done(*words)
        offline = done(*words, "--planner", "offline")
        assert len(server.asked) == 1
        assert "Cost: nothing" in done(*words, "--dry-run").stdout
    assert first.stdout == second.stdout != offline.stdout
    assert "1 request; " in first.stderr
    assert "nothing now" in second.stderr
    assert "runs/_plans/" in first.stderr
    assert KEY not in first.output + second.output + dry.output


@pytest.mark.parametrize(("command", "asked"), [("plan", "To be asked of writer"), ("zoom", "captioned by eyes")])
def test_a_dry_run_of_a_photograph_asks_nobody_and_names_who_would_be_asked(here, command, asked):
    Image.new("RGB", (40, 30), "green").save("photo.png")
    with serving([Reply("no")]) as server:
        settings = ["vision.model=eyes", f"vision.base_url={server.url}", f"plan.base_url={server.url}"]
        options = [part for setting in settings for part in ("--set", setting)]
        dry = done(command, "--photo", "photo.png", "--llm", "writer", *options, "--dry-run")
        assert server.asked == []
    assert asked in dry.stdout
    assert ("To be asked of writer" in dry.stdout) == (command == "plan")  # the bundled model's words need no writer
    assert [path.name for path in here.iterdir()] == ["photo.png"]


def test_a_model_that_does_not_repair_leaves_a_draft_that_a_person_can_mend(here, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(Model(STORY, some((2,), prompt("a watermark over {}")), skill=0)) as server:
        words = ["plan", STORY.title, *CITY, "--no-engine", "--llm", "writer", "--set", "plan.rounds=1"]
        result = tenfold(*words, "--set", f"plan.base_url={server.url}")
    assert (result.exit_code, result.stdout) == (1, "")
    (draft,) = here.glob("runs/_plans/*/best-draft.yaml")
    assert str(draft.relative_to(here)) in result.stderr
    assert "1 request; " in result.stderr, "what failed was paid for, too"
    assert json.loads((draft.parent / "plan.json").read_text())["spent"]["requests"] == 1
    checked = tenfold("plan", draft, "--check")
    assert checked.exit_code == 2
    assert re.search(r"2 +banned", checked.stdout)
    editor(here, monkeypatch, "sed -i 's/a watermark over //' \"$1\"")
    edited = done("plan", draft, "--edit", "--to", "mended.yaml")
    assert edited.stdout.strip() == "mended.yaml"
    assert "Sound" in done("plan", "mended.yaml", "--check").stdout


def test_check_tells_every_fault_with_its_level(here):
    faulty = {"title": "x", "p": 2, "levels": ["a wide forest from above", "a watermark on a car"], "colour": "red"}
    Path("faulty.json").write_text(json.dumps(faulty))
    table = tenfold("plan", "faulty.json", "--check")
    assert table.exit_code == 2
    assert "colour" in table.stdout
    assert re.search(r"1 +banned", table.stdout)
    rows = json.loads(tenfold("plan", "-", "--check", "--json", text=json.dumps(faulty)).stdout)
    assert {"format", "banned"} <= {row["kind"] for row in rows}
    assert done("plan", "cosmic-leaf", "--check").stdout.startswith("Cosmic")
    assert tenfold("plan", "no-such.yaml", "--check").exit_code == 2


def test_edit_opens_a_new_plan_or_a_file_and_checks_what_was_saved(here, monkeypatch):
    editor(here, monkeypatch, "sed -i 's/^title:.*/title: By hand/' \"$1\"")
    story = prompts.parse_story(done("plan", "from a tree to a leaf", "--edit").stdout)
    assert story.title == "By hand"
    Path("mine.yaml").write_text(prompts.dump_story(story.model_copy(update={"title": "Mine"})))
    done("plan", "mine.yaml", "--edit")
    assert prompts.load_story("mine.yaml") == story
    editor(here, monkeypatch, "echo 'levels: [' > \"$1\"")
    broken = tenfold("plan", "mine.yaml", "--edit")
    assert broken.exit_code == 2
    kept = re.search(r"kept in (\S+\.yaml)", " ".join(broken.stderr.split()))
    assert kept
    assert Path(kept[1]).is_file()
    assert prompts.load_story("mine.yaml") == story  # as it was
    editor(here, monkeypatch, 'rm "$1"')
    assert "left no file behind" in tenfold("plan", "mine.yaml", "--edit").stderr
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "could not be started" in tenfold("plan", "mine.yaml", "--edit").stderr


def test_a_link_stays_a_link_when_what_it_leads_to_is_edited(here, monkeypatch):
    editor(here, monkeypatch, "sed -i 's/^title:.*/title: By hand/' \"$1\"")
    Path("real.yaml").write_text(prompts.dump_story(STORY))
    Path("link.yaml").symlink_to("real.yaml")
    assert done("plan", "link.yaml", "--edit").stdout.strip() == "link.yaml"
    assert Path("link.yaml").is_symlink()
    assert prompts.load_story("real.yaml").title == "By hand"


def test_ctrl_c_in_the_editor_is_the_editors_own(here, monkeypatch):
    editor(here, monkeypatch, "trap 'sed -i s/Leaf/Stopped/ \"$1\"; exit 0' INT", "kill -INT $PPID $$", "sleep 5")
    story = prompts.parse_story(done("plan", "from a tree to a leaf", "--title", "Leaf", "--edit").stdout)
    assert story.title == "Stopped"


@pytest.mark.parametrize(
    "arguments",
    [
        ["mine.yaml", "--edit", "--dry-run"],
        ["mine.yaml", "--edit", "--json"],
        ["mine.yaml", "--edit", "--levels", "3"],
        ["mine.yaml", "--check", "--edit"],
        ["mine.yaml", "--check", "--to", "other.yaml"],
        ["mine.yaml", "--check", "--seed", "0"],
        ["from a tree to a leaf", "--check"],
        ["from a tree to a leaf", "--to", "/dev/null"],
    ],
)
def test_what_has_nothing_to_do_is_refused_and_nothing_is_changed(here, monkeypatch, arguments):
    editor(here, monkeypatch, 'echo changed > "$1"')
    before = prompts.dump_story(STORY)
    Path("mine.yaml").write_text(before)
    result = tenfold("plan", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Refused: ")
    assert Path("mine.yaml").read_text() == before
    assert [path.name for path in here.iterdir()] == ["mine.yaml"]


def test_the_ladder_is_listed_and_a_thing_told(here):
    listed = done("ladder").stdout
    sizes = [line.split()[0] for line in listed.splitlines() if "observable universe" in line or " quark" in line]
    assert len(sizes) >= 2
    leaf = done("ladder", "leaf").stdout
    assert "leaf cell" in leaf
    assert "tree" in leaf
    assert "Did you mean" in tenfold("ladder", "lef").stderr


@pytest.mark.parametrize(
    ("said", "wished"),
    [
        ("from a galaxy to a leaf", True),
        ("galaxy->leaf", True),
        ("honeybee", True),
        ("cosmic-leaf", False),
        ("cosmic-lef", False),
        ("-", False),
        ("no such file.yaml", False),
        ("x\0y", False),
        ("n" * 5000, False),
    ],
)
def test_what_is_a_wish(here, said, wished):
    assert is_wish(said) == wished


@given(st.text(max_size=60).filter(lambda said: said != "-"))
def test_whatever_is_said_is_a_story_a_wish_or_refused(said):
    with suppress(StoryError, RefusedError):
        assert story_or_wish(said, levels=3) == PlanRequest(text=said, levels=3)


def test_a_file_with_a_space_in_its_name_is_a_file(here):
    Path("a leaf").write_text(prompts.dump_story(STORY))
    assert not is_wish("a leaf")


def test_zoom_of_words_draws_with_the_bundled_words_and_tells_its_plan(here, model_folder):
    small = ["--steps", "2", "--fps", "4", "--size", "64", "--set", "scores.scorer=none", "--no-engine"]
    dry = done("zoom", "from a planet to a leaf", *small, "--dry-run")
    assert list(here.iterdir()) == []
    result = done("zoom", "from a planet to a leaf", "--levels", "4", *small, "--seed", "5")
    (file,) = here.glob("runs/*/*/config.json")
    told = json.loads(file.read_text())
    assert told["plan"]["request"]["text"] == "from a planet to a leaf"
    assert (told["plan"]["request"]["seed"], told["seed"]) == (5, 5)
    assert told["plan"]["request"]["vocabulary"] == "bundled"
    assert len(told["prompts"]) == 4
    assert "planet" in dry.stderr + result.stderr
    assert not (here / "runs" / "_plans").exists()
    done("zoom", file.parent / "story.yaml", *small, "--seed", "5")
    assert json.loads(file.read_text())["plan"] == told["plan"]  # the same run, which is still of that wish
    refused = tenfold("zoom", "cosmic-leaf", "--levels", "4", *small)
    assert (refused.exit_code, "nothing for --levels to do" in refused.stderr) == (2, True)
    assert "cosmic-leaf" in tenfold("zoom", "cosmic-lef").stderr


def test_zoom_of_words_for_a_real_model_asks_the_language_model(here, model_folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    small = ["--steps", "1", "--fps", "4", "--size", "64", "--set", "scores.scorer=none", "--no-engine"]
    with serving(short_model()) as server:
        words = ["zoom", "from 8 m to 4 m", "--model", model_folder, *small, "--llm", "writer", "--p", "2"]
        words += ["--set", f"plan.base_url={server.url}"]
        toaster = tenfold(*words, "--device", "toaster")
        assert (toaster.exit_code, server.asked) == (2, [])  # refused before anybody is paid
        dry = done(*words, "--dry-run")
        assert server.asked == []
        assert "Nothing was asked or written" in dry.stdout
        assert list(here.iterdir()) == []
        result = done(*words)
        done(*words)
        assert len(server.asked) == 1
    (file,) = here.glob("runs/[!_]*/*/config.json")
    told = json.loads(file.read_text())
    assert told["prompts"] == [*SHORT.prompts()]
    assert (told["plan"]["planner"], told["plan"]["writer"]["model"]) == ("model", "writer")
    assert told["plan"]["spent"]["requests"] == 1
    (folder,) = here.glob("runs/_plans/*")
    assert folder.name.endswith(told["plan"]["digest"])
    for path in here.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in result.output
