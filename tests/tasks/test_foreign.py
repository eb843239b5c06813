"""What another tool has made: taken as levels or as a film, published like a run, or refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks import foreign
from tasks.cards import run_folders
from tasks.errors import RefusedError
from tasks.foreign_folder import publish
from tasks.scoring import measure, plan
from tasks.scoring_plan import Asked
from tasks.subjects import read_subject
from tests.tasks.scored import given, known_film, pictures, read, stack
from tests.tasks.test_pipeline import story
from zoomlib.errors import InvalidInputError


def test_pictures_are_taken_in_natural_order_and_stand_as_a_run_does(tmp_path):
    taken = foreign.take(given(pictures(tmp_path / "their zoom", names="view {}.png"), name="Tool X"))  # 8, 9, 10
    assert not (tmp_path / "runs").exists()
    subject = publish(taken, tmp_path / "runs")
    assert subject.folder == tmp_path / "runs" / "their-zoom" / taken.id
    assert [read_subject(folder).card for folder in run_folders(tmp_path / "runs")] == [subject.card]
    assert len(subject.card.levels) == 3
    assert all(path.is_file() for path in subject.card.levels)
    assert (subject.stack().levels == taken.stack.levels).all()
    assert publish(taken, tmp_path / "runs").folder == subject.folder  # found, not made again
    (outcome,) = measure(plan([subject], Asked()), Asked())
    assert outcome.made == ("scores.parquet",)
    frame = read(subject.folder)
    assert frame[frame["score"] == "window_psnr"]["value"].min() > 45  # levels that truly show each other
    assert "clip_score" not in set(frame["score"])  # no prompts are known
    levels = list(reversed(stack()))
    other = publish(foreign.take(given(pictures(tmp_path / "wrong way", levels))), tmp_path / "runs")
    measure(plan([other], Asked()), Asked())
    assert read(other.folder).query("score == 'window_psnr'")["value"].max() < 30


def test_prompts_of_a_story_make_text_scores(tmp_path):
    subject = publish(foreign.take(given(pictures(tmp_path / "a"), story=story(), title="Mine")), tmp_path)
    assert (subject.card.story, subject.card.prompts) == ("Mine", ("a", "b", "c"))
    measure(plan([subject], Asked()), Asked())
    assert (read(subject.folder)["score"] == "clip_score").sum() == 3


def test_pictures_of_any_kind_become_levels_of_one_size(tmp_path):
    """Larger ones are averaged down to the smallest; grey, 16 bits, transparency and EXIF's turn are understood."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    wide, middle, deep = stack(64)
    Image.fromarray(wide.repeat(2, 0).repeat(2, 1)).save(folder / "1.png")
    grey = middle[..., 0].astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "2.png")
    turned = Image.fromarray(np.rot90(deep, 1).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "3.png", exif=exif)
    taken = foreign.take(given(folder))
    assert taken.stack.levels.shape == (3, 3, 64, 64)
    back = ((taken.stack.levels + 1) * 127.5).round().numpy().astype(int)
    assert abs(back[0].transpose(1, 2, 0) - wide).max() <= 1
    assert abs(back[1].transpose(1, 2, 0) - middle[..., :1]).max() <= 1
    assert abs(back[2].transpose(1, 2, 0) - deep).max() <= 1
    said = " ".join(taken.notes)
    assert "64 x 64" in said
    assert "16 bits" in said
    assert "EXIF" in said


def test_every_step_may_have_a_factor_of_its_own(tmp_path):
    subject = publish(foreign.take(given(pictures(tmp_path / "a"), (2.0, 4.0))), tmp_path)
    assert subject.card.p == (2.0, 4.0)
    assert subject.stack().factors == (2.0, 4.0)
    assert measure(plan([subject], Asked()), Asked())[0].error is None


def one(folder):
    pictures(folder, stack()[:1])


def shapes(folder):
    pictures(folder)
    Image.fromarray(stack()[0][:40]).save(folder / "x.png")


def tiny(folder):
    pictures(folder, [level[:15, :15] for level in stack()])


def damaged(folder):
    pictures(folder)
    (folder / "view 9.png").write_bytes(b"no picture")


REFUSED = {
    "one picture": (one, {}, "1 picture,"),
    "several shapes": (shapes, {}, "one shape"),
    "too small": (tiny, {}, "too small"),
    "damaged": (damaged, {}, "view 9.png"),
    "two factors too many": (pictures, {"p": (2.0, 2.0, 2.0, 2.0)}, "zoom factors"),
    "windows of nothing": (pictures, {"p": (20.0,)}, "--p"),
    "another story": (pictures, {"story": story(levels=["a", "b"])}, "2 levels"),
    "a name of nothing": (pictures, {"name": " "}, "--name"),
    "a title with orders": (pictures, {"title": "a\x1b[2J"}, "--title"),
    "no film": (pictures, {"film": Path(__file__).resolve().parents[2] / "README.md"}, "README.md"),
}


@pytest.mark.parametrize(("make", "told", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_is_refused_and_nothing_is_written(tmp_path, make, told, words):
    make(tmp_path / "given")
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        foreign.take(given(tmp_path / "given", **told))
    assert [path.name for path in tmp_path.iterdir()] == ["given"]


@pytest.mark.parametrize("text", ["1", "0", "-2", "nan", "inf", "two", "", "2,,2", "2,1"])
def test_factors_that_are_none_are_refused(text):
    with pytest.raises(RefusedError, match="--p"):
        foreign.read_p(text)


def test_factors_are_read():
    assert foreign.read_p("2") == (2.0,)
    assert foreign.read_p("2, 2.5,4") == (2.0, 2.5, 4.0)


def test_another_tools_film_is_scored_as_levels_and_as_a_film(tmp_path):
    """A film of known levels, given without them: they are found again, and what is told of it is a run's."""
    levels = stack(96, 3)
    folder = publish(foreign.take(given(pictures(tmp_path / "known", levels))), tmp_path).folder
    assert (folder / "stack").is_dir()
    film = known_film(folder / "stack", tmp_path / "known.mp4")
    subject = publish(foreign.take(given(film, name="Tool Y")), tmp_path / "films")
    assert subject.card.film == "zoom.mp4"
    assert (subject.folder / "zoom.mp4").read_bytes() == film.read_bytes()
    assert len(subject.card.levels) == 3
    (outcome,) = measure(plan([subject], Asked()), Asked())
    assert (outcome.made, outcome.kept) == (("scores.parquet",), ("scores-video.parquet",))
    frame = read(subject.folder)
    assert {"flicker", "log_speed_sd_measured"} <= set(frame["score"])
    assert frame.query("score == 'window_psnr'")["value"].min() > 25
    assert frame.query("score == 'log_speed_sd_measured'")["value"].item() < 0.05
    again = measure(plan([subject], Asked(force=True)), Asked(force=True))[0]
    assert again.made == ("scores.parquet", "scores-video.parquet")
    pd.testing.assert_frame_equal(read(subject.folder), frame, rtol=0, atol=1e-6)
