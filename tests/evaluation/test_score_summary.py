import pytest
import torch

from evaluation.clip import create, load_scorer, save
from evaluation.scoring import score_stack
from evaluation.summary import MEANINGS, summarise
from evaluation.table import Run, Score, read_scores, rows, write_scores
from tests.evaluation import tiny_scorer
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.stack import ZoomStack

RUN = Run("a1b2", "story", "joint", 7, "bundled", "f00d", "tenfold 0.1.0")
PSNR = [Score("window_psnr", value, "pair", level) for level, value in enumerate([30.0, 20.0, 40.0])]
SEAM = [Score("seam", value, "level", level) for level, value in enumerate([1.1, 0.7, 1.0])]
COLOUR = [Score("delta_e", value, "pair", level) for level, value in enumerate([2.0, 5.0])]
DETAIL = [Score("seam_left", 9.0, "level", 0), Score("my_own_score", 1.0, "level", 0)]
SPEED = [Score("log_speed_sd", 0.25, "video")]


def test_the_worst_level_depends_on_which_way_is_better():
    entries = {entry["score"]: entry for entry in summarise(rows(PSNR + SEAM + COLOUR + DETAIL + SPEED, RUN))}
    assert set(entries) == {"window_psnr", "seam", "delta_e", "log_speed_sd"}
    assert (entries["window_psnr"]["mean"], entries["window_psnr"]["worst"]) == (30.0, 20.0)
    assert entries["window_psnr"]["worst_level"] == 1
    assert (entries["seam"]["worst"], entries["seam"]["worst_level"]) == (0.7, 1)
    assert (entries["delta_e"]["worst"], entries["delta_e"]["worst_level"]) == (5.0, 1)
    assert (entries["log_speed_sd"]["worst"], entries["log_speed_sd"]["worst_level"]) == (0.25, None)


def test_what_was_stored_is_summarised_the_same(tmp_path):
    measured = rows(PSNR + SEAM + SPEED, RUN)
    write_scores(measured, tmp_path / "scores.parquet")
    stored = summarise(read_scores(tmp_path).to_dict("records"))
    fresh = summarise(measured)
    assert [e | {"scorer": None} for e in stored] == [e | {"scorer": None} for e in fresh]


def test_nothing_to_summarise():
    assert summarise([]) == []


@pytest.fixture
def scorer(tmp_path):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    return load_scorer(save(create(config), config, tokenizer, tmp_path / "tiny"))


def test_one_call_gives_every_score_and_each_has_a_meaning(scorer, tmp_path):
    stack = ZoomStack(tiny_scorer.pictures(4, 48), 2.0)
    scores = score_stack(stack, tiny_scorer.WORDS, scorer, estimates=stack.levels, camera=Camera(4))
    assert {s.score for s in scores} >= set(MEANINGS)
    assert {s.score for s in scores} - set(MEANINGS) == {"seam_top", "seam_bottom", "seam_left", "seam_right"}
    assert {s.scorer for s in scores} == {None, "tiny"}
    assert len({(s.score, s.scope, s.level) for s in scores}) == len(scores)
    write_scores(rows(scores, RUN), tmp_path / "scores.parquet")
    assert len(read_scores(tmp_path)) == len(scores)
    assert [entry["score"] for entry in summarise(rows(scores, RUN))] == list(MEANINGS)


def test_prompts_must_fit_the_levels(scorer):
    with pytest.raises(InvalidInputError):
        score_stack(ZoomStack(torch.zeros(3, 3, 32, 32), 2.0), ["a"], scorer)
