"""All scores of a run in one call, and what docs/scores.md says of them."""

import re
from pathlib import Path

import pytest
import torch

from evaluation.clip import create, load_scorer, save
from evaluation.scoring import score_stack
from evaluation.table import SCHEMA, Run, read_scores, rows, write_scores
from tests.evaluation import tiny_scorer
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.stack import ZoomStack

RUN = Run("a1b2", "story", "joint", 7, "bundled", "f00d", "tenfold 0.1.0")
TEXT = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")


@pytest.fixture
def scorer(tmp_path):
    tokenizer = tiny_scorer.tokenizer()
    config = tiny_scorer.config(tokenizer.get_vocab_size())
    return load_scorer(save(create(config), config, tokenizer, tmp_path / "tiny"))


def test_one_call_gives_every_score_once_and_the_documentation_has_just_these(scorer, tmp_path):
    stack = ZoomStack(tiny_scorer.pictures(4, 48), 2.0)
    scores = score_stack(stack, tiny_scorer.WORDS, scorer, estimates=stack.levels, camera=Camera(4))
    assert {s.scorer for s in scores} == {None, "tiny"}
    assert len({(s.score, s.scope, s.level) for s in scores}) == len(scores)
    write_scores(rows(scores, RUN), tmp_path / "scores.parquet")
    assert len(read_scores(tmp_path)) == len(scores)
    sides = {f"seam_{side}" for side in ("top", "bottom", "left", "right")}
    told = set(re.findall(r"^\| `(\w+)` \| (level|pair|video) \|", TEXT, re.MULTILINE))
    assert told == {(s.score, s.scope) for s in scores if s.score not in sides}
    assert all(f"`{side}`" in TEXT for side in sides)


def test_the_documentation_has_the_columns_of_the_table():
    columns = TEXT.partition("## Columns")[2]
    heads = [row.split("|")[1] for row in columns.splitlines() if row.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(heads)) == SCHEMA.names


def test_prompts_must_fit_the_levels(scorer):
    with pytest.raises(InvalidInputError):
        score_stack(ZoomStack(torch.zeros(3, 3, 32, 32), 2.0), ["a"], scorer)
