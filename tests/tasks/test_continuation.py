"""Runs that go on from finished ones: what is kept, what is made, what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from prompts import Story, load_story
from tasks.cleaning import clean
from tasks.continuation import Continuation, extended, rerolled
from tasks.cost import cost
from tasks.errors import RefusedError
from tasks.finished import Finished, read_finished, read_run
from tasks.pipeline import Making, Report, run_zoom
from tasks.plan import prepare
from tasks.rerender import make, planned
from tasks.run import Tools
from tasks.sample import SAMPLING
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import BASE, in_store, made, run
from zoomlib.errors import InvalidInputError
from zoomlib.methods import load_method, method_names
from zoomlib.stack import ZoomStack

OUTPAINT = ("method=outpaint-direct", "sampling.steps=3")
LEVELS = ["a", "b", "c", "d"]
FILM = "film.fps=2"
"""Nothing here is about the pictures of a film: there are few."""


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> dict[str, Path]:
    """Folders of all runs in which one was made, by what it was made of: each is made once."""
    return {}


@pytest.fixture
def base_of(bases, tmp_path_factory):
    """A finished run in a folder of all runs of the test's own, as a copy of one that was made before."""

    def copied(root: Path, *settings: str, **changes) -> tuple[Report, Finished]:
        changes = {"levels": LEVELS} | changes
        key = json.dumps([settings, changes])
        if key not in bases:
            bases[key] = tmp_path_factory.mktemp("base")
            run(bases[key], FILM, *settings, **changes)
        shutil.copytree(bases[key], root, dirs_exist_ok=True)
        report = run(root, FILM, *settings, **changes)
        assert made(report) == []
        return report, read_finished(report.run.id, root)

    return copied


def go_on(continuation: Continuation, studio: Studio | None = None, **more) -> Report:
    tools = (studio or Studio()).tools()
    return run_zoom(continuation.config, continuation.story, continuation.root, tools=tools, **more)


def sampling_of(continuation: Continuation, tools: Tools | None) -> Making:
    """Its levels as sampled; neither enlarged nor filmed."""
    making = Making(prepare(continuation.config, continuation.story, continuation.root, tools))
    making.make(SAMPLING)
    return making


def sampled_on(continuation: Continuation, studio: Studio | None = None) -> torch.Tensor:
    return sampled(sampling_of(continuation, (studio or Studio()).tools()))


def stack(report: Report) -> torch.Tensor:
    return ZoomStack.load(report.run.folder / "stack").levels


def outside(levels: torch.Tensor, side: float = 0.5) -> torch.Tensor:
    """The pixels of levels (..., H, W) outside a centred part of the given side, flat."""
    H, W = levels.shape[-2:]
    mask = torch.ones(H, W, dtype=torch.bool)
    h, w = round(H * side / 2), round(W * side / 2)
    mask[H // 2 - h : H // 2 + h, W // 2 - w : W // 2 + w] = False
    return levels[..., mask]


def ways() -> list[tuple[str, bool]]:
    able = {name: getattr(load_method(name), "EXTENDS", ()) for name in method_names()}
    return [(name, way == "wider") for name, ways in able.items() for way in ways]


@pytest.mark.parametrize(("method", "wider"), ways())
def test_every_method_that_can_goes_on_and_keeps_what_is_there(base_of, tmp_path, method, wider):
    blind = ["sampling.stage_1=false"] if method == "alignnoise" else []  # the painter has no attention
    report, base = base_of(tmp_path, f"method={method}", "sampling.steps=2", *blind)
    longer = go_on(extended(base, 2, wider=wider, prompts=["x", "y"]))
    prompts = ["y", "x", *LEVELS] if wider else [*LEVELS, "x", "y"]
    assert [level.prompt for level in longer.run.story.levels] == prompts
    kept = slice(2, 6) if wider else slice(0, 4)
    assert torch.equal(sampled(longer)[kept], sampled(report))
    assert torch.equal(stack(longer)[kept], stack(report))
    assert longer.run.folder.parent == report.run.folder.parent
    assert longer.run.id != report.run.id


def as_it_was(folder: Path) -> None:
    """Take out of a run's folder the settings that there were not before there were real models."""
    facts = json.loads((folder / "config.json").read_text())
    config = facts["config"]
    for part, since in {
        "model": ("fallbacks", "download", "size", "loras", "embeddings", "tiny_vae", "offload", "compile"),
        "sampling": ("space", "every", "switch"),
        "enlarge": ("stages",),
    }.items():
        config[part] = {name: value for name, value in config[part].items() if name not in since}
    del config["preset"], config["style"], config["model"]["channels_last"]
    config["model"]["rows"] = None
    known = ("id", "family", "shape", "factor", "size_px", "inpaints", "upscaler", "revision")
    facts["model"] = {name: value for name, value in facts["model"].items() if name in known}
    (folder / "config.json").write_text(json.dumps(facts))


def test_a_run_of_an_earlier_version_goes_on_and_is_rendered(base_of, tmp_path):
    report, _ = base_of(tmp_path, "sampling.steps=2")
    as_it_was(report.run.folder)
    before = read_finished(report.run.id, tmp_path)
    assert before.config.model.rows is None
    assert torch.equal(sampled_on(extended(before, 1, wider=False, prompts=["x"]))[:4], sampled(report))
    film = planned(read_run(report.run.id, tmp_path), {"film.fps": "4"})
    assert make(film)["made"]


@pytest.mark.parametrize("method", ["joint", "superres"])
def test_an_open_window_comes_to_show_the_new_level_and_all_else_is_kept(base_of, tmp_path, method):
    report, base = base_of(tmp_path, f"method={method}", "sampling.steps=2")
    old, new = sampled(report), sampled_on(extended(base, 1, wider=False, prompts=["x"], open_window=True))
    for i in range(4):
        assert torch.equal(outside(old[i], 0.7), outside(new[i], 0.7))
        assert not torch.equal(old[i], new[i])
    closed = sampled_on(extended(base, 1, wider=False, prompts=["x"]))
    assert torch.equal(closed[:4], old)
    assert not torch.equal(closed[4], new[4])


def test_outpainting_on_is_what_a_longer_run_would_have_been(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    longer = sampled_on(extended(base, 2, prompts=["x", "y"]))
    whole = run(tmp_path, FILM, *OUTPAINT, levels=["y", "x", *LEVELS])
    assert torch.equal(longer, sampled(whole))


def test_kept_levels_pass_no_model_and_a_finished_run_makes_nothing(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT, "guidance.scale=1")
    more, studio = extended(base, 1), Studio()
    assert cost(prepare(more.config, more.story, more.root, Studio().tools())).evaluations == 3
    go_on(more, studio)
    assert studio.painters[0].steps == 3
    again = Studio()
    assert made(go_on(more, again)) == []
    assert again.loaded == []


@pytest.mark.parametrize("method", ["outpaint-direct", "outpaint-sequential", "joint"])
@pytest.mark.parametrize("level", [0, 2, 3])
def test_a_level_is_made_again_and_the_others_keep_what_is_their_own(base_of, tmp_path, method, level):
    report, base = base_of(tmp_path, f"method={method}", "sampling.steps=2")
    other = go_on(rerolled(base, level, prompt="something else", seed=7))
    old, new = sampled(report), sampled(other)
    rest = [i for i in range(4) if i != level]
    assert not torch.equal(outside(old[level]), outside(new[level]))
    for i in rest:
        part = 0.8 if i == level - 1 else 0.7 if method == "joint" else 0.5  # joined to what is new by a band
        assert torch.equal(outside(old[i], part), outside(new[i], part))
        assert torch.equal(outside(stack(report)[i], part), outside(stack(other)[i], part))
    if level < 3:
        assert torch.equal(old[level + 1 :], new[level + 1 :])
    assert other.run.story.levels[level].prompt == "something else"


def test_windows_agree_after_a_level_was_made_again(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    levels = stack(go_on(rerolled(base, 2)))
    inner = torch.nn.functional.avg_pool2d(levels[1:], 2)
    assert (levels[:-1, :, 16:48, 16:48] - inner).abs().max() <= 1.5 * 2 / 255  # each side rounded to 8 bits


def test_without_seed_or_prompt_the_seed_is_the_next_and_with_a_prompt_it_stays(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT, "seed=4")
    plain = rerolled(base, 1)
    assert plain.story.levels[1].seed == 5
    assert "seed 5" in plain.notes[0]
    again = read_finished(go_on(plain).run.id, tmp_path)
    assert rerolled(again, 1).story.levels[1].seed == 6
    assert rerolled(base, 1, prompt="new").story.levels[1].seed is None
    assert rerolled(base, 1, seed=0).story.levels[1].seed == 0


def test_prompts_and_widths_of_new_levels_follow_and_it_is_said(base_of, tmp_path):
    levels = [{"prompt": "a", "width_m": 8.0, "negative": "fog"}, {"prompt": "b", "width_m": 4.0}]
    _, base = base_of(tmp_path, *OUTPAINT, levels=levels)
    wider = extended(base, 2)
    assert [(one.prompt, one.width_m, one.negative) for one in wider.story.levels[:2]] == [
        ("a", 32, "fog"),
        ("a", 16, "fog"),
    ]
    assert "prompt of 2 new levels is that of the outermost level: a" in wider.notes[0]
    some = extended(base, 3, prompts=["x", "y"])
    assert [one.prompt for one in some.story.levels[:3]] == ["y", "y", "x"]
    assert "1 new level is the last one given: y" in some.notes[0]
    assert extended(base, 1, prompts=["x"]).notes == ()
    deeper = extended(base, 1, wider=False, changes={"method": "superres"})
    assert (deeper.story.levels[2].prompt, deeper.story.levels[2].width_m) == ("b", 2)
    assert deeper.config.seed == base.config.seed + 1
    assert extended(base, 1, changes={"seed": 9}).config.seed == 9


def test_the_run_says_what_it_goes_on_from(base_of, tmp_path):
    report, base = base_of(tmp_path, *OUTPAINT)
    longer = go_on(extended(base, 1))
    facts = json.loads((longer.run.folder / "config.json").read_text())
    assert facts["base"] == report.run.id
    assert facts["config"]["base"]["levels"] == [None, 0, 1, 2, 3]
    assert load_story(longer.run.folder / "story.yaml") == longer.run.story
    assert json.loads((longer.run.folder / "records.json").read_text())


def test_a_run_that_goes_on_can_be_gone_on_from(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    once = go_on(extended(base, 1, prompts=["x"]))
    twice = sampled_on(extended(read_finished(str(once.run.folder), tmp_path), 1, prompts=["y"]))
    assert torch.equal(twice[1:], sampled(once))


def test_a_picture_of_a_level_is_not_needed_any_more(base_of, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(photo)
    levels = [*LEVELS[:3], {"prompt": "d", "image": str(photo)}]
    report, base = base_of(tmp_path / "runs", *OUTPAINT, levels=levels)
    photo.unlink()
    base = read_finished(report.run.id, tmp_path / "runs")
    assert torch.equal(sampled_on(extended(base, 1))[4], sampled(report)[3])
    again = rerolled(base, 3)
    assert "had a picture of its own, which is not used this time" in " ".join(again.notes)
    assert not torch.equal(sampled_on(again)[3], sampled(report)[3])


def test_the_base_may_be_deleted_and_swept(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    more = extended(base, 1)
    longer = go_on(more)
    before = stack(longer)
    shutil.rmtree(base.folder)
    clean(tmp_path)
    in_store(longer, "levels", "level_00.png").unlink()
    assert made(go_on(more)) == ["levels"]
    assert torch.equal(stack(longer), before)
    assert made(go_on(more, force=True)) == ["story", "sampling", "levels", "video", "motion", "pictures", "view"]
    assert torch.equal(stack(longer), before)


def test_finished_pictures_stand_in_for_levels_that_the_store_has_lost_where_sizes_fit(base_of, tmp_path):
    report, base = base_of(tmp_path, *OUTPAINT, "film.size_px=32")
    in_store(report, "sampling", "sampled").unlink()
    base = read_finished(report.run.id, tmp_path)
    assert base.sampled is None
    longer = go_on(extended(base, 1))
    assert torch.equal(outside(stack(longer)[1:]), outside(stack(report)))
    assert (stack(longer)[1:] - stack(report)).abs().max() < 1.01 * 2 / 255  # windows are means of 8-bit pixels now
    other = go_on(rerolled(base, 2))
    assert torch.equal(stack(other)[3], stack(report)[3])


def test_levels_that_are_lost_and_were_enlarged_are_refused(base_of, tmp_path):
    report, _ = base_of(tmp_path, *OUTPAINT)
    in_store(report, "sampling", "sampled").unlink()
    with pytest.raises(RefusedError, match=r"no longer in the store .* Make it again"):
        read_finished(report.run.id, tmp_path)


def test_levels_of_another_size_are_refused(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    more, studio = extended(base, 1), Studio()
    larger = replace(
        studio.tools(), describe=lambda name, **_: studio.describe(name) | {"shape": (3, 64, 64), "size_px": (64, 64)}
    )
    with pytest.raises(RefusedError, match=r"32 x 32 pixels, this model makes 64 x 64. .* model that made it"):
        prepare(more.config, more.story, more.root, larger)


def test_a_level_count_that_does_not_match_is_refused(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    more = extended(base, 1)
    shorter = Story.model_validate(more.story.model_dump() | {"levels": more.story.model_dump()["levels"][:3]})
    with pytest.raises(RefusedError, match=r"The story has 3 levels, and base\.levels says of 5"):
        prepare(more.config, shorter, more.root, Studio().tools())
    far = more.config.model_copy(update={"base": more.config.base.model_copy(update={"levels": (None, 0, 1, 2, 9)})})
    with pytest.raises(RefusedError, match=r"has 4 levels, but base\.levels names 9"):
        prepare(far, more.story, more.root, Studio().tools())


REFUSED = {
    "no level": (lambda base: extended(base, 0), "1 to 60 more, not 0"),
    "too many": (lambda base: extended(base, 61), "1 to 60 more, not 61"),
    "prompts": (lambda base: extended(base, 1, prompts=["x", "y"]), "2 prompts came for 1 new level"),
    "deeper": (lambda base: extended(base, 1, wider=False), "cannot go on deeper. Use --method with one of .*superres"),
    "method": (
        lambda base: extended(base, 1, wider=True, changes={"method": "superres"}),
        "superres cannot go on w",
    ),
    "open": (lambda base: extended(base, 1, open_window=True), "Only deeper levels can open a window"),
    "p": (lambda base: extended(base, 1, changes={"p": 3}), "lie p = 2 apart"),
    "setting": (lambda base: extended(base, 1, changes={"film.fsp": 3}), r"Did you mean film\.fps"),
    "photo": (lambda base: extended(base, 1, changes={"photo": "a.png"}), "photo cannot be set"),
    "base": (lambda base: rerolled(base, 1, changes={"base.run": "x"}), r"base\.run cannot be set"),
    "level": (lambda base: rerolled(base, 4), "has levels 0 to 3, not 4"),
    "negative level": (lambda base: rerolled(base, -1), "has levels 0 to 3, not -1"),
    "seed": (lambda base: rerolled(base, 1, seed=-1), "seed"),
    "prompt": (lambda base: rerolled(base, 1, prompt=""), "empty|words"),
}


@pytest.mark.parametrize(("ask", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(base_of, tmp_path, ask, words):
    _, base = base_of(tmp_path, *OUTPAINT)
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        ask(base)


def test_a_closed_loop_has_no_end_to_go_on_from(base_of, tmp_path):
    _, base = base_of(tmp_path, loop=True, levels=list("abcdef"))
    with pytest.raises(RefusedError, match="closed loop"):
        extended(base, 1)


def test_runs_are_found_by_id_by_its_beginning_and_by_folder(base_of, tmp_path):
    report, base = base_of(tmp_path, *OUTPAINT)
    for name in (report.run.id, report.run.id[:5], str(report.run.folder)):
        assert read_finished(name, tmp_path) == base
    assert base.root == tmp_path
    for name in ("nobody", report.run.id[:3], ""):
        with pytest.raises(RefusedError, match=f"no such run .* there are: {report.run.id}"):
            read_finished(name, tmp_path)
    with pytest.raises(RefusedError, match="there are: none"):
        read_finished("nobody", tmp_path / "elsewhere")


def test_a_run_that_is_not_finished_or_damaged_is_refused(base_of, tmp_path):
    report, _ = base_of(tmp_path, *OUTPAINT)
    config = report.run.folder / "config.json"
    sound = config.read_text()
    for text in ("{", "{}", "[]", sound.replace('"method"', '"mehtod"')):
        config.write_text(text)
        with pytest.raises(RefusedError, match="cannot be used as a finished run"):
            read_finished(report.run.id, tmp_path)
    config.unlink()
    with pytest.raises(RefusedError, match=r"holds no finished run: config\.json is missing"):
        read_finished(report.run.id, tmp_path)


def test_another_method_begins_with_its_own_settings(base_of, tmp_path):
    report, base = base_of(tmp_path, "sampling.steps=2")
    more = extended(base, 1, wider=True, changes={"method": "outpaint-direct", "sampling.steps": 3})
    assert more.config.sampling == {"steps": 3}
    assert extended(base, 1, wider=True).config.sampling["steps"] == 2
    studio = Studio()
    assert torch.equal(sampled_on(more, studio)[1:], sampled(report))  # soft windows stay as they are
    assert studio.painters[0].steps == 3


def test_settings_of_the_base_are_kept(base_of, tmp_path):
    settings = with_settings(RunConfig(), [*BASE, FILM, *OUTPAINT]).film
    _, base = base_of(tmp_path, *OUTPAINT)
    kept = extended(base, 1).config.film
    assert kept == rerolled(base, 0).config.film
    coding = {"codec": "h264", "quality": 18, "preset": "veryfast", "chroma": "420"}  # what followed from them
    assert kept == settings.model_copy(update=coding)


def test_another_format_of_film_begins_with_its_own_coding(base_of, tmp_path):
    _, base = base_of(tmp_path, *OUTPAINT)
    film = extended(base, 1, changes={"film.format": "webm"}).config.film
    assert (film.format, film.codec, film.quality, film.size_px) == ("webm", None, None, base.config.film.size_px)
