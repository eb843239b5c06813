"""All scores of a run in one call."""

import pytest
import torch

from evaluation.catalogue import ENTRIES
from evaluation.dataset import read_scores
from evaluation.networks.clip import create, load_scorer, save
from evaluation.scoring import score_stack
from evaluation.table import rows, write_scores
from tests.evaluation import tiny_scorer
from tests.evaluation.test_table import RUN
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.stack import ZoomStack


@pytest.fixture
def scorer(tmp_path):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    return load_scorer(save(create(config), config, tokenizer, tmp_path / "tiny"))


def test_one_call_gives_every_score_once(scorer, tmp_path):
    stack = ZoomStack(tiny_scorer.pictures(4, 48), 2.0)
    kept = {0: 0.0, 2: 2 / 255}
    scores = score_stack(stack, tiny_scorer.WORDS, scorer, estimates=stack.levels, camera=Camera(4), kept=kept)
    assert {s.scorer for s in scores} == {None, "tiny"}
    assert len({(s.score, s.scope, s.level) for s in scores}) == len(scores)
    assert {(s.score, s.scope) for s in scores} <= {(entry.name, entry.scope) for entry in ENTRIES}
    write_scores(rows(scores, RUN), tmp_path / "scores.parquet")
    assert len(read_scores(tmp_path)) == len(scores)


def test_the_change_of_kept_pixels_is_in_grey_levels(scorer):
    """2 / 255 of the range [-1, 1], which is 2 wide: one grey level of 255."""
    stack = ZoomStack(tiny_scorer.pictures(3, 48), 2.0)
    scores = score_stack(stack, ["a", "b", "c"], kept={1: 2 / 255, 0: 0.0})
    assert [(s.level, s.value) for s in scores if s.score == "kept_change"] == [(0, 0.0), (1, pytest.approx(1))]
    assert not any(s.score == "kept_change" for s in score_stack(stack, ["a", "b", "c"]))


def test_prompts_must_fit_the_levels(scorer):
    with pytest.raises(InvalidInputError):
        score_stack(ZoomStack(torch.zeros(3, 3, 32, 32), 2.0), ["a"], scorer)
